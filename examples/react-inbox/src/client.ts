// Creates the urql client for queries, mutations and subscriptions of one caller.
import { createClient as createSocket } from 'graphql-ws';
import { Client, fetchExchange, subscriptionExchange } from 'urql';

/** The close code for a token that is invalid or expired, or whose agent was deactivated. */
const FORBIDDEN = 4403;

export function createClient(token: string, onSignedOut: () => void) {
  const authorization = `Bearer ${token}`;
  const socket = createSocket({
    url: new URL('/graphql', location.href).href.replace(/^http/, 'ws'),
    connectionParams: { Authorization: authorization },
    // After a disconnect, the socket reconnects and sends each subscription again with its original `after`.
    // The server replays the changes since then, and the fold ignores the changes that it has already applied.
    retryAttempts: Infinity,
    shouldRetry: (reason) => !(reason instanceof CloseEvent && reason.code === FORBIDDEN),
    on: {
      closed: (reason) => {
        if (reason instanceof CloseEvent && reason.code === FORBIDDEN) onSignedOut();
      },
    },
  });
  const client = new Client({
    url: '/graphql',
    preferGetMethod: false,
    // Changes arrive through the subscription, so a document cache would only return stale data.
    requestPolicy: 'network-only',
    fetchOptions: { headers: { authorization } },
    exchanges: [
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: socket.subscribe({ query, variables: variables as Record<string, unknown> }, sink),
          }),
        }),
      }),
    ],
  });
  return { client, dispose: () => void socket.dispose() };
}
