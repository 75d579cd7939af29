// One client for queries, mutations and subscriptions, as one caller.
import { createClient as createSocket } from 'graphql-ws';
import { Client, fetchExchange, subscriptionExchange } from 'urql';

/** The socket was closed because the token has expired or its agent was deactivated. */
const FORBIDDEN = 4403;

export function createClient(token: string, onSignedOut: () => void) {
  const authorization = `Bearer ${token}`;
  const socket = createSocket({
    url: new URL('/graphql', location.href).href.replace(/^http/, 'ws'),
    connectionParams: { Authorization: authorization },
    // A broken socket comes back by itself and sends each subscription again, with the `after` that it
    // began with. The server replays from there, and the fold drops what it has seen.
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
    // What changes comes through the subscription, so a cache of documents would only be behind.
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
