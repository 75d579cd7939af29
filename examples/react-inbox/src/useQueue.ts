// A list that stays current, loaded page by page.
import { useCallback, useEffect, useMemo, useState } from 'react';
import { useClient } from 'urql';
import { QueueChangesSubscription, QueueQuery } from './documents';
import { type Queue, type Row, append, fold, inOrder } from './fold';
import type { ConversationFilter, ConversationView } from './gql/graphql';

interface Live {
  rows: Row[];
  loading: boolean;
  error?: string;
  /** Loads the next page; null if there is no next page or it is loading. */
  loadMore: (() => void) | null;
}

/**
 * Loads the first page, then subscribes to the changes since its `asOf`, so that no change is missed.
 *
 * `loadMore` loads further pages. The changes since the first page apply to all pages.
 * A reset means that the subscription cannot continue, so the list is loaded again.
 * `filter` must be a stable object: a new object loads the list again.
 */
export function useQueue(view: ConversationView, filter: ConversationFilter): Live {
  const client = useClient();
  const [queue, setQueue] = useState<Queue>();
  const [error, setError] = useState<string>();
  const [loadingMore, setLoadingMore] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const startOver = useCallback(() => setAttempt((n) => n + 1), []);

  useEffect(() => {
    let subscription: { unsubscribe(): void } | undefined;
    let stopped = false;
    setQueue(undefined);
    setError(undefined);
    void client
      .query(QueueQuery, { view, filter })
      .toPromise()
      .then(({ data, error }) => {
        if (stopped) return;
        if (!data?.conversations) return setError(error?.message ?? 'The list could not be loaded.');
        const { asOf } = data.conversations;
        setQueue(append(data.conversations));
        subscription = client
          .subscription(QueueChangesSubscription, { view, filter, after: asOf })
          .subscribe(({ data, error }) => {
            if (stopped) return;
            if (error) return setError(error.message);
            const change = data?.queueChanges;
            if (change?.__typename === 'QueueReset') return startOver();
            if (change) setQueue((queue) => queue && fold(queue, change));
          });
      });
    return () => {
      stopped = true;
      subscription?.unsubscribe();
    };
  }, [client, view, filter, attempt, startOver]);

  const next = queue?.next ?? null;
  const loadMore = useCallback(async () => {
    setLoadingMore(true);
    setError(undefined);
    const { data, error } = await client.query(QueueQuery, { view, filter, after: next }).toPromise();
    setLoadingMore(false);
    const page = data?.conversations;
    if (!page) return setError(error?.message ?? 'The list could not be loaded.');
    // If the list was loaded again in the meantime, this is not its next page.
    setQueue((queue) => (queue?.next === next ? append(page, queue) : queue));
  }, [client, view, filter, next]);

  const rows = useMemo(() => (queue ? inOrder(queue) : []), [queue]);
  return {
    rows,
    loading: !queue && !error,
    error,
    loadMore: next === null || loadingMore ? null : () => void loadMore(),
  };
}
