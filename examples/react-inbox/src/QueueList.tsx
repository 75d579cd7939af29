import { useState } from 'react';
import { useClient } from 'urql';
import { AssignMenu } from './AssignMenu';
import { ClaimMutation } from './documents';
import type { Row } from './fold';
import type { ConversationFilter, ConversationView } from './gql/graphql';
import { useQueue } from './useQueue';

interface Props {
  view: ConversationView;
  filter: ConversationFilter;
}

export function QueueList({ view, filter }: Props) {
  const client = useClient();
  const { rows, loading, error, loadMore } = useQueue(view, filter);
  const [refusal, setRefusal] = useState<string>();

  async function claim(row: Row) {
    setRefusal(undefined);
    const { data, error } = await client.mutation(ClaimMutation, { conversationId: row.id }).toPromise();
    const refused = data?.claimConversation?.userErrors[0];
    const winner = refused && 'current' in refused ? refused.current.assignee?.name : undefined;
    // Another agent may claim the conversation first. The error names the winner, and the list updates through
    // its subscription.
    if (winner) setRefusal(`${winner} has already claimed this conversation.`);
    else if (refused ?? error) setRefusal((refused ?? error)?.message);
  }

  if (loading) return <p>Loading…</p>;
  return (
    <>
      {refusal && <p role="alert">{refusal}</p>}
      {error && <p role="alert">{error}</p>}
      {rows.length === 0 && !error && <p>No conversations.</p>}
      <ul>
        {rows.map((row) => (
          <li key={row.id} className={row.unread ? 'unread' : undefined}>
            <div className="contact">
              <strong>{row.contact.name ?? row.contact.number}</strong>
              <p>{row.lastMessage?.body}</p>
            </div>
            <AssignMenu row={row} onRefused={setRefusal} />
            {!row.assignee && (
              <button type="button" onClick={() => void claim(row)}>
                Claim
              </button>
            )}
          </li>
        ))}
      </ul>
      {loadMore && (
        <button type="button" onClick={loadMore}>
          Load more
        </button>
      )}
    </>
  );
}
