// A page of a list that stays right by itself.
import { useCallback, useEffect, useMemo, useState } from 'react';
import { useClient } from 'urql';
import { QueueChangesSubscription, QueueQuery } from './documents';
import { type Queue, type Row, fold, fromPage, inOrder } from './fold';
import type { ConversationFilter, ConversationView } from './gql/graphql';

interface Live {
  rows: Row[];
  loading: boolean;
  error?: string;
}

/**
 * Reads the list, then listens from the position at which it was read, so that nothing falls between.
 *
 * A reset means that the stream cannot go on from there: the list is read anew.
 * `filter` has to be the same object from one render to the next while it means the same.
 */
export function useQueue(view: ConversationView, filter: ConversationFilter): Live {
  const client = useClient();
  const [queue, setQueue] = useState<Queue>();
  const [error, setError] = useState<string>();
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
        const { nodes, asOf } = data.conversations;
        setQueue(fromPage(nodes));
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

  const rows = useMemo(() => (queue ? inOrder(queue) : []), [queue]);
  return { rows, loading: !queue && !error, error };
}
