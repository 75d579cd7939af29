// Runs the examples of README.md and docs/, unchanged, through urql.
//
// An example is a fenced block marked `graphql`, with one operation. The manager runs it, or the
// caller that a line `<!-- run as rep -->` (or rep2, or service) before the fence names. The
// response must have no errors. The script chooses the values of variables by their names and
// types. A subscription must deliver items, also after its socket was cut.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { Kind, parse } from 'graphql';
import { createClient } from 'graphql-ws';
import { pipe, subscribe } from 'wonka';
import WebSocket from 'ws';
import { Tally, readOptions, receiveFromNewCustomer, request, sleep, until } from './support.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The README, docs/frontend.md, and all other documents with examples. */
const DOCUMENTS = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name))
    .filter((name) => name === 'docs/frontend.md' || readFileSync(join(ROOT, name), 'utf8').includes('```graphql')),
];

const { http, ws, tokens, documents } = readOptions({
  documents: { type: 'string', multiple: true, default: DOCUMENTS.map((name) => join(ROOT, name)) },
});
const tally = new Tally();

/** The operations of a document with their callers. */
function examples(text) {
  const fence = /(?:<!-- run as (\w+) -->\s*\n)?^```graphql[^\n]*\n([\s\S]*?)^```/gm;
  return [...text.matchAll(fence)].map(([, who = 'manager', source]) => {
    const document = parse(source);
    const operations = document.definitions.filter((part) => part.kind === Kind.OPERATION_DEFINITION);
    assert.equal(operations.length, 1, `an example is one operation:\n${source}`);
    const [operation] = operations;
    const field = operation.selectionSet.selections[0].name.value;
    return { who, source, operation, name: operation.name?.value ?? field };
  });
}

/** Two new unassigned conversations, and the other entities that the examples need. */
async function entities() {
  for (let count = 0; count < 2; count += 1) await receiveFromNewCustomer(http, tokens);
  const { conversations, phoneNumbers } = await request(http, tokens.manager, `{
    phoneNumbers { id number }
    conversations(view: UNASSIGNED, filter: { status: OPEN }, first: 2) {
      asOf nodes { id version contact { name number } phoneNumber { number } lastMessage { id } }
    }
  }`);
  const [conversation] = conversations.nodes;
  const { agents } = await request(http, tokens.manager,
    'query ($id: ID) { agents(assignableTo: $id, first: 2) { nodes { id } } }', { id: conversation.id });
  return {
    conversation,
    conversations: conversations.nodes,
    agents: agents.nodes,
    phoneNumber: phoneNumbers[0],
    asOf: conversations.asOf,
  };
}

/** The value for a variable or input field. Undefined if the name is unknown. */
function valueFor(name, type, found) {
  if (type === 'EventCursor') return found.asOf;
  if (type === 'DateTime') return new Date().toISOString();
  const values = {
    conversationId: found.conversation.id,
    conversationIds: found.conversations.map((row) => row.id),
    id: found.conversation.id,
    ids: found.conversations.map((row) => row.id),
    assignableTo: found.conversation.id,
    agentId: found.agents[0].id,
    expectedVersion: found.conversation.version,
    version: found.conversation.version,
    throughMessageId: found.conversation.lastMessage?.id,
    lastSeenMessageId: found.conversation.lastMessage?.id,
    phoneNumberId: found.phoneNumber.id,
    phoneNumberIds: [found.phoneNumber.id],
    from: found.conversation.contact.number,
    to: found.conversation.phoneNumber.number,
    body: 'We are on it.',
    idempotencyKey: randomUUID(),
    key: randomUUID(),
    providerMessageId: randomUUID(),
    search: found.conversation.contact.name?.slice(0, 3) ?? 'a',
    view: 'INBOX',
    filter: { status: 'OPEN' },
    first: 10,
    last: 10,
    after: null,
    before: null,
  };
  return values[name];
}

const nameOf = (type) => (type.type ? nameOf(type.type) : type.name.value);

