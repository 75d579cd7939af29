// Tests GraphiQL in Chromium. One page queries the queue and assigns a conversation; another
// page that subscribes receives the change. Then the script pastes the examples of the README
// into new tabs, as a reader does.
//
// Needs a demo with quiet customers and installed GraphiQL files. The script fails if the page
// loads the files from a CDN. `--screenshot FILE` saves a picture of the subscribing page.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { Tally, readOptions, receiveFromNewCustomer, request, until } from './support.mjs';

const { url, http, tokens, screenshot } = readOptions({ screenshot: { type: 'string' } });
const tally = new Tally();

// One conversation to assign, and one to claim.
for (let count = 0; count < 2; count += 1) await receiveFromNewCustomer(http, tokens);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
});
const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
const complaints = [];
const foreign = [];
let authorization;

context.on('console', (message) => {
  if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
});
context.on('weberror', (error) => complaints.push(String(error.error())));
context.on('request', (request) => {
  const target = request.url();
  if (!target.startsWith(`${url}/`) && !/^(data|blob):/.test(target)) foreign.push(target);
  if (target === `${url}/graphql`) authorization = request.headers().authorization;
});
context.on('requestfailed', (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));

async function open() {
  const page = await context.newPage();
  page.on('websocket', (socket) => {
    if (!socket.url().startsWith(url.replace(/^http/, 'ws'))) foreign.push(socket.url());
  });
  await page.goto(`${url}/graphiql`);
  await page.locator('.graphiql-execute-button').waitFor();
  return page;
}

/** The content of the result pane, once `accept` accepts it. */
function answer(page, what, accept) {
  return until(what, async () => {
    const text = await page.evaluate(() =>
      document.querySelector('.result-window .CodeMirror')?.CodeMirror.getValue());
    try {
      return accept(JSON.parse(text));
    } catch {
      return undefined;
    }
  });
}

/** An agent who can own the conversation. */
async function someoneFor(id) {
  const query = 'query ($id: ID) { agents(assignableTo: $id, first: 1) { nodes { id } } }';
  const { agents } = await request(http, tokens.manager, query, { id });
  return agents.nodes[0].id;
}

/** Changes some of the variables. The live queue has just filled in one of them. */
async function editVariables(page, some) {
  await page.evaluate((changes) => {
    const editor = document.querySelector('[aria-label="Variables"] .CodeMirror').CodeMirror;
    editor.setValue(JSON.stringify({ ...JSON.parse(editor.getValue()), ...changes }));
  }, some);
}

const openTab = (page, name) => page.getByRole('tab', { name, exact: true }).click();
const execute = (page) => page.locator('.graphiql-execute-button').click();
const row = (page, id) => page.locator(`[data-conversation="${id}"]`);

const listener = await tally.check('GraphiQL opens, signed in', open);
const conversation = await tally.check('the first tab runs the query of the queue by itself', () =>
  answer(listener, 'the queue', ({ data }) => data.conversations.nodes.find((node) => !node.assignee)));

await tally.check('the queue can be queried again', async () => {
  await listener.evaluate(() => document.querySelector('.result-window .CodeMirror').CodeMirror.setValue(''));
  await execute(listener);
  await answer(listener, 'the queue', ({ data }) => data.conversations.nodes.length > 0);
});

await tally.check('the live tab subscribes and receives a checkpoint', async () => {
  await openTab(listener, 'Live');
  await execute(listener);
  await answer(listener, 'a checkpoint', ({ data }) => data.queueChanges.__typename === 'QueueCheckpoint');
});

const owner = await tally.check('another page assigns a conversation of the queue', async () => {
  const page = await open();
  await openTab(page, 'Assign');
  await row(page, conversation.id).click();
  await editVariables(page, { agentId: await someoneFor(conversation.id) });
  await execute(page);
  const payload = await answer(page, 'the assignment', ({ data }) => data.assignConversation);
  assert.deepEqual(payload.userErrors, []);
  assert.equal(payload.changed, true);
  assert.equal(payload.conversation.id, conversation.id);
  return payload.conversation.assignee.name;
});

await tally.check('the change arrives in the live tab', async () => {
  const change = await answer(listener, 'the change', ({ data }) => data.queueChanges.conversation && data.queueChanges);
  assert.equal(change.__typename, 'ConversationUpdated');
  assert.equal(change.cause.kind, 'ASSIGNED');
  assert.equal(change.conversation.id, conversation.id);
  assert.equal(change.conversation.assignee.name, owner);
});

await tally.check('the live queue at the side shows the new owner', () =>
  until('the owner', async () => (await row(listener, conversation.id).locator('.owner').innerText()) === owner));

/** The README's examples: a query, a mutation and a subscription. */
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const [query, mutation, subscription] = [...readme.matchAll(/^```graphql\n([\s\S]*?)^```/gm)].map(([, text]) => text);

/** Opens a tab of GraphiQL, pastes a text into it, and executes it after `prepare`. */
async function paste(page, text, prepare = async () => {}) {
  await page.locator('.graphiql-tab-add').click();
  await page.evaluate((pasted) =>
    document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.setValue(pasted), text);
  await prepare();
  await execute(page);
}

const reader = await tally.check('a reader of the README opens GraphiQL', open);

await tally.check('the query of the README runs in a new tab', async () => {
  await paste(reader, query);
  await answer(reader, 'the queue', ({ data }) => data.conversations.nodes[0].waitingSince !== undefined);
});

await tally.check('the mutation of the README claims the conversation whose row is clicked', async () => {
  const { conversations } = await request(http, tokens.manager,
    '{ conversations(view: UNASSIGNED, filter: { status: OPEN }, first: 5) { nodes { id } } }');
  const ids = conversations.nodes.map(({ id }) => id);
  await reader.locator('button[aria-pressed]', { hasText: 'Unassigned' }).click();
  await paste(reader, mutation, () => row(reader, ids[0]).click());
  const payload = await answer(reader, 'the claim', ({ data }) => data.claimConversation);
  assert.deepEqual(payload.userErrors, []);
  assert.equal(payload.changed, true);
  assert.equal(payload.conversation.id, ids[0]);
});

await tally.check('the subscription of the README delivers', async () => {
  await paste(reader, subscription);
  await answer(reader, 'an item', ({ data }) => data.queueChanges.cursor);
});

if (screenshot) await tally.check('the picture is saved', () => listener.screenshot({ path: screenshot }));

await tally.check('the switch signs in as another agent', async () => {
  assert.equal(authorization, `Bearer ${tokens.manager}`);
  await listener.getByRole('radio').nth(1).click();
  await until('a request as the rep', () => authorization === `Bearer ${tokens.rep}`);
});

await tally.check('the console has no message', () => assert.deepEqual(complaints, []));
await tally.check('the page sends no request to another server', () => assert.deepEqual(foreign, []));
await browser.close();
tally.finish();
