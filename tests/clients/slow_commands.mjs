// Checks that commands and replies reach the intended conversation and the intended person.
import assert from 'node:assert/strict';
import { assignment, option, reply, row, says, toasts, toList, view } from './inbox_page.mjs';
import { TYPING, cursorTo, focusMessages, open } from './slow_setup.mjs';
import { until } from './support.mjs';

const combobox = (page) => page.getByRole('combobox', { name: 'Search for a team member' });
const someReply = (server, ids) =>
  until('a reply', async () => (await Promise.all(ids.map((id) => server.thread(id)))).some(({ replies }) => replies.length > 0));

/** Fault 1: the wrong conversation. */
export async function checkRecipients(tally, ground) {
  const { server, tokens } = ground;
  const page = await ground.window(0);

  await tally.check('a reply typed after a click on B while the server hangs goes to B', async () => {
    const [a, b] = await ground.texts(2);
    await open(page, a);
    await row(page, b.id).waitFor();
    await ground.hung(async () => {
      await row(page, b.id).click();
      await reply(page).click();
      await page.keyboard.type('for B only', TYPING);
      await page.keyboard.press('Enter');
    });
    await someReply(server, [a.id, b.id]);
    assert.deepEqual((await server.thread(a.id)).replies, []);
    assert.deepEqual((await server.thread(b.id)).replies, ['for B only']);
  });

  await tally.check('Close pressed after a click on B while the server hangs closes B', async () => {
    const [a, b] = await ground.texts(2);
    await open(page, a);
    await row(page, b.id).waitFor();
    await ground.hung(async () => {
      await row(page, b.id).click();
      await page.locator('.thread-head').getByRole('button', { name: 'Close', exact: true }).click();
    });
    const closed = async () => [a, b].map(async ({ id }) => (await server.thread(id)).status === 'CLOSED');
    await until('one is closed', async () => (await Promise.all(await closed())).some(Boolean));
    assert.equal((await server.thread(a.id)).status, 'OPEN');
    assert.equal((await server.thread(b.id)).status, 'CLOSED');
  });

  await tally.check('R and a sentence typed while the server hangs are a reply to B, and no letter is a command', async () => {
    const [a, b] = await ground.texts(2);
    await open(page, a);
    await cursorTo(page, b.id);
    await ground.hung(async () => {
      await page.keyboard.press('r');
      await page.keyboard.type('each of us can come', TYPING);
      await page.keyboard.press('Enter');
    });
    await until('the reply', async () => (await server.thread(b.id)).replies.length > 0);
    assert.deepEqual(await server.thread(b.id), {
      status: 'OPEN', owner: null, texts: ['in: Hello 2', 'out: each of us can come'], replies: ['each of us can come'],
    });
    assert.deepEqual((await server.thread(a.id)).replies, []);
    assert.equal((await server.thread(a.id)).status, 'OPEN');
  });

  await tally.check('when the row at the cursor has left the list, E does not close the open conversation', async () => {
    await view(page, 'Unassigned').click();
    const [a, b] = await ground.texts(2);
    await open(page, a);
    await cursorTo(page, b.id);
    await server.claimOne(tokens.rep2, b.id);
    await row(page, b.id).waitFor({ state: 'detached' });
    await page.keyboard.press('e');
    await ground.quiet();
    assert.equal((await server.thread(a.id)).status, 'OPEN');
    assert.equal((await server.thread(b.id)).status, 'OPEN');
    await view(page, 'Inbox').click();
  });

  await tally.check('with the focus in A, E closes A, regardless of the cursor of the list', async () => {
    const [a, b] = await ground.texts(2);
    await open(page, a);
    await cursorTo(page, b.id);
    await focusMessages(page);
    await page.keyboard.press('e');
    await until('A is closed', async () => (await server.thread(a.id)).status === 'CLOSED');
    assert.equal((await server.thread(b.id)).status, 'OPEN');
  });

  await tally.check('after clicks on A, B and A while the server hangs, each draft is in its own conversation', async () => {
    const [a, b] = await ground.texts(2);
    await open(page, a);
    await row(page, b.id).waitFor();
    await ground.hung(async () => {
      await row(page, b.id).click();
      await reply(page).fill('a draft for B');
      await row(page, a.id).click();
      await reply(page).fill('a reply to A');
      await page.keyboard.press('Enter');
    });
    await someReply(server, [a.id, b.id]);
    assert.deepEqual((await server.thread(a.id)).replies, ['a reply to A']);
    assert.deepEqual((await server.thread(b.id)).replies, []);
    await open(page, b);
    assert.equal(await reply(page).inputValue(), 'a draft for B');
  });
  await page.close();
}

