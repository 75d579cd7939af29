// Tests GraphiQL in a real browser: one page assigns a conversation, and the change
// arrives in another page that only subscribes.
//
// Needs a demo with quiet customers and installed GraphiQL files; loading them from a CDN
// is a failure. `--screenshot FILE` saves a screenshot of the subscribing page.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { Tally, readOptions, request, until } from './support.mjs';

const { url, http, tokens, screenshot } = readOptions({ screenshot: { type: 'string' } });
const tally = new Tally();

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
});
const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
const problems = [];
const foreign = [];
let authorization;

context.on('console', (message) => {
  if (['error', 'warning'].includes(message.type())) problems.push(message.text());
});
context.on('weberror', (error) => problems.push(String(error.error())));
context.on('request', (request) => {
  const target = request.url();
  if (!target.startsWith(`${url}/`) && !/^(data|blob):/.test(target)) foreign.push(target);
  if (target === `${url}/graphql`) authorization = request.headers().authorization;
});
context.on('requestfailed', (request) => problems.push(`${request.url()}: ${request.failure()?.errorText}`));

async function open() {
  const page = await context.newPage();
  page.on('websocket', (socket) => {
    if (!socket.url().startsWith(url.replace(/^http/, 'ws'))) foreign.push(socket.url());
  });
  await page.goto(`${url}/graphiql`);
  await page.locator('.graphiql-execute-button').waitFor();
  return page;
}

/** Waits until `accept` returns a value for the content of the result pane, and returns it. */
function result(page, what, accept) {
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

/** The id of an agent to whom the conversation can be assigned. */
async function assignableAgent(id) {
  const query = 'query ($id: ID) { agents(assignableTo: $id, first: 1) { nodes { id } } }';
  const { agents } = await request(http, tokens.manager, query, { id });
  return agents.nodes[0].id;
}

/** Changes some variables and keeps the others, which include the one that the live queue has set. */
async function editVariables(page, changes) {
  await page.evaluate((values) => {
    const editor = document.querySelector('[aria-label="Variables"] .CodeMirror').CodeMirror;
    editor.setValue(JSON.stringify({ ...JSON.parse(editor.getValue()), ...values }));
  }, changes);
}

const openTab = (page, name) => page.getByRole('tab', { name, exact: true }).click();
const execute = (page) => page.locator('.graphiql-execute-button').click();
const row = (page, id) => page.locator(`[data-conversation="${id}"]`);

const listener = await tally.check('GraphiQL opens, signed in', open);
const conversation = await tally.check('the first tab loads the queue when the page opens', () =>
  result(listener, 'the queue', ({ data }) => data.conversations.nodes.find((node) => !node.assignee)));

await tally.check('the queue can be queried again', async () => {
  await listener.evaluate(() => document.querySelector('.result-window .CodeMirror').CodeMirror.setValue(''));
  await execute(listener);
  await result(listener, 'the queue', ({ data }) => data.conversations.nodes.length > 0);
});

await tally.check('the live tab subscribes and receives a checkpoint', async () => {
  await openTab(listener, 'Live');
  await execute(listener);
  await result(listener, 'a checkpoint', ({ data }) => data.queueChanges.__typename === 'QueueCheckpoint');
});

const owner = await tally.check('another page assigns a conversation of the queue', async () => {
  const page = await open();
  await openTab(page, 'Assign');
  await row(page, conversation.id).click();
  await editVariables(page, { agentId: await assignableAgent(conversation.id) });
  await execute(page);
  const payload = await result(page, 'the assignment', ({ data }) => data.assignConversation);
  assert.deepEqual(payload.userErrors, []);
  assert.equal(payload.changed, true);
  assert.equal(payload.conversation.id, conversation.id);
  return payload.conversation.assignee.name;
});

await tally.check('the change arrives in the live tab', async () => {
  const change = await result(listener, 'the change', ({ data }) => data.queueChanges.conversation && data.queueChanges);
  assert.equal(change.__typename, 'ConversationUpdated');
  assert.equal(change.cause.kind, 'ASSIGNED');
  assert.equal(change.conversation.id, conversation.id);
  assert.equal(change.conversation.assignee.name, owner);
});

await tally.check('the live queue next to it shows the new owner', () =>
  until('the owner', async () => (await row(listener, conversation.id).locator('.owner').innerText()) === owner));

if (screenshot) await tally.check('a screenshot is saved', () => listener.screenshot({ path: screenshot }));

await tally.check('the switch signs in with another identity', async () => {
  assert.equal(authorization, `Bearer ${tokens.manager}`);
  await listener.getByRole('radio').nth(1).click();
  await until('a request as the rep', () => authorization === `Bearer ${tokens.rep}`);
});

await tally.check('the browser reports no errors or warnings', () => assert.deepEqual(problems, []));
await tally.check('the page sends requests only to this server', () => assert.deepEqual(foreign, []));
await browser.close();
tally.finish();
