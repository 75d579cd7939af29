// A list that stays right by itself, read page by page.
import { useCallback, useEffect, useMemo, useState } from 'react';
import { useClient } from 'urql';
import { QueueChangesSubscription, QueueQuery } from './documents';
import { type Queue, type Row, append, fold, inOrder } from './fold';
import type { ConversationFilter, ConversationView } from './gql/graphql';

interface Live {
  rows: Row[];
  loading: boolean;
  error?: string;
  /** Reads the next page; null on the last page, and while a page is loading. */
  loadMore: (() => void) | null;
}

/**
 * Reads the list, then listens from the position at which it was read, so that nothing falls between.
 *
 * Later pages are read when asked for; the changes since the first one go on counting for all of them.
 * A reset means that the stream cannot go on from there: the list is read anew.
 * `filter` has to be the same object from one render to the next while it means the same.
 */
export function useQueue(view: ConversationView, filter: ConversationFilter): Live {
  const client = useClient();
  const [queue, setQueue] = useState<Queue>();
  const [error, setError] = useState<string>();
  const [loadingMore, setLoadingMore] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const startOver = useCallback(() => setAttempt((n) => n + 1), []);

  useEffect(() => {
    let listening: { unsubscribe(): void } | undefined;
    let stopped = false;
    setQueue(undefined);
    setError(undefined);
    void client
      .query(QueueQuery, { view, filter })
      .toPromise()
      .then(({ data, error }) => {
        if (stopped) return;
        if (!data?.conversations) return setError(error?.message ?? 'The list cannot be read.');
        const { asOf } = data.conversations;
        setQueue(append(data.conversations));
        listening = client
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
      listening?.unsubscribe();
    };
  }, [client, view, filter, attempt, startOver]);

  const next = queue?.next ?? null;
  const loadMore = useCallback(async () => {
    setLoadingMore(true);
    setError(undefined);
    const { data, error } = await client.query(QueueQuery, { view, filter, after: next }).toPromise();
    setLoadingMore(false);
    const page = data?.conversations;
    if (!page) return setError(error?.message ?? 'The list cannot be read.');
    // Unless the list was begun anew meanwhile: then the page is not its next one.
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
