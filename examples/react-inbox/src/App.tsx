import { useEffect, useState } from 'react';
import { Provider, useQuery } from 'urql';
import { createClient } from './client';
import { ViewerQuery } from './documents';
import type { ConversationFilter, ConversationView } from './gql/graphql';
import { QueueList } from './QueueList';
import { SignIn } from './SignIn';

const VIEWS: { view: ConversationView; label: string }[] = [
  { view: 'INBOX', label: 'Inbox' },
  { view: 'ASSIGNED_TO_ME', label: 'Assigned to Me' },
  { view: 'UNASSIGNED', label: 'Unassigned' },
];

const OPEN: ConversationFilter = { status: 'OPEN' };

const TOKEN = 'switchboard-token';

export function App() {
  const [token, setToken] = useState(() => sessionStorage.getItem(TOKEN));
  const [session, setSession] = useState<ReturnType<typeof createClient>>();

  useEffect(() => {
    if (!token) {
      sessionStorage.removeItem(TOKEN);
      return setSession(undefined);
    }
    sessionStorage.setItem(TOKEN, token);
    const session = createClient(token, () => setToken(null));
    setSession(session);
    return session.dispose;
  }, [token]);

  if (!token) return <SignIn onToken={setToken} />;
  if (!session) return null;
  return (
    <Provider value={session.client}>
      <Inbox onSignOut={() => setToken(null)} />
    </Provider>
  );
}

function Inbox({ onSignOut }: { onSignOut: () => void }) {
  const [view, setView] = useState<ConversationView>('UNASSIGNED');
  const [{ data }] = useQuery({ query: ViewerQuery });
  return (
    <>
      <h1>{data?.viewer?.name ?? 'Switchboard'}</h1>
      <nav aria-label="Views">
        {VIEWS.map((choice) => (
          <button
            key={choice.view}
            type="button"
            aria-pressed={choice.view === view}
            onClick={() => setView(choice.view)}
          >
            {choice.label}
          </button>
        ))}
        <button type="button" onClick={onSignOut}>
          Sign out
        </button>
      </nav>
      <QueueList key={view} view={view} filter={OPEN} />
    </>
  );
}
