// Runs the README's examples, unchanged, with urql.
//
// An example is a fenced block marked `graphql` with one operation. The script runs it
// as the manager, or as the caller in a line `<!-- run as rep -->` (or rep2, or service)
// before the fence. The operation must succeed without errors. The script chooses the
// variables by their names and types from the server's data. A subscription must
// deliver, even after its socket was cut.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { Kind, parse } from 'graphql';
import { createClient } from 'graphql-ws';
import { pipe, subscribe } from 'wonka';
import WebSocket from 'ws';
import { Tally, readOptions, request, sleep, until } from './support.mjs';

const { http, ws, tokens, readme } = readOptions({
  readme: { type: 'string', default: new URL('../../README.md', import.meta.url).pathname },
});
const tally = new Tally();

/** The README's operations with their callers. */
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

/** The data for the variables: unassigned open conversations, agents and a phone number. */
async function loadSample() {
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

/** The value for a variable or input field; undefined if its name is unknown. */
function valueFor(name, type, sample) {
  if (type === 'EventCursor') return sample.asOf;
  if (type === 'DateTime') return new Date().toISOString();
  const values = {
    conversationId: sample.conversation.id,
    conversationIds: sample.conversations.map((row) => row.id),
    id: sample.conversation.id,
    ids: sample.conversations.map((row) => row.id),
    assignableTo: sample.conversation.id,
    agentId: sample.agents[0].id,
    expectedVersion: sample.conversation.version,
    version: sample.conversation.version,
    throughMessageId: sample.conversation.lastMessage?.id,
    lastSeenMessageId: sample.conversation.lastMessage?.id,
    phoneNumberId: sample.phoneNumber.id,
    phoneNumberIds: [sample.phoneNumber.id],
    from: sample.conversation.contact.number,
    to: sample.conversation.phoneNumber.number,
    body: 'We are on it.',
    idempotencyKey: randomUUID(),
    key: randomUUID(),
    providerMessageId: randomUUID(),
    search: sample.conversation.contact.name?.slice(0, 3) ?? 'a',
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

/** An input object with its required fields only. */
async function inputFor(type, sample) {
  const { __type } = await request(http, tokens.manager, `query ($type: String!) {
    __type(name: $type) { inputFields { name defaultValue type { kind ofType { name } } } }
  }`, { type });
  const required = (__type?.inputFields ?? [])
    .filter((field) => field.type.kind === 'NON_NULL' && field.defaultValue === null);
  return Object.fromEntries(required.map((field) =>
    [field.name, valueFor(field.name, field.type.ofType.name, sample)]));
}

async function variablesFor({ operation }, sample) {
  const variables = {};
  for (const definition of operation.variableDefinitions ?? []) {
    if (definition.defaultValue) continue;
    const name = definition.variable.name.value;
    const type = nameOf(definition.type);
    const value = type.endsWith('Input') ? await inputFor(type, sample) : valueFor(name, type, sample);
    assert.notEqual(value, undefined, `there is no value for $${name}: ${type}`);
    variables[name] = value;
  }
  return variables;
}

/** A urql client as in the README, and a function that cuts its socket. */
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

function assertSuccess({ data, error }) {
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
  assertSuccess(result);
}

/** Sends a reply in the conversation, which causes an item in every subscription of the examples. */
const sendReply = ({ conversation }) => request(http, tokens.rep, `mutation ($input: SendMessageInput!) {
  sendMessage(input: $input) { userErrors { code } }
}`, { input: { conversationId: conversation.id, body: 'Still on it.', idempotencyKey: randomUUID() } });

async function runLive({ source, who }, variables, sample) {
  const { client, close, cut, connections } = connect(tokens[who]);
  const results = [];
  const { unsubscribe } = pipe(client.subscription(source, variables), subscribe((result) => results.push(result)));
  const delivered = (what, count) => until(what, async () => {
    if (results.length <= count) await sendReply(sample);
    if (results.length <= count) await sleep(250);
    return results.length > count;
  });
  try {
    await delivered('the subscription delivers an item', 0);
    const before = results.length;
    cut();
    await until('urql is connected again', () => connections() > 1);
    await delivered('the subscription delivers an item after its socket was cut', before);
    results.forEach(assertSuccess);
  } finally {
    unsubscribe();
    await close();
  }
}

const list = await tally.check('the README has examples', () => {
  const parsed = examples(readFileSync(readme, 'utf8'));
  assert.ok(parsed.length > 0, `${readme} has no block marked graphql`);
  return parsed;
});
for (const example of list ?? []) {
  const { operation, name, who } = example;
  await tally.check(`${operation.operation} ${name}, as ${who}`, async () => {
    assert.ok(tokens[who], `there is no token for ${who}`);
    const sample = await loadSample();
    const variables = await variablesFor(example, sample);
    if (operation.operation === 'subscription') await runLive(example, variables, sample);
    else await runOnce(example, variables);
  });
}
tally.finish();
