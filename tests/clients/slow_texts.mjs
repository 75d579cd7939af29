// Checks that typed text is never lost, and stays with its author and its conversation.
import assert from 'node:assert/strict';
import { opened, ready, reply, row, says } from './inbox_page.mjs';
import { TYPING, open } from './slow_setup.mjs';
import { until } from './support.mjs';

const LENGTH_MAX = 1600;

/** Fault 3: typed text is lost. */
export async function checkReplies(tally, ground) {
  const { server, tokens, people } = ground;
  const page = await ground.window(1);

  await tally.check('text typed while a reply is being sent belongs to the next reply', async () => {
    const [one] = await ground.texts(1);
    await open(page, one);
    await reply(page).click();
    await ground.hung(async () => {
      await page.keyboard.type('First sentence.', TYPING);
      await page.keyboard.press('Enter');
      await page.keyboard.type('And a second thought', TYPING);
    });
    await until('the first', async () => (await server.thread(one.id)).replies.length === 1);
    await page.locator('.message:not(.on-its-way) .body', { hasText: 'First sentence.' }).waitFor();
    await ground.quiet();
    assert.equal(await reply(page).inputValue(), 'And a second thought');
    await page.keyboard.press('Enter');
    await until('the second', async () => (await server.thread(one.id)).replies.length === 2);
    assert.deepEqual((await server.thread(one.id)).replies, ['First sentence.', 'And a second thought']);
  });

  await tally.check('a pasted text over the limit is kept and counted, and not sent', async () => {
    const [one] = await ground.texts(1);
    const text = `${'Please pay '.repeat(154)}500 NOT 5000`;
    await open(page, one);
    await reply(page).click();
    await page.keyboard.insertText(text);
    assert.equal(await reply(page).inputValue(), text);
    await says(page.locator('.composer'), `${text.length - LENGTH_MAX} too many`);
    await page.keyboard.press('Enter');
    await ground.quiet();
    assert.deepEqual((await server.thread(one.id)).replies, []);
    assert.equal(await reply(page).inputValue(), text);
    await reply(page).fill('');
  });

  await tally.check('two replies sent while the server hangs arrive in order, each once', async () => {
    const [one] = await ground.texts(1);
    await open(page, one);
    await reply(page).click();
    await ground.hung(async () => {
      for (const text of ['Yes.', 'Come at six.']) {
        await page.keyboard.type(text, TYPING);
        await page.keyboard.press('Enter');
      }
      await says(page.locator('.pending'), 'On its way');
    });
    await until('both', async () => (await server.thread(one.id)).replies.length >= 2);
    await ground.quiet();
    assert.deepEqual((await server.thread(one.id)).replies, ['Yes.', 'Come at six.']);
    await page.locator('.pending').waitFor({ state: 'hidden' });
  });

  await tally.check('E directly after Enter closes the conversation after the reply is stored', async () => {
    const [one] = await ground.texts(1);
    await open(page, one);
    await reply(page).fill('It is ready');
    await ground.hung(async () => {
      await reply(page).press('Enter');
      await reply(page).press('Escape');
      await page.keyboard.press('e');
    });
    await until('it is closed', async () => (await server.thread(one.id)).status === 'CLOSED');
    assert.deepEqual((await server.thread(one.id)).replies, ['It is ready']);
  });

  await tally.check('a window that is reloaded while it sends a reply sends the reply once', async () => {
    const [one] = await ground.texts(1);
    await open(page, one);
    await reply(page).fill('Sent before the reload');
    let reloaded;
    await ground.hung(async () => {
      await reply(page).press('Enter');
      await says(page.locator('.pending'), 'On its way');
      reloaded = page.reload();
    });
    await reloaded;
    await ready(page);
    await until('the reply', async () => (await server.thread(one.id)).replies.length > 0);
    await ground.quiet();
    assert.deepEqual((await server.thread(one.id)).replies, ['Sent before the reload']);
  });

  await tally.check('when a reply is held back while its author continues to type, both texts are kept', async () => {
    const [one] = await ground.texts(1);
    await open(page, one);
    await reply(page).click();
    await page.keyboard.type('We open at nine', TYPING);
    await server.reply(tokens.rep2, one.id, 'We open at eight');
    await ground.hung(async () => {
      await page.keyboard.press('Enter');
      await page.keyboard.type('See you', TYPING);
    });
    await says(page.locator('.warning'), `${people[2].name} replied while you were writing`);
    await page.locator('.warning').getByRole('button', { name: 'Keep editing' }).click();
    assert.equal(await reply(page).inputValue(), 'We open at nine\nSee you');
    assert.deepEqual((await server.thread(one.id)).replies, ['We open at eight']);
    await reply(page).fill('');
  });

  await tally.check('a text that arrives while a reply is being sent keeps E from closing the conversation unseen', async () => {
    const [one] = await ground.texts(1);
    await open(page, one);
    await reply(page).fill('Bye');
    await page.route('**/graphql', async (route) => {
      if (!route.request().postData()?.includes('sendMessage')) return route.continue();
      const response = await route.fetch();
      await one.text('One more thing');
      return route.fulfill({ response });
    });
    await reply(page).press('Enter');
    await reply(page).press('Escape');
    await page.keyboard.press('e');
    await page.locator('#toasts').getByRole('button', { name: 'Close anyway' }).waitFor();
    await page.unroute('**/graphql');
    assert.equal((await server.thread(one.id)).status, 'OPEN');
  });
  await page.close();
}

