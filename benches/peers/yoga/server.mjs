// GraphQL Yoga. graphql-jit compiles queries, documents are parsed and validated once, and graphql-ws serves
// subscriptions.

import { createServer } from 'node:http';

import { useGraphQlJit } from '@envelop/graphql-jit';
import { useServer } from 'graphql-ws/use/ws';
import { createYoga } from 'graphql-yoga';
import { WebSocketServer } from 'ws';

import { onEveryCore } from '../cluster.mjs';
import { connect } from './database.mjs';
import { follow } from './live.mjs';
import { schema } from './schema.mjs';
import { signIn, viewer } from './viewer.mjs';

const { DATABASE_URL, TOKEN_SECRET, CONNECTIONS = '10' } = process.env;

onEveryCore(async () => {
  const database = connect(DATABASE_URL, Number(CONNECTIONS));
  const verify = signIn(TOKEN_SECRET);
  const yoga = createYoga({
    schema: schema(database, await follow(database)),
    // The viewer is loaded only when a field needs it.
    context: ({ request, connectionParams }) => ({
      signIn: () =>
        viewer(database, verify(connectionParams?.Authorization ?? request.headers.get('authorization'))),
    }),
    plugins: [useGraphQlJit({ disableLeafSerialization: true })],
    logging: 'error',
    graphiql: false,
    landingPage: false,
    multipart: false,
    cors: false,
  });
  const server = createServer({ keepAliveTimeout: 0 }, yoga);
  serveSockets(yoga, server);
  return server;
});

function serveSockets(yoga, server) {
  const sockets = new WebSocketServer({ server, path: yoga.graphqlEndpoint });
  const options = {
    execute: (args) => args.rootValue.execute(args),
    subscribe: (args) => args.rootValue.subscribe(args),
    async onSubscribe(context, _, params) {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
        connectionParams: context.connectionParams,
        req: context.extra.request,
        socket: context.extra.socket,
        params,
      });
      const document = parse(params.query);
      const errors = validate(schema, document);
      if (errors.length > 0) return errors;
      return {
        schema,
        document,
        operationName: params.operationName,
        variableValues: params.variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe },
      };
    },
  };
  useServer(options, sockets);
}
