// Checks that rows do not move under the pointer, and that only visible texts are marked as read.
import assert from 'node:assert/strict';
import { heard, row, view } from './inbox_page.mjs';
import { open, openId, pointAt, rowAt } from './slow_setup.mjs';
import { sleep, until } from './support.mjs';

/** The time that a hand takes from aiming to pressing. */
const AIM_MS = 400;
const TEXTS_PER_SECOND = 5;
const SCROLLED_PX = 3_000;
/** The time that a click may take to show. Another conversation that is open by then was opened by the click. */
const OPEN_SECONDS = 3;

/** The conversation of the topmost visible row, and the distance of its edge from the edge of the list. */
const inSight = (page) => page.evaluate(() => {
  const scroller = document.getElementById('scroller');
  const edge = scroller.getBoundingClientRect();
  const found = document.elementFromPoint(edge.left + 60, edge.top + 120)?.closest('.row');
  return { id: found?.dataset.id, offset: Math.round(found?.getBoundingClientRect().top - edge.top) };
});

/** Whether this conversation is open after the click has been drawn. */
const opens = (page, id) =>
  until('it is open', async () => (await openId(page)) === id, OPEN_SECONDS).catch(() => false);

/** Fault 5: rows move, a reader's place moves, and unseen texts are marked as read. */
export async function checkHands(tally, ground) {
  const { server, tokens, long } = ground;
  const page = await ground.window(0);
  const known = await ground.texts(30);

  await tally.check('at five texts a second, each click opens the intended row', async () => {
    const end = server.traffic(known, TEXTS_PER_SECOND);
    const wrong = [];
    for (let turn = 0; turn < (long ? 60 : 12); turn += 1) {
      await page.mouse.move(5, 5);
      await sleep(AIM_MS);
      const point = await pointAt(page, 1 + (turn % 5));
      await page.mouse.move(point.x, point.y, { steps: 4 });
      await sleep(60);
      const aimed = await rowAt(page, point);
      await sleep(AIM_MS);
      await page.mouse.click(point.x, point.y);
      if (!(await opens(page, aimed))) wrong.push(`${turn}: ${aimed} ${await openId(page)}`);
    }
    await end();
    assert.deepEqual(wrong, []);
  });

  await tally.check('a long press during a change of the list opens the row that it started on', async () => {
    const end = server.traffic(known, TEXTS_PER_SECOND);
    const wrong = [];
    for (let turn = 0; turn < 4; turn += 1) {
      const point = await pointAt(page, 2);
      await page.mouse.move(5, 5);
      await sleep(AIM_MS);
      await page.mouse.move(point.x, point.y);
      // Wait until a moving row has reached its place.
      await sleep(AIM_MS);
      const aimed = await rowAt(page, point);
      await page.mouse.down();
      await sleep(2 * AIM_MS);
      await page.mouse.up();
      if (!(await opens(page, aimed))) wrong.push(`${aimed} ${await openId(page)}`);
    }
    await end();
    assert.deepEqual(wrong, []);
  });

  await tally.check('a reader further down keeps the visible rows, and a button leads to the new ones', async () => {
    await view(page, 'Inbox').click();
    await page.keyboard.press('Escape');
    await page.mouse.move(5, 5);
    await page.locator('#news').waitFor({ state: 'hidden' });
    await page.evaluate((down) => { document.getElementById('scroller').scrollTop = down; }, SCROLLED_PX);
    await until('rows there', async () => (await inSight(page)).id);
    await ground.quiet();
    const before = await inSight(page);
    const [last] = (await ground.texts(5)).slice(-1);
    await ground.quiet();
    assert.deepEqual(await inSight(page), before);
    assert.equal(await page.locator('#news').innerText(), '↑ 5 new');
    await page.locator('#news').click();
    await row(page, last.id).waitFor();
    assert.equal(await page.evaluate(() => document.getElementById('scroller').scrollTop), 0);
  });

  await tally.check('a text outside the window stays unread until it becomes visible', async () => {
    const [one] = await ground.texts(1);
    for (let count = 0; count < 30; count += 1) await one.text(`Line ${count}`);
    await open(page, one);
    await heard(page, 'Line 29');
    await until('it is read', async () => !(await server.isUnread(tokens.manager, one.id)));
    await page.locator('.timeline').evaluate((region) => { region.scrollTop = 0; });
    await one.text('Below the fold');
    await page.locator('.message', { hasText: 'Below the fold' }).waitFor({ state: 'attached' });
    await ground.quiet();
    assert.equal(await server.isUnread(tokens.manager, one.id), true);
    await page.getByRole('button', { name: '1 new message' }).click();
    await until('it is read', async () => !(await server.isUnread(tokens.manager, one.id)));
  });

  await tally.check('new messages do not move a reader of earlier ones', async () => {
    const [one] = await ground.texts(1);
    for (let count = 0; count < 30; count += 1) await one.text(`Line ${count}`);
    await open(page, one);
    await heard(page, 'Line 29');
    const region = page.locator('.timeline');
    const place = () => region.evaluate((element) => {
      const found = [...element.querySelectorAll('.message')].find((it) => it.textContent.includes('Line 9'));
      return Math.round(found.getBoundingClientRect().top);
    });
    await region.evaluate((element) => { element.scrollTop = element.scrollHeight / 3; });
    const before = await place();
    for (let count = 0; count < 3; count += 1) await one.text(`Later ${count}`);
    await page.locator('.message', { hasText: 'Later 2' }).waitFor({ state: 'attached' });
    assert.equal(await place(), before);
  });

  await tally.check('when others claim rows, the rows under the pointer do not move', async () => {
    const ids = (await ground.texts(6)).map(({ id }) => id);
    await page.mouse.move(5, 5);
    await view(page, 'Unassigned').click();
    await row(page, ids[5]).waitFor();
    const point = await pointAt(page, 3);
    await page.mouse.move(point.x, point.y, { steps: 4 });
    await sleep(60);
    const aimed = await rowAt(page, point);
    assert.ok(aimed);
    const others = ids.filter((id) => id !== aimed).slice(-2);
    for (const id of others) await server.claimOne(tokens.rep2, id);
    await ground.quiet();
    assert.equal(await rowAt(page, point), aimed);
    await page.mouse.click(point.x, point.y);
    await until('it is open', async () => (await openId(page)) === aimed);
    await page.mouse.move(5, 5);
    for (const id of others) await row(page, id).waitFor({ state: 'detached' });
  });
  await page.close();
}
