import { type ChangeEvent, useState } from 'react';
import { useClient, useQuery } from 'urql';
import { AssignMutation, AssignableQuery } from './documents';
import type { Row } from './fold';

interface Props {
  row: Row;
  onRefused: (message: string) => void;
}

/** A menu of the agents to whom the conversation can be assigned. The agents are loaded on first use. */
export function AssignMenu({ row, onRefused }: Props) {
  const client = useClient();
  const [used, setUsed] = useState(false);
  const [{ data }] = useQuery({
    query: AssignableQuery,
    variables: { conversationId: row.id },
    pause: !used,
  });
  const agents = data?.agents?.nodes ?? (row.assignee ? [row.assignee] : []);

  async function assign(event: ChangeEvent<HTMLSelectElement>) {
    const { data, error } = await client
      .mutation(AssignMutation, {
        conversationId: row.id,
        agentId: event.target.value,
        // The server refuses the assignment if the conversation has changed since.
        expectedVersion: row.version,
      })
      .toPromise();
    const refusal = data?.assignConversation?.userErrors[0]?.message ?? error?.message;
    if (refusal) onRefused(refusal);
  }

  return (
    <select
      aria-label="Assignee"
      value={row.assignee?.id ?? ''}
      onFocus={() => setUsed(true)}
      onChange={(event) => void assign(event)}
    >
      <option value="" disabled>
        Unassigned
      </option>
      {agents.map((agent) => (
        <option key={agent.id} value={agent.id}>
          {agent.name}
        </option>
      ))}
    </select>
  );
}
