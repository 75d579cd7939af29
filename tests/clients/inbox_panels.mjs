// Tests what surrounds the list: the trend of the queue, the workloads, presence, the keys, the switch of the
// demo, and the notice while the server is unreachable.
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import {
  accessible, appears, badge, filter, heard, leaves, opened, owner, ready, reply, row, says, saysNothingOf,
  toList, toasts, view,
} from './inbox_page.mjs';
import { Relay } from './inbox_relay.mjs';
import { until } from './support.mjs';

const TRENDS = { GROWING: 'Growing', STEADY: 'Steady', SHRINKING: 'Shrinking' };
const PHONE = { width: 390, height: 780 };

/** Runs the checks one after the other. `windows` are the signed-in windows of a manager and two reps. */
export async function checkPanels({ tally, browser, server, url, tokens, windows, picture }) {
  const [manager, rep] = windows;
  const { people } = server;
  const health = (page) => page.locator('#health');

  await tally.check('every window shows the trend of the queue, which follows arrivals and claims', async () => {
    const shown = async () => {
      const trend = TRENDS[(await server.health()).trend];
      return (await Promise.all([manager, rep].map((page) => health(page).innerText()))).every((text) => text.includes(trend));
    };
    await until('a growing queue', async () => {
      await server.flood(5);
      return (await server.health()).trend === 'GROWING';
    });
    await until('the trend', shown);
    await until('a queue that does not grow', async () => {
      await server.claim(5, tokens.rep2);
      return (await server.health()).trend !== 'GROWING';
    });
    await until('the next trend', shown);
  });

  await tally.check('the page says when a threshold is exceeded, until the threshold is lifted', async () => {
    await server.customer().text('One more');
    await server.setLimit(0);
    for (const page of [manager, rep]) await says(health(page), 'More than the limit');
    await server.setLimit(null);
    for (const page of [manager, rep]) await saysNothingOf(health(page), 'More than the limit');
  });

  await tally.check('only a manager sees workloads; a rebalance plan is shown, applied, and undone by a key', async () => {
    const panel = manager.locator('#workloads');
    const drawn = async () => Object.fromEntries(await panel.locator('li').evaluateAll((items) =>
      items.map((item) => [item.querySelector('.label').textContent, Number(item.querySelector('.count').textContent)])));
    const right = async () => isDeepStrictEqual(await drawn(), await server.workloads());
    await until('the loads', right);
    assert.equal(await rep.locator('#workloads').isVisible(), false);
    const before = await server.workloads();
    await panel.getByRole('button', { name: 'Rebalance' }).click();
    const dialog = manager.getByRole('dialog');
    const move = dialog.getByRole('button', { name: /^Move \d+ conversation/ });
    const moves = Number(/\d+/.exec(await move.innerText())[0]);
    assert.equal(await dialog.locator('tbody tr').count(), moves);
    await accessible(manager);
    await picture(manager, 'rebalance');
    assert.deepEqual(await server.workloads(), before, 'a preview moves nothing');
    await move.click();
    await says(toasts(manager), `Moved ${moves} conversation`);
    await until('the loads after it', right);
    const after = await server.workloads();
    const spread = (loads) => Math.max(...Object.values(loads)) - Math.min(...Object.values(loads));
    assert.ok(spread(after) < spread(before), 'the loads are more even');
    await toList(manager);
    await manager.keyboard.press('u');
    await says(toasts(manager), 'Moved back');
    await until('the loads as they were', async () => isDeepStrictEqual(await drawn(), before));
  });

  await tally.check('a window shows who views the conversation, who replies, and that they left', async () => {
    const one = server.customer();
    const id = await one.text('Is somebody there?');
    for (const page of [manager, rep]) {
      await view(page, 'Unassigned').click();
      await row(page, id).click();
      await opened(page, one.shown);
    }
    const here = rep.locator('.presence');
    await says(here, `${people[0].name} is here`);
    await reply(manager).fill('Yes, I am just');
    await says(here, `${people[0].name} is replying`);
    await picture(rep, 'presence');
    await reply(manager).fill('');
    await says(here, `${people[0].name} is here`);
    await toList(manager);
    await manager.keyboard.press('Escape');
    await here.waitFor({ state: 'hidden' });
  });

  await tally.check('a day of work with the keyboard alone', async () => {
    const one = server.customer();
    const id = await one.text('Do you repair e-bikes?');
    const page = await browser.open(`${url}/#as=2`);
    await ready(page);
    await page.keyboard.press('3');
    await appears(page, id);
    await page.keyboard.press('Home');
    await page.locator(`.row.cursor[data-id="${id}"]`).waitFor();
    await page.keyboard.press('Enter');
    await opened(page, one.shown);
    await page.keyboard.press('c');
    await leaves(page, id);
    await page.keyboard.press('2');
    await page.keyboard.press('o');
    await appears(page, id);
    await page.keyboard.press('Home');
    await page.keyboard.press('r');
    await page.locator('.composer textarea:focus').waitFor();
    await page.keyboard.type('We do, come by');
    await page.keyboard.press('Enter');
    await heard(page, 'We do, come by');
    await page.keyboard.press('Escape');
    await page.keyboard.press('e');
    await leaves(page, id);
    await page.keyboard.press('u');
    await appears(page, id);
    await page.keyboard.press('1');
    await page.keyboard.press('/');
    await page.keyboard.type(one.number);
    await until('one row', async () => (await page.locator('.row').count()) === 1);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('a');
    await page.getByRole('combobox', { name: 'Search for a team member' }).waitFor();
    await page.keyboard.type(people[1].name);
    await until('one name', async () => (await page.locator('#assign-results [role=option]').count()) === 1);
    await page.keyboard.press('Enter');
    await until('the new owner', async () => (await owner(page, id)) === people[1].name);
    await page.close();
  });

  await tally.check('single-key shortcuts can be turned off, permanently and in every window of the browser', async () => {
    const page = await browser.open(`${url}/#as=1`, { sameProfileAs: rep });
    await ready(page);
    await page.getByRole('button', { name: 'Keyboard' }).click();
    const dialog = page.getByRole('dialog', { name: 'Keyboard' });
    const choice = dialog.getByRole('checkbox', { name: 'Single-key shortcuts' });
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Space');
    assert.equal(await choice.isChecked(), false);
    await accessible(page);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await page.reload();
    for (const other of [page, rep]) {
      await ready(other);
      await other.locator('body.without-keys').waitFor();
      const title = await other.locator('#queue-title').innerText();
      // The counts may change in the meantime.
      const chips = () => other.locator('#chips button').evaluateAll((all) => all.map((chip) => chip.getAttribute('aria-pressed')));
      const pressed = await chips();
      await toList(other);
      await other.keyboard.press('Home');
      for (const key of ['/', '?', 'a', 'e', '1', '2', '3', 'o']) await other.keyboard.press(key);
      assert.equal(await other.locator('#queue-title').innerText(), title);
      assert.equal(await other.evaluate(() => document.activeElement.id), 'list');
      assert.equal(await other.locator('dialog, .popover:visible').count(), 0);
      assert.deepEqual(await chips(), pressed);
      await other.locator('.row.cursor[aria-posinset="1"]').waitFor();
      await other.keyboard.press('ArrowDown');
      await other.locator('.row.cursor[aria-posinset="2"]').waitFor();
    }
    await page.getByRole('button', { name: 'Keyboard' }).click();
    await choice.check();
    await page.keyboard.press('Escape');
    for (const other of [page, rep]) {
      await other.locator('body:not(.without-keys)').waitFor();
      await toList(other);
      await other.keyboard.press('/');
      await other.locator('#search:focus').waitFor();
      await other.keyboard.press('Escape');
    }
    await page.close();
  });

  await tally.check('the switch of the demo signs the window in as another agent', async () => {
    const page = await browser.open(`${url}/#as=0`);
    await ready(page);
    await page.locator('#workloads').waitFor();
    const { assignedToMe } = await server.counts(tokens.rep2);
    await page.getByRole('combobox', { name: 'Signed in as' }).selectOption('2');
    await page.locator('#workloads').waitFor({ state: 'hidden' });
    await until('their badge', async () => (await badge(page, 'Assigned to Me')) === assignedToMe.open);
    await view(page, 'Assigned to Me').click();
    await filter(page, 'Open').click();
    await until('their conversations', async () => {
      const owners = await page.locator('.row .owner').allInnerTexts();
      return owners.length > 0 && owners.every((name) => name === 'You');
    });
    await page.reload();
    await ready(page);
    assert.equal(await page.locator('#identity').inputValue(), '2');
    await page.close();
  });

  await tally.check('on a phone, a manager reaches the trend and the workloads', async () => {
    const phone = await browser.open(`${url}/#as=0`, { viewport: PHONE });
    await ready(phone);
    await view(phone, 'Unassigned').click();
    const trend = TRENDS[(await server.health()).trend];
    await says(phone.locator('#queue-head .health'), trend);
    await phone.getByRole('button', { name: 'Workloads' }).click();
    const dialog = phone.getByRole('dialog', { name: 'Workloads' });
    await says(dialog, people[1].name);
    await accessible(phone);
    await picture(phone, 'phone-workloads');
    await dialog.getByRole('button', { name: 'Rebalance' }).click();
    await phone.getByRole('dialog', { name: /^Move / }).waitFor();
    await accessible(phone);
    await phone.keyboard.press('Escape');
    await dialog.getByRole('button', { name: 'Close' }).click();
    await phone.getByRole('dialog').waitFor({ state: 'detached' });
    await phone.close();
  });

  await tally.check('the page says that the server is unreachable, and reconnects by itself', async () => {
    const relay = await Relay.start(url);
    browser.expectOutagesOf(relay.url);
    const page = await browser.open(`${relay.url}/#as=1`);
    await ready(page);
    await relay.gone();
    await says(page.locator('#connection'), 'Offline. Trying again');
    await view(page, 'Unassigned').click();
    await says(page.locator('#scroller'), 'The server cannot be reached. Trying again');
    await accessible(page);
    await picture(page, 'offline');
    await page.getByRole('combobox', { name: 'Signed in as' }).selectOption('2');
    const id = await server.customer().text('Sent while the server was away');
    await relay.back();
    await ready(page);
    await until('the person', async () => (await page.locator('#identity').inputValue()) === '2');
    await view(page, 'Unassigned').click();
    await appears(page, id);
    await page.close();
    await relay.gone();
  });
}
