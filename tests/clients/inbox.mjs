// Tests the inbox in Chromium. The script performs every procedure of the article by clicks
// and keys, in the windows of three people at once. It then tests the panels, a list with
// thousands of rows, and many changes at once.
//
// Needs a demo with quiet customers. `--rows N` adds this many conversations. `--pictures
// FOLDER` saves the pictures of the documentation.
import assert from 'node:assert/strict';
import { Tally, readOptions, until } from './support.mjs';
import { Browser } from './inbox_browser.mjs';
import { checkLoad } from './inbox_load.mjs';
import { checkPanels } from './inbox_panels.mjs';
import {
  accessible, appears, assignTo, assignment, badge, filter, heard, leaves, opened, option, owner, ready, reply, row,
  says, toList, toasts, view,
} from './inbox_page.mjs';
import * as api from './inbox_api.mjs';

const options = readOptions({ pictures: { type: 'string' }, rows: { type: 'string', default: '2000' } });
const { url, tokens, pictures } = options;
const PHONE = { width: 390, height: 780 };

const tally = new Tally();
const browser = await Browser.launch(url);
const server = await api.connect(options);
const { people } = server;
const customer = server.customer();
const picture = (page, name) => (pictures ? page.screenshot({ path: `${pictures}/${name}.png` }) : null);

