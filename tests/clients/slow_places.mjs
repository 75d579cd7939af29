// Checks that every screen has a way out, a true text and an address.
import assert from 'node:assert/strict';
import { appears, assignment, filter, opened, ready, reply, row, says, saysNothingOf, toasts, view } from './inbox_page.mjs';
import { PHONE, open } from './slow_setup.mjs';
import { until } from './support.mjs';

const back = (page) => page.getByRole('button', { name: 'Back to the list' });
const claim = (page) => page.getByRole('button', { name: 'Claim' });
const place = (page) => { const { pathname, search } = new URL(page.url()); return pathname + search; };

/** Fault 6: dead ends, wrong statements, and screens without an address. */
export async function checkPlaces(tally, ground) {
  const { server, tokens, people } = ground;
  const [number] = await server.phoneNumbers();

  await tally.check('on a phone, a way back to the list remains after access is revoked', async () => {
    const [one] = await ground.texts(1);
    const agent = await server.createAgent('Revoked Rep');
    const page = await ground.signIn(await server.tokenOf(agent));
    await page.setViewportSize(PHONE);
    await open(page, one);
    await server.setAccess(agent, number.id, false);
    await says(page.locator('#thread'), 'no access to this conversation');
    await back(page).click();
    await page.locator('#scroller').waitFor();
    await saysNothingOf(page.locator('#scroller'), one.shown);
    await page.close();
  });

  await tally.check('on a phone, a conversation that does not load has a way back', async () => {
    const [one] = await ground.texts(1);
    const page = await ground.window(1, { viewport: PHONE });
    await ground.hung(async () => {
      await row(page, one.id).click();
      await back(page).click();
      await row(page, one.id).waitFor();
    });
    await page.close();
  });

  await tally.check('Back and Forward lead through the visited screens, and a reload keeps the screen', async () => {
    const page = await ground.window(1);
    const [one] = await ground.texts(1);
    await view(page, 'Unassigned').click();
    await filter(page, 'Open').click();
    assert.equal(place(page), '/unassigned?open');
    await open(page, one);
    assert.equal(place(page), `/c/${one.id}?in=unassigned&open`);
    await page.goBack();
    await until('the list', async () => (await page.locator('#thread-title').count()) === 0);
    assert.equal(place(page), '/unassigned?open');
    await page.goForward();
    await opened(page, one.shown);
    await page.reload();
    await ready(page);
    await opened(page, one.shown);
    assert.equal(await page.locator('#queue-title').innerText(), 'Unassigned');
    await page.keyboard.press('Escape');
    await until('the address of the list', () => place(page) === '/unassigned?open');
    await page.goBack();
    await until('the list before', () => place(page) === '/unassigned');
    await page.close();
  });

  await tally.check('the address of a conversation opens it for a colleague', async () => {
    const [one] = await ground.texts(1, 'Read this with me');
    const page = await ground.window(2, { path: `/c/${one.id}` });
    await opened(page, one.shown);
    await page.locator('.message', { hasText: 'Read this with me' }).waitFor();
    await page.close();
  });

  await tally.check('an unknown address shows a message and a link to the list', async () => {
    const page = await ground.browser.open(`${ground.url}/c/bm90aGluZw#as=2`, { viewport: PHONE });
    await says(page.locator('#thread'), 'no access to this conversation');
    await back(page).click();
    await page.locator('.row').first().waitFor();
    await page.close();
  });

  await tally.check('an address limits the list to a phone number; the page shows this, and the limit can be removed', async () => {
    const numbers = await server.phoneNumbers();
    const other = numbers.at(-1);
    const page = await ground.window(0, { path: `/?open&number=${other.id}` });
    const labels = () => page.locator('.row .number').allInnerTexts();
    await until('rows', async () => (await labels()).length > 0);
    assert.deepEqual([...new Set(await labels())], [other.label]);
    await page.getByRole('button', { name: `Only ${other.label}` }).click();
    await until('the whole list', () => place(page) === '/?open');
    await page.close();
  });

  await tally.check('an agent without access reads that, and not that every conversation has an owner', async () => {
    await ground.texts(1);
    const agent = await server.createAgent('New Rep', { numbers: [] });
    const page = await ground.signIn(await server.tokenOf(agent));
    for (const name of ['Inbox', 'Unassigned']) {
      await view(page, name).click();
      await says(page.locator('#scroller'), 'no access to a phone number');
      await saysNothingOf(page.locator('#scroller'), 'has an owner');
    }
    await page.close();
  });

  await tally.check('the page offers a rep no claim or assignment that the model forbids, and says why', async () => {
    await server.setModel('MANAGER_ASSIGNED');
    try {
      const [one] = await ground.texts(1);
      const page = await ground.window(1);
      await open(page, one);
      await says(page.locator('.assignment'), 'Managers assign conversations');
      assert.equal(await claim(page).isVisible(), false);
      assert.equal(await assignment(page).isDisabled(), true);
      const manager = await ground.window(0);
      await open(manager, one);
      assert.equal(await claim(manager).isVisible(), true);
      await manager.close();
      await page.close();
    } finally {
      await server.setModel('OPEN');
    }
  });

  await tally.check('after a change of the model, the first refusal removes the button', async () => {
    const [one] = await ground.texts(1);
    const page = await ground.window(1);
    await open(page, one);
    await server.setModel('MANAGER_ASSIGNED');
    try {
      await claim(page).click();
      await says(toasts(page), 'only managers can assign');
      await claim(page).waitFor({ state: 'hidden' });
      await says(page.locator('.assignment'), 'Managers assign conversations');
      assert.equal((await server.thread(one.id)).owner, null);
    } finally {
      await server.setModel('OPEN');
    }
    await page.close();
  });

  await tally.check('where reps may only claim, the dropdown offers only the rep', async () => {
    await server.setModel('SELF_SERVICE');
    try {
      const [one] = await ground.texts(1);
      const page = await ground.window(1);
      await open(page, one);
      await assignment(page).click();
      await page.locator('#assign-results [role=option]').first().waitFor();
      const names = await page.locator('#assign-results .label').allInnerTexts();
      assert.deepEqual(names, [`${people[1].name} (you)`]);
      await page.close();
    } finally {
      await server.setModel('OPEN');
    }
  });

  await tally.check('the page says that a reply is recorded, not that it is being sent', async () => {
    const [one] = await ground.texts(1);
    const page = await ground.window(1);
    await open(page, one);
    await says(page.locator('.composer'), 'recorded and not sent');
    await reply(page).fill('On record');
    await reply(page).press('Enter');
    const bubble = page.locator('.message:not(.on-its-way)', { hasText: 'On record' });
    await says(bubble, 'Recorded, not sent');
    await saysNothingOf(page.locator('#thread'), 'Sending');
    await page.close();
  });

  await tally.check('a search shows the number of its results, and the filters show no other number', async () => {
    const [one] = await ground.texts(1);
    const page = await ground.window(1);
    await page.keyboard.press('/');
    await page.keyboard.type(one.number, { delay: 60 });
    await page.keyboard.press('Enter');
    await until('one row', async () => (await page.locator('.row').count()) === 1);
    assert.equal(await page.locator(`.row.cursor[data-id="${one.id}"]`).count(), 1, 'Enter at once puts the cursor on what was found');
    assert.deepEqual((await page.locator('#chips .count').allInnerTexts()).join(''), '');
    await page.reload();
    await appears(page, one.id);
    assert.equal(await page.locator('.row').count(), 1);
    await page.close();
  });
}