/** An input object with its required fields. */
async function inputFor(type, found) {
  const { __type } = await request(http, tokens.manager, `query ($type: String!) {
    __type(name: $type) { inputFields { name defaultValue type { kind ofType { name } } } }
  }`, { type });
  const required = (__type?.inputFields ?? [])
    .filter((field) => field.type.kind === 'NON_NULL' && field.defaultValue === null);
  return Object.fromEntries(required.map((field) =>
    [field.name, valueFor(field.name, field.type.ofType.name, found)]));
}

async function variablesFor({ operation }, found) {
  const variables = {};
  for (const definition of operation.variableDefinitions ?? []) {
    if (definition.defaultValue) continue;
    const name = definition.variable.name.value;
    const type = nameOf(definition.type);
    const value = type.endsWith('Input') ? await inputFor(type, found) : valueFor(name, type, found);
    assert.notEqual(value, undefined, `no value is known for $${name}: ${type}`);
    variables[name] = value;
  }
  return variables;
}

/** urql with the set-up of docs/frontend.md, and a function that cuts its socket. */
function connect(token) {
  let socket;
  let connections = 0;
  const sockets = createClient({
    url: ws,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: `Bearer ${token}` },
    retryWait: () => sleep(20),
    shouldRetry: () => true,
  });
  sockets.on('connected', (opened) => { socket = opened; connections += 1; });
  const client = new Client({
    url: http,
    fetchOptions: { headers: { authorization: `Bearer ${token}` } },
    exchanges: [
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: (operation) => ({
          subscribe: (sink) => ({ unsubscribe: sockets.subscribe(operation, sink) }),
        }),
      }),
    ],
  });
  const close = () => sockets.dispose();
  return { client, close, cut: () => socket.terminate(), connections: () => connections };
}

function assertGood({ data, error }) {
  assert.equal(error, undefined, String(error));
  assert.ok(data);
  for (const [field, value] of Object.entries(data)) {
    assert.notEqual(value, null, `${field} is null`);
    assert.deepEqual(value.userErrors ?? [], [], `${field} was refused`);
  }
}

async function runOnce({ source, operation, who }, variables) {
  const { client } = connect(tokens[who]);
  const result = operation.operation === 'mutation'
    ? await client.mutation(source, variables).toPromise()
    : await client.query(source, variables).toPromise();
  assertGood(result);
}

/** Sends a reply in the conversation. Every subscription of the examples receives it. */
const disturb = ({ conversation }) => request(http, tokens.rep, `mutation ($input: SendMessageInput!) {
  sendMessage(input: $input) { userErrors { code } }
}`, { input: { conversationId: conversation.id, body: 'Still on it.', idempotencyKey: randomUUID() } });

async function runLive({ source, who }, variables, found) {
  const { client, close, cut, connections } = connect(tokens[who]);
  const results = [];
  const { unsubscribe } = pipe(client.subscription(source, variables), subscribe((result) => results.push(result)));
  const delivered = (what, count) => until(what, async () => {
    if (results.length <= count) await disturb(found);
    if (results.length <= count) await sleep(250);
    return results.length > count;
  });
  try {
    await delivered('the subscription delivers', 0);
    const before = results.length;
    cut();
    await until('urql is connected again', () => connections() > 1);
    await delivered('the subscription delivers after its socket was cut', before);
    results.forEach(assertGood);
  } finally {
    unsubscribe();
    await close();
  }
}

for (const file of documents) {
  const name = relative(ROOT, file);
  const list = await tally.check(`${name} has examples`, () => {
    const found = examples(readFileSync(file, 'utf8'));
    assert.ok(found.length > 0, `${name} has no block marked graphql`);
    return found;
  });
  for (const example of list ?? []) {
    const { operation, who } = example;
    await tally.check(`${name}: ${operation.operation} ${example.name}, as ${who}`, async () => {
      assert.ok(tokens[who], `there is no token for ${who}`);
      const found = await entities();
      const variables = await variablesFor(example, found);
      if (operation.operation === 'subscription') await runLive(example, variables, found);
      else await runOnce(example, variables);
    });
  }
}
tally.finish();
