// PostGraphile over Switchboard's tables: the API that it makes of them by itself. There is no sign-in, and no
// access is checked, which is less than the others do.

import { createServer } from 'node:http';

import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { grafserv } from 'postgraphile/grafserv/node';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { jsonPgSmartTags } from 'postgraphile/utils';

import { onEveryCore } from '../cluster.mjs';

const { DATABASE_URL, CONNECTIONS = '10' } = process.env;

// What PostGraphile 5 misses in Node.js 20.
Promise.withResolvers ??= () => {
  const deferred = {};
  deferred.promise = new Promise((resolve, reject) => Object.assign(deferred, { resolve, reject }));
  return deferred;
};

// The one relation that the tables do not declare.
const lastMessage = jsonPgSmartTags({
  version: 1,
  config: {
    class: {
      conversations: {
        tags: {
          foreignKey: '(workspace_id, last_message_id) references messages (workspace_id, id)|@fieldName lastMessage',
        },
      },
    },
  },
});

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [lastMessage],
  // Leaves out orders and conditions on columns that no index begins with; ours begin with the workspace.
  disablePlugins: ['PgIndexBehaviorsPlugin'],
  pgServices: [
    makePgService({
      connectionString: DATABASE_URL,
      schemas: ['public'],
      poolConfig: { max: Number(CONNECTIONS) },
    }),
  ],
  grafserv: { graphiql: false, watch: false },
  grafast: { explain: false },
};

onEveryCore(() => {
  const server = createServer({ keepAliveTimeout: 0 });
  const api = postgraphile(preset).createServ(grafserv);
  api.addTo(server);
  return server;
});
