// Tests a live server with the graphql-ws client. The script loads lists and follows
// them with `queueChanges`. A list must stay equal to a fresh query, even if its socket
// is cut.
//
// Needs quiet customers (`demo --quiet-customers`), because the lists must not change
// during a comparison.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { Tally, readOptions, request, sleep, until } from './support.mjs';

const { http, ws, tokens } = readOptions();
const tally = new Tally();

const ROW = `
  id version status unread lastActivityAt waitingSince
  contact { id number } phoneNumber { id } assignee { id } lastMessage { id body }`;
const PAGE = `query ($view: ConversationView!, $filter: ConversationFilter, $after: String) {
  conversations(view: $view, filter: $filter, first: 100, after: $after) {
    asOf pageInfo { hasNextPage endCursor } nodes { ${ROW} }
  }
}`;
const CHANGES = `subscription ($view: ConversationView!, $filter: ConversationFilter, $after: EventCursor) {
  queueChanges(view: $view, filter: $filter, after: $after) {
    __typename
    ... on QueueEvent { cursor }
    ... on ConversationEntered { conversation { ${ROW} } }
    ... on ConversationUpdated { conversation { ${ROW} } }
    ... on ConversationLeft { conversationId version }
    ... on QueueReset { reason }
  }
}`;

/** All rows of a list, and the `asOf` of its first page. */
async function wholeList({ token, view, filter }) {
  const rows = [];
  let asOf;
  let after = null;
  do {
    const { conversations } = await request(http, token, PAGE, { view, filter, after });
    asOf ??= conversations.asOf;
    rows.push(...conversations.nodes);
    after = conversations.pageInfo.hasNextPage ? conversations.pageInfo.endCursor : null;
  } while (after);
  return { rows, asOf };
}

const byId = (rows) => Object.fromEntries([...rows].map((row) => [row.id, row]).sort());

/** A client with its own socket, and a function that cuts the socket. */
function connect(token) {
  let socket;
  let connections = 0;
  const client = createClient({
    url: ws,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: `Bearer ${token}` },
    lazyCloseTimeout: 5000,
    retryAttempts: 100,
    retryWait: () => sleep(20),
    shouldRetry: () => true,
  });
  client.on('connected', (opened) => { socket = opened; connections += 1; });
  return { client, cut: () => socket.terminate(), connections: () => connections };
}

/** A list that folds its changes over the pages that it started with. */
class LiveList {
  rows = new Map();
  removed = new Map();
  checkpoints = 0;
  problems = [];

  constructor(list) {
    Object.assign(this, list);
    this.connection = connect(list.token);
  }

  /** Runs `inBetween` after the pages are loaded and before the subscription starts. */
  async begin(inBetween) {
    const { rows, asOf } = await wholeList(this);
    for (const row of rows) this.rows.set(row.id, row);
    await inBetween();
    this.stop = this.connection.client.subscribe(
      { query: CHANGES, variables: { view: this.view, filter: this.filter, after: asOf } },
      {
        next: (result) => this.take(result),
        error: (problem) => this.problems.push(problem),
        complete: () => {},
      },
    );
  }

  take({ data, errors }) {
    const change = data?.queueChanges;
    if (errors || !change?.cursor) this.problems.push(errors ?? 'a change without a cursor');
    else if (change.__typename === 'QueueCheckpoint') this.checkpoints += 1;
    else if (change.__typename === 'QueueReset') this.problems.push(change);
    else if (change.__typename === 'ConversationLeft') this.remove(change);
    else this.put(change.conversation);
  }

  knownVersion(id) {
    return this.rows.get(id)?.version ?? this.removed.get(id) ?? 0;
  }

  put(row) {
    if (row.version < this.knownVersion(row.id)) return;
    this.removed.delete(row.id);
    this.rows.set(row.id, row);
  }

  remove({ conversationId, version }) {
    if (version < this.knownVersion(conversationId)) return;
    this.rows.delete(conversationId);
    this.removed.set(conversationId, version);
  }

  /** Waits until the fold equals the result of a query. Shows the difference if it does not. */
  async equalsFreshQuery() {
    const fresh = byId((await wholeList(this)).rows);
    const same = () => {
      try {
        assert.deepEqual(byId(this.rows.values()), fresh);
        return true;
      } catch {
        return false;
      }
    };
    await until('the fold equals the query', same).catch(() => {});
    assert.deepEqual(this.problems, []);
    assert.deepEqual(byId(this.rows.values()), fresh);
  }
}

const mutation = (name, selection = 'changed') =>
  `mutation ($input: ${name[0].toUpperCase()}${name.slice(1)}Input!) {
    ${name}(input: $input) { ${selection} userErrors { code message } }
  }`;
const run = (token, name, input, selection) =>
  request(http, token, mutation(name, selection), { input }).then((data) => data[name]);

/** A function that runs one random action: a mutation by an agent, or a customer's message. */
function randomAction({ conversations, agents, number }) {
  const any = (values) => values[Math.floor(Math.random() * values.length)];
  const who = () => any([tokens.manager, tokens.rep, tokens.rep2]);
  const one = () => ({ conversationId: any(conversations).id });
  const kinds = [
    () => run(who(), 'assignConversation', { ...one(), agentId: any(agents).id }),
    () => run(who(), 'assignConversation', { ...one(), agentId: any(agents).id }),
    () => run(who(), 'claimConversation', one()),
    () => run(who(), 'unassignConversation', one()),
    () => run(who(), 'closeConversation', one()),
    () => run(who(), 'reopenConversation', one()),
    () => run(who(), 'markConversationRead', one()),
    () => run(who(), 'markConversationUnread', one()),
    () => run(who(), 'sendMessage', { ...one(), body: 'On it.', idempotencyKey: randomUUID() }),
    () => run(tokens.service, 'receiveMessage', {
      providerMessageId: randomUUID(),
      from: any(conversations).contact.number,
      to: number,
      body: 'Any news?',
    }),
  ];
  return () => any(kinds)();
}