const [manager, rep, rep2] = await Promise.all([0, 1, 2].map((who) => browser.open(`${url}/#as=${who}`)));
await tally.check('three windows are signed in as three people and receive changes', async () => {
  for (const page of [manager, rep, rep2]) {
    await ready(page);
  }
  const names = await Promise.all([manager, rep, rep2].map((page) => page.locator('#identity option:checked').innerText()));
  assert.deepEqual(names.map((name) => name.replace(/ \(.*/, '')), people.map(({ name }) => name));
});

const id = await tally.check('a new text is first in the inbox of all agents, unassigned', async () => {
  const conversation = await customer.text('Hello, is my bike ready?');
  for (const page of [manager, rep, rep2]) {
    await until('the first row', async () => (await page.locator('.row[aria-posinset="1"]').getAttribute('data-id')) === conversation);
    assert.equal(await owner(page, conversation), 'Unassigned');
  }
  return conversation;
});

await tally.check('Unassigned lists the conversation, and the badge counts it', async () => {
  await view(manager, 'Unassigned').click();
  await appears(manager, id);
  const { unassigned } = await server.counts(tokens.manager);
  await until('the badge', async () => (await badge(manager, 'Unassigned')) === unassigned.open);
});

await tally.check('assign: open the conversation, click the dropdown, search by name, select', async () => {
  await view(rep, 'Assigned to Me').click();
  await row(manager, id).click();
  await opened(manager, customer.shown);
  await assignment(manager).click();
  await assignTo(manager, people[1].name);
  await accessible(manager);
  await picture(manager, 'assign');
  await option(manager, people[1].name).click();
  await leaves(manager, id);
  await appears(rep, id);
  assert.equal(await owner(rep, id), 'You');
  await until('the owner above the messages', async () => (await assignment(manager).innerText()).includes(people[1].name));
  assert.equal(await owner(rep2, id), people[1].name);
});

await tally.check('reassign by keys: the conversation leaves one queue, enters the other, and stays in the inbox', async () => {
  await view(manager, 'Inbox').click();
  await view(rep2, 'Assigned to Me').click();
  await row(manager, id).click();
  await opened(manager, customer.shown);
  await toList(manager);
  await manager.keyboard.press('a');
  await assignTo(manager, people[2].name);
  await manager.keyboard.press('Enter');
  await Promise.all([leaves(rep, id), appears(rep2, id)]);
  await until('the owner in the inbox', async () => (await owner(manager, id)) === people[2].name);
});

await tally.check('a key undoes the reassignment', async () => {
  await says(toasts(manager), `was ${people[1].name}`);
  await toList(manager);
  await manager.keyboard.press('u');
  await Promise.all([appears(rep, id), leaves(rep2, id)]);
  await says(toasts(manager), `Back to ${people[1].name}`);
});

await tally.check('Assigned to Me with each filter: an opened conversation leaves Unread, a closed one moves from Open to Closed', async () => {
  await filter(rep, 'Unread').click();
  await appears(rep, id);
  await rep.keyboard.press('j');
  await rep.locator(`.row.cursor[data-id="${id}"]`).waitFor();
  await rep.keyboard.press('Enter');
  await opened(rep, customer.shown);
  await heard(rep, 'Hello, is my bike ready?');
  await leaves(rep, id);
  await filter(rep, 'Open').click();
  await appears(rep, id);
  await row(rep, id).click();
  await toList(rep);
  await rep.keyboard.press('e');
  await leaves(rep, id);
  await says(toasts(rep), 'Closed');
  await filter(rep, 'Closed').click();
  await appears(rep, id);
});

await tally.check('a text reopens a closed conversation in its owner\'s queue, unread for the others', async () => {
  await filter(rep, 'Open').click();
  await rep.keyboard.press('Escape');
  await customer.text('Thanks! And my lock?');
  await appears(rep, id);
  assert.equal(await owner(rep, id), 'You');
  assert.match(await row(rep, id).getAttribute('class'), /unread/);
  await heard(manager, 'And my lock?');
});

await tally.check('close and reopen by the buttons', async () => {
  await row(rep, id).click();
  await opened(rep, customer.shown);
  await heard(rep, 'And my lock?');
  const buttons = rep.locator('.thread-head');
  await buttons.getByRole('button', { name: 'Close', exact: true }).click();
  await leaves(rep, id);
  await buttons.getByRole('button', { name: 'Reopen' }).click();
  await appears(rep, id);
});

await tally.check('after a colleague\'s reply, one\'s own is held back, and can be sent all the same', async () => {
  await view(rep2, 'Inbox').click();
  await row(rep2, id).click();
  await heard(rep2, 'And my lock?');
  await toList(rep);
  await rep.keyboard.press('r');
  await rep.keyboard.type('Yes, both are ready');
  await reply(rep2).fill('All done, come by');
  await reply(rep2).press('Enter');
  await heard(rep, 'All done, come by');
  await rep.keyboard.press('Enter');
  const warning = rep.locator('.warning');
  await says(warning, `${people[2].name} replied while you were writing`);
  await says(warning, 'All done, come by');
  assert.equal(await rep2.locator('.message .body', { hasText: 'Yes, both are ready' }).count(), 0);
  await accessible(rep);
  await picture(rep, 'stale');
  await warning.getByRole('button', { name: 'Send anyway' }).click();
  await heard(rep2, 'Yes, both are ready');
  await warning.waitFor({ state: 'hidden' });
});

await tally.check('two agents claim at once: one wins, and the other sees who', async () => {
  const other = server.customer();
  const contested = await other.text('Anybody there?');
  for (const page of [rep, rep2]) {
    await view(page, 'Unassigned').click();
    await row(page, contested).click();
    await opened(page, other.shown);
  }
  const release = await browser.holdBack([rep, rep2], 'claimConversation');
  await Promise.all([rep, rep2].map((page) => page.getByRole('button', { name: 'Claim' }).click()));
  await release();
  const winner = await until('an owner', async () => (await server.conversation(contested)).assignee?.name);
  const loser = winner === people[1].name ? rep2 : rep;
  await says(toasts(loser), `${winner} took this one first`);
  await says(toasts(loser === rep ? rep2 : rep), 'is yours');
  await Promise.all([leaves(rep, contested), leaves(rep2, contested)]);
});

await tally.check('a search by number works from the keyboard, and its results stay live', async () => {
  await view(manager, 'Inbox').click();
  await manager.keyboard.press('/');
  await manager.keyboard.type(customer.number);
  await until('one row', async () => (await manager.locator('.row').count()) === 1);
  await manager.keyboard.press('Enter');
  await manager.keyboard.press('Enter');
  await opened(manager, customer.shown);
  await manager.keyboard.press('c');
  await manager.keyboard.press('e');
  await says(row(manager, id), 'Closed');
  await manager.keyboard.press('e');
  await until('it is open', async () => !(await row(manager, id).innerText()).includes('Closed'));
  await manager.keyboard.press('/');
  await manager.keyboard.press('Escape');
  await until('the whole list', async () => (await manager.locator('.row').count()) > 5);
});

await tally.check('after a lost connection, the page reconnects and misses no change', async () => {
  const late = server.customer();
  await view(manager, 'Inbox').click();
  const before = browser.socketsOf(manager).length;
  await browser.breakSocket(manager);
  const missed = await late.text('Sent while you were away');
  await appears(manager, missed);
  await manager.locator('#connection.live').waitFor();
  assert.ok(browser.socketsOf(manager).length > before);
  const { inbox } = await server.counts(tokens.manager);
  await until('the badge', async () => (await badge(manager, 'Inbox')) === inbox.open);
});

await tally.check('the list of keys opens, and closing it restores the focus', async () => {
  await toList(manager);
  await manager.keyboard.press('?');
  await manager.getByRole('dialog', { name: 'Keyboard' }).waitFor();
  await accessible(manager);
  await manager.keyboard.press('Escape');
  await manager.getByRole('dialog').waitFor({ state: 'detached' });
  assert.equal(await manager.evaluate(() => document.activeElement.id), 'list');
});

await tally.check('a valid token signs in, an invalid one does not', async () => {
  const page = await browser.open(`${browser.nameless}/`);
  await page.getByRole('textbox', { name: 'Token' }).fill('not.a.token');
  await accessible(page);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await says(page.locator('#token-why'), 'not valid');
  await page.getByRole('textbox', { name: 'Token' }).fill(tokens.rep);
  await page.keyboard.press('Enter');
  await page.locator('.row').first().waitFor();
  await says(page.locator('#who'), people[1].name);
  await page.reload();
  await page.locator('.row').first().waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('textbox', { name: 'Token' }).waitFor();
  await page.close();
});

await tally.check('at the width of a phone, the page shows either the list or the conversation', async () => {
  const phone = await browser.open(`${url}/#as=1`, { viewport: PHONE });
  await view(phone, 'Assigned to Me').click();
  await appears(phone, id);
  await accessible(phone);
  await row(phone, id).click();
  await heard(phone, 'Yes, both are ready');
  assert.equal(await phone.locator('#queue').isVisible(), false);
  await accessible(phone);
  assert.equal(await phone.evaluate(() => document.documentElement.scrollWidth), 390);
  await phone.getByRole('button', { name: 'Back to the list' }).click();
  await appears(phone, id);
  await phone.close();
});

if (pictures) {
  await rep.emulateMedia({ colorScheme: 'dark' });
  await picture(rep, 'dark');
  await rep.emulateMedia({ colorScheme: 'light' });
  await tally.check('the pictures are saved', () => browser.takePictures({ url, server, pictures }));
}

await checkPanels({ tally, browser, server, url, tokens, picture, windows: [manager, rep] });
await rep2.close();
await checkLoad({ tally, browser, server, url, tokens, rows: Number(options.rows), windows: [manager, rep] });

await tally.check('the console has no message', () => assert.deepEqual(browser.complaints, []));
await tally.check('the page sends no request to another server', () => assert.deepEqual(browser.foreign, []));
await browser.close();
tally.finish();
