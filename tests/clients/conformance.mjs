// Sends documents for which async-graphql 7 returns wrong responses, and compares each response
// of the server with that of graphql-js over the same rows.
//
// `differential.mjs` found these documents at random. Needs quiet customers
// (`demo --quiet-customers`). No document changes anything.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { CASES, SOCKET_CASES } from './differential/cases.mjs';
import { compare } from './differential/compare.mjs';
import { gatherFacts } from './differential/facts.mjs';
import { Model, readSchema } from './differential/model.mjs';
import { Server } from './differential/server.mjs';
import { Tally, readOptions } from './support.mjs';

const { http, ws, tokens } = readOptions();
const tally = new Tally();
const schema = readSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'));
const server = new Server({ http, ws, inFlight: 4 });
const token = tokens.manager;
const model = new Model({ schema, server, token });
const facts = await gatherFacts(http, token);

/** Fails and shows both outcomes if they differ. */
async function conforms({ query, variables = '{}', subscription = false }) {
  const body = `{"query":${JSON.stringify(query(facts))},"variables":${typeof variables === 'function' ? variables(facts) : variables}}`;
  const actual = subscription ? await server.subscribe(token, body) : await server.send(token, body);
  const expected = await model.expected({ ...JSON.parse(body), subscription });
  assert.notEqual(expected.result, 'unknown', expected.why);
  const found = compare(expected, actual);
  if (found) assert.fail([found.kind, body, `graphql-js: ${JSON.stringify(expected)}`, `server:     ${JSON.stringify(actual)}`].join('\n        '));
}

/** Fails if an operation closes its connection or gets no response of its own. */
async function leavesTheConnection(payload) {
  const socket = await server.socket(token);
  const outcome = await socket.first(payload(facts));
  assert.notEqual(outcome.result, 'broken', outcome.why);
  assert.equal(socket.closed, false);
  const next = await socket.first('{"query":"{ __typename }"}');
  assert.equal(next.result, 'executed', next.why);
}

for (const one of CASES) await tally.check(`${one.kind}: ${one.name}`, () => conforms(one));
for (const { name, payload } of SOCKET_CASES) {
  await tally.check(`one operation and the connection: ${name}`, () => leavesTheConnection(payload));
}
server.close();
tally.finish();