/** Fault 2: the wrong person. */
export async function checkAssignees(tally, ground) {
  const { server, people } = ground;
  const page = await ground.window(0);
  const [, theo, third] = people;
  const word = (agent) => agent.name.split(' ')[0].toLowerCase();
  const ownerOf = async (id) => until('an owner', async () => (await server.thread(id)).owner);

  await tally.check('A, a name and Enter, typed at 60 ms a key, assign to the person with this name', async () => {
    const wrong = [];
    for (const agent of [theo, third, theo, third]) {
      const [one] = await ground.texts(1);
      await open(page, one);
      await toList(page);
      await page.keyboard.press('a');
      await option(page, agent.name).waitFor();
      await page.keyboard.type(word(agent), TYPING);
      await page.keyboard.press('Enter');
      const owner = await ownerOf(one.id);
      if (owner !== agent.name) wrong.push(`${agent.name}: ${owner}`);
    }
    assert.deepEqual(wrong, []);
  });

  await tally.check('Enter that confirms a candidate of an input method does not assign', async () => {
    const [one] = await ground.texts(1);
    await open(page, one);
    await assignment(page).click();
    await option(page, theo.name).waitFor();
    await combobox(page).evaluate((input) => {
      input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', code: 'Enter', isComposing: true, bubbles: true, cancelable: true }));
      input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', code: 'Enter', keyCode: 229, bubbles: true, cancelable: true }));
    });
    await ground.quiet();
    assert.equal((await server.thread(one.id)).owner, null);
    await combobox(page).press('Escape');
  });

  await tally.check('keys typed while the server hangs assign B to the named person, and A keeps its owner', async () => {
    const [a, b] = await ground.texts(2);
    await open(page, a);
    await cursorTo(page, b.id);
    await ground.hung(async () => {
      await page.keyboard.press('a');
      await page.keyboard.type(word(third), TYPING);
      await page.keyboard.press('Enter');
    });
    assert.equal(await ownerOf(b.id), third.name);
    assert.equal((await server.thread(a.id)).owner, null);
  });

  await tally.check('an unknown name and Enter do not assign', async () => {
    const [one] = await ground.texts(1);
    await open(page, one);
    await toList(page);
    await page.keyboard.press('a');
    await option(page, theo.name).waitFor();
    await page.keyboard.type('zzz', TYPING);
    await page.keyboard.press('Enter');
    await ground.quiet();
    assert.equal((await server.thread(one.id)).owner, null);
    await says(page.locator('.popover'), 'No team member who can own this is called “zzz”');
    await combobox(page).press('Escape');
  });

  await tally.check('Enter, then Escape before the response, do not assign', async () => {
    const [one] = await ground.texts(1);
    await open(page, one);
    await toList(page);
    await page.keyboard.press('a');
    await option(page, theo.name).waitFor();
    await ground.hung(async () => {
      await page.keyboard.type(word(theo), TYPING);
      await page.keyboard.press('Enter');
      await page.keyboard.press('Escape');
    });
    await ground.quiet();
    assert.equal((await server.thread(one.id)).owner, null);
  });

  await tally.check('the next person is not notified of an assignment whose author has signed out', async () => {
    const [one] = await ground.texts(1);
    const window = await ground.window(0);
    await open(window, one);
    await assignment(window).click();
    await option(window, theo.name).waitFor();
    await ground.hung(async () => {
      await option(window, theo.name).click();
      await window.getByRole('combobox', { name: 'Signed in as' }).selectOption('2');
    });
    assert.equal(await ownerOf(one.id), theo.name);
    await window.locator('#connection.live').waitFor({ state: 'attached' });
    await ground.quiet();
    assert.deepEqual(await toasts(window).allInnerTexts(), ['']);
    await window.close();
  });
  await page.close();
}
