// Tests the built React example in a real browser: it signs in, pages by cursor, and stays
// current while other agents work.
//
// Needs a demo with quiet customers, and the output of `npm run build` in `--built FOLDER`.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import * as api from './inbox_api.mjs';
import { PATIENCE_SECONDS, Tally, readOptions, request, until } from './support.mjs';

const EXAMPLE = fileURLToPath(new URL('../../examples/react-inbox/', import.meta.url));
const PAGE = 25;

const options = readOptions({ built: { type: 'string' } });
const { url, http, tokens } = options;
const tally = new Tally();
const server = await api.connect(options);

// The preview server serves the page and proxies the API under the same origin, as configured in the example.
process.env.SWITCHBOARD_URL = url;
const { preview } = await import(pathToFileURL(createRequire(`${EXAMPLE}package.json`).resolve('vite')));
const site = await preview({
  root: EXAMPLE, logLevel: 'error', build: { outDir: options.built }, preview: { host: '127.0.0.1', port: 0, open: false },
});
const { port } = site.httpServer.address();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const problems = [];

/** A new window in which this token is signed in. */
async function signIn(token) {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(PATIENCE_SECONDS * 1000);
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) problems.push(message.text()); });
  page.on('pageerror', (error) => problems.push(String(error)));
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
  return page;
}

const view = (page, name) => page.getByRole('button', { name, exact: true });
const rows = (page) => page.locator('li');
const names = (page) => rows(page).locator('strong').allInnerTexts();

/** The contacts of the open conversations in the inbox, in order. */
async function inbox(first) {
  const query = `query ($first: Int!) {
    conversations(view: INBOX, filter: { status: OPEN }, first: $first) { nodes { contact { name number } } }
  }`;
  const { conversations } = await request(http, tokens.manager, query, { first });
  return conversations.nodes.map(({ contact }) => contact.name ?? contact.number);
}

await server.flood(3 * PAGE);
const [manager, rep] = await Promise.all([tokens.manager, tokens.rep].map(signIn));

await tally.check('further pages are loaded by cursor, in the order of the server', async () => {
  await view(manager, 'Inbox').click();
  const more = view(manager, 'Load more');
  for (const pages of [1, 2, 3]) {
    await until(`${pages} pages`, async () => (await rows(manager).count()) === pages * PAGE);
    assert.deepEqual(await names(manager), await inbox(pages * PAGE));
    await more.click();
  }
});

await tally.check('changes by others appear without a reload, also after further pages', async () => {
  const customer = server.customer();
  await until('the fourth page', async () => (await rows(manager).count()) > 3 * PAGE);
  const before = await rows(manager).count();
  await customer.text('Is this live?');
  await until('the first row', async () => (await names(manager))[0] === customer.number);
  assert.equal(await rows(manager).count(), before + 1);
  const unassigned = rows(rep).filter({ hasText: customer.number });
  await unassigned.waitFor();
  await rows(manager).first().getByRole('button', { name: 'Claim' }).click();
  await unassigned.waitFor({ state: 'detached' });
  await until('the owner', async () =>
    (await rows(manager).first().locator('select option:checked').innerText()) === server.people[0].name);
});

await tally.check('a list that is fully loaded offers no further page', async () => {
  await view(rep, 'Assigned to Me').click();
  const more = view(rep, 'Load more');
  const { assignedToMe } = await server.counts(tokens.rep);
  await until('all of them', async () => {
    if (await more.isVisible()) await more.click();
    return (await rows(rep).count()) === assignedToMe.open;
  });
  await more.waitFor({ state: 'detached' });
});

await tally.check('the browser reports no errors or warnings', () => assert.deepEqual(problems, []));
await browser.close();
await site.close();
tally.finish();
