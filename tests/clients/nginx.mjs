// Tests deploy/nginx.conf in front of a live server: the page, GraphQL over HTTP, and a browser's WebSocket, whose
// Origin must be accepted.
//
// Needs `--nginx PATH` in addition to the usual options. nginx listens on its own port and stops with the script.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { Tally, readOptions, request, until } from './support.mjs';

const { url, tokens, nginx } = readOptions({ nginx: { type: 'string', default: '/usr/sbin/nginx' } });
const tally = new Tally();

/** A port that nothing listens on. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** The configuration in deploy/, changed to use this server for both processes and to listen on a local port. */
async function configuration(port) {
  let text = await readFile(new URL('../../deploy/nginx.conf', import.meta.url), 'utf8');
  const replace = (from, to) => {
    assert.ok(text.includes(from), `deploy/nginx.conf has no ${from}`);
    text = text.replace(from, to);
  };
  const { host } = new URL(url);
  replace('switchboard-1:4000', host);
  replace('switchboard-2:4000', host);
  replace('listen 8080;', `listen 127.0.0.1:${port};`);
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  replace('http {', `http {\n${folders.map((name) => `    ${name}_temp_path ${name};\n`).join('')}`);
  return text;
}

const folder = await mkdtemp(join(tmpdir(), 'switchboard-nginx-'));
const port = await freePort();
const site = `http://127.0.0.1:${port}`;
await writeFile(join(folder, 'nginx.conf'), await configuration(port));
// nginx runs as one process, under the user of this script.
const globals = 'daemon off; master_process off; pid nginx.pid; error_log stderr warn;';
const server = spawn(nginx, ['-p', folder, '-c', join(folder, 'nginx.conf'), '-g', globals], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
let ended = false;
server.on('error', (problem) => { console.error(String(problem)); ended = true; });
server.on('exit', () => { ended = true; });
process.on('exit', () => server.kill('SIGKILL'));

/** The first result of a subscription on a socket opened by a page of `origin`, or the error of the handshake. */
function firstChange(origin) {
  const Socket = class extends WebSocket {
    constructor(address, protocol) { super(address, protocol, { origin }); }
  };
  return new Promise((resolve, reject) => {
    const client = createClient({
      url: `${site.replace('http', 'ws')}/graphql`,
      webSocketImpl: Socket,
      connectionParams: { Authorization: `Bearer ${tokens.rep}` },
      retryAttempts: 0,
      on: { error: reject },
    });
    client.subscribe(
      { query: 'subscription { queueChanges(view: INBOX) { __typename } }' },
      { next: (result) => { resolve(result); client.dispose(); }, error: reject, complete: () => {} },
    );
  });
}

await tally.check('nginx accepts the configuration and listens', () =>
  until('nginx listens', async () => {
    assert.ok(!ended, 'nginx ended');
    return fetch(`${site}/livez`).then((answer) => answer.status === 204, () => false);
  }));
await tally.check('nginx passes the page on unchanged', async () => {
  const [direct, balanced] = await Promise.all([fetch(url), fetch(site)]);
  assert.equal(balanced.status, 200);
  assert.equal(await balanced.text(), await direct.text());
});
await tally.check('nginx passes GraphQL over HTTP on', async () => {
  const { viewer } = await request(`${site}/graphql`, tokens.rep, '{ viewer { id } }');
  assert.ok(viewer.id);
});
await tally.check('a page of this host and port gets live changes', async () => {
  const { data } = await firstChange(site);
  assert.ok(data.queueChanges.__typename);
});
await tally.check('a page of another host may not open a socket', () =>
  assert.rejects(firstChange('http://pages.example'), { message: /403/ }));
await tally.check('readiness is not public', async () => {
  assert.equal((await fetch(`${site}/readyz`)).status, 404);
});

server.kill('SIGKILL');
await rm(folder, { recursive: true, force: true });
tally.finish();