async function runConcurrently(act, { clients, each }) {
  await Promise.all(Array.from({ length: clients }, async () => {
    for (let round = 0; round < each; round += 1) await act();
  }));
}

/** A phone number with its open conversations, and the active agents. */
async function loadSample() {
  const { agents, phoneNumbers, conversations } = await request(http, tokens.manager, `{
    phoneNumbers { id number }
    conversations(filter: { status: OPEN }, first: 12) {
      nodes { id contact { number } phoneNumber { number } }
    }
    agents(first: 100) { nodes { id active } }
  }`);
  const [{ number }] = phoneNumbers;
  return {
    number,
    conversations: conversations.nodes.filter((row) => row.phoneNumber.number === number),
    agents: agents.nodes.filter((agent) => agent.active),
  };
}

async function oneWinner(round) {
  const { conversations } = await request(http, tokens.manager, `{
    conversations(view: UNASSIGNED, filter: { status: OPEN }, first: 1) { nodes { id } }
  }`);
  const input = { conversationId: conversations.nodes[0].id };
  const selection = `changed conversation { assignee { id } }
    userErrors { ... on ConflictError { current { assignee { id } } } }`;
  const answers = await Promise.all([tokens.manager, tokens.rep, tokens.rep2]
    .map((token) => run(token, 'claimConversation', input, selection)));
  const winners = answers.filter((answer) => answer.changed);
  assert.equal(winners.length, 1, `round ${round}`);
  for (const loser of answers.filter((answer) => !answer.changed)) {
    assert.equal(loser.userErrors.length, 1);
    assert.equal(loser.userErrors[0].code, 'ALREADY_ASSIGNED');
    assert.deepEqual(loser.userErrors[0].current.assignee, winners[0].conversation.assignee);
  }
}

/** All results of an operation over the socket. */
function collect(client, payload) {
  return new Promise((done, fail) => {
    const results = [];
    client.subscribe(payload, {
      next: (result) => results.push(result),
      error: fail,
      complete: () => done(results),
    });
  });
}

await tally.check('queries and mutations work over the socket too', async () => {
  const { client } = connect(tokens.rep);
  const [result] = await collect(client, { query: '{ viewer { id role } }' });
  assert.equal(result.data.viewer.role, 'REP');
  const id = (await loadSample()).conversations[0].id;
  const [marked] = await collect(client, {
    query: mutation('markConversationRead'),
    variables: { input: { conversationId: id } },
  });
  assert.deepEqual(marked.data.markConversationRead.userErrors, []);
  await client.dispose();
});

await tally.check('an invalid operation is an error of this operation only', async () => {
  const { client, connections } = connect(tokens.rep);
  const refused = await collect(client, { query: '{ nothingOfTheKind }' }).catch((errors) => errors);
  assert.equal(refused[0].extensions?.code ?? 'GRAPHQL_VALIDATION_FAILED', 'GRAPHQL_VALIDATION_FAILED');
  const [result] = await collect(client, { query: '{ viewer { id } }' });
  assert.ok(result.data.viewer.id);
  assert.equal(connections(), 1);
  await client.dispose();
});

await tally.check('of three concurrent claims one wins, and the others receive the winner', async () => {
  for (let round = 0; round < 5; round += 1) await oneWinner(round);
});

const lists = [
  { name: 'INBOX', token: tokens.manager, view: 'INBOX', filter: null },
  { name: 'UNASSIGNED + open', token: tokens.manager, view: 'UNASSIGNED', filter: { status: 'OPEN' } },
  { name: 'ASSIGNED_TO_ME + open', token: tokens.rep, view: 'ASSIGNED_TO_ME', filter: { status: 'OPEN' } },
  { name: 'ASSIGNED_TO_ME + unread', token: tokens.rep, view: 'ASSIGNED_TO_ME', filter: { unread: true } },
  { name: 'ASSIGNED_TO_ME + closed', token: tokens.rep2, view: 'ASSIGNED_TO_ME', filter: { status: 'CLOSED' } },
].map((list) => new LiveList(list));
const act = randomAction(await loadSample());

await tally.check('lists are loaded and followed, with changes in between', () =>
  Promise.all(lists.map((list) => list.begin(() => runConcurrently(act, { clients: 1, each: 3 })))));
for (const list of lists) {
  await tally.check(`${list.name}: a checkpoint ends the replay`, () =>
    until('a checkpoint', () => list.checkpoints > 0));
}

await tally.check('assignments, claims, closes, replies and messages run concurrently', () =>
  runConcurrently(act, { clients: 4, each: 25 }));
for (const list of lists) {
  await tally.check(`${list.name}: the fold equals a fresh query`, () => list.equalsFreshQuery());
}

await tally.check('they run while every socket is cut repeatedly', async () => {
  for (let cuts = 0; cuts < 5; cuts += 1) {
    const before = lists.map((list) => list.connection.connections());
    const changing = runConcurrently(act, { clients: 4, each: 5 });
    for (const list of lists) list.connection.cut();
    await changing;
    await until('every client is connected again', () =>
      lists.every((list, at) => list.connection.connections() > before[at]));
  }
});
for (const list of lists) {
  await tally.check(`${list.name}: after resuming from the first cursor, the fold equals a fresh query`, () =>
    list.equalsFreshQuery());
}
for (const list of lists) {
  list.stop();
  await list.connection.client.dispose();
}
tally.finish();
