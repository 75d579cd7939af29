// PostGraphile on Switchboard's tables with its generated API. It checks neither tokens nor access, so it does less work
// than the other servers.

import { createServer } from 'node:http';

import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { grafserv } from 'postgraphile/grafserv/node';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { jsonPgSmartTags } from 'postgraphile/utils';

import { onEveryCore } from '../cluster.mjs';

const { DATABASE_URL, CONNECTIONS = '10' } = process.env;

// PostGraphile 5 needs this function, which Node.js 20 does not have.
Promise.withResolvers ??= () => {
  const deferred = {};
  deferred.promise = new Promise((resolve, reject) => Object.assign(deferred, { resolve, reject }));
  return deferred;
};

// The only relation without a foreign key in the tables.
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
  // The plugin removes orders and conditions on columns that are not first in an index; these indexes begin with the
  // workspace.
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