/** Fault 4: drafts appear for the wrong person, or are lost. */
export async function checkDrafts(tally, ground) {
  const { tokens, server } = ground;

  await tally.check('the next person in the same window does not see a draft', async () => {
    const [one] = await ground.texts(1);
    const page = await ground.window(1);
    await open(page, one);
    await reply(page).fill('written by the first');
    await page.getByRole('combobox', { name: 'Signed in as' }).selectOption('2');
    await row(page, one.id).click();
    await opened(page, one.shown);
    await reply(page).waitFor();
    assert.equal(await reply(page).inputValue(), '');
    await page.close();
  });

  await tally.check('a draft survives a reload', async () => {
    const [one] = await ground.texts(1);
    const page = await ground.window(1);
    await open(page, one);
    await reply(page).click();
    await page.keyboard.type('half a sent', TYPING);
    await page.reload();
    await ready(page);
    await row(page, one.id).click();
    await opened(page, one.shown);
    assert.equal(await reply(page).inputValue(), 'half a sent');
    await says(row(page, one.id), 'Draft: half a sent');
    await page.close();
  });

  await tally.check('signing out leaves no draft in the browser', async () => {
    const [one] = await ground.texts(1);
    const page = await ground.signIn(tokens.rep);
    await open(page, one);
    await reply(page).fill('nobody else may read this');
    const stored = () => page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
    await until('it is stored', async () => (await stored()).includes('nobody else may read this'));
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('textbox', { name: 'Token' }).waitFor();
    assert.ok(!(await stored()).includes('nobody else may read this'));
    await page.close();
  });

  await tally.check('two windows of one person share a draft: after it is sent in one, it is gone in the other', async () => {
    const [one] = await ground.texts(1);
    const page = await ground.window(1);
    const other = await ground.window(1, { sameProfileAs: page });
    for (const window of [page, other]) await open(window, one);
    await page.bringToFront();
    await reply(page).fill('from the first window');
    await until('the draft in the other', async () => (await reply(other).inputValue()) === 'from the first window');
    await reply(page).press('Enter');
    await until('the reply', async () => (await server.thread(one.id)).replies.length === 1);
    await until('an empty box', async () => (await reply(other).inputValue()) === '');
    await other.close();
    await page.close();
  });

  await tally.check('a draft survives a token that the server no longer accepts', async () => {
    const [one] = await ground.texts(1);
    const agent = await server.createAgent('Draft Keeper');
    const page = await ground.signIn(await server.tokenOf(agent));
    await open(page, one);
    await reply(page).fill('in mid-sentence');
    await page.evaluate(() => sessionStorage.setItem('switchboard.token', 'not.a.token'));
    await page.reload();
    await page.getByRole('textbox', { name: 'Token' }).fill(await server.tokenOf(agent));
    await page.getByRole('button', { name: 'Sign in' }).click();
    await row(page, one.id).click();
    await opened(page, one.shown);
    assert.equal(await reply(page).inputValue(), 'in mid-sentence');
    await page.close();
  });
}
