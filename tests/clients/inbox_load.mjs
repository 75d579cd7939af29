// Checks a long list and a burst of changes. The script prints how long frames and tasks took, without a
// bound: a bound would test the machine.
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { accessible, badge, filter, ready, toList, view } from './inbox_page.mjs';
import { watchFrames } from './inbox_browser.mjs';
import { sleep, until } from './support.mjs';

const BURST = 1_000;
const ELEMENTS_MAX = 80;
const READINGS = 5;
const LONG_SECONDS = 300;
const PROBE_MS = 100;

/** Runs the checks with `rows` more conversations. `windows` are those of a manager and a rep. */
export async function checkLoad({ tally, browser, server, url, tokens, rows, windows: [manager, rep] }) {
  // Other windows would draw each of the thousands of arrivals, and slow the measured window down.
  await Promise.all([manager, rep].map((page) => page.goto('about:blank')));
  await server.flood(rows);
  await Promise.all([[manager, 0], [rep, 1]].map(([page, who]) => page.goto(`${url}/#as=${who}`)));
  await Promise.all([manager, rep].map(ready));

  await tally.check(`a list with ${rows} more conversations scrolls, and few of them have elements`, async () => {
    await view(manager, 'Inbox').click();
    const { total } = (await server.counts(tokens.manager)).inbox;
    const frames = await watchFrames(manager);
    await toList(manager);
    let most = 0;
    await until('the end of the list', async () => {
      await manager.keyboard.press('End');
      most = Math.max(most, await manager.locator('.row').count());
      const [at] = await manager.locator('.row.cursor').evaluateAll((rows) => rows.map((row) => row.getAttribute('aria-posinset')));
      return Number(at) === total;
    }, LONG_SECONDS);
    await browser.scroll(manager);
    console.log(`        ${total} rows, at most ${most} with elements; ${await frames.summary()}`);
    assert.ok(most <= ELEMENTS_MAX, `${most} rows have elements`);
    await same(manager, tokens.manager);
    await accessible(manager);
  });

  await tally.check(`a burst of ${BURST} changes is drawn, and the page answers throughout`, async () => {
    await toList(manager);
    await manager.keyboard.press('Home');
    await view(rep, 'Assigned to Me').click();
    await filter(rep, 'Open').click();
    const frames = await watchFrames(manager);
    let bursting = true;
    const burst = server.burst(BURST).finally(() => { bursting = false; });
    let answered = 0;
    while (bursting) {
      await manager.keyboard.press('?');
      await manager.getByRole('dialog', { name: 'Keyboard' }).waitFor();
      await manager.keyboard.press('Escape');
      await manager.getByRole('dialog').waitFor({ state: 'detached' });
      answered += 1;
      await sleep(PROBE_MS);
    }
    await burst;
    console.log(`        ${answered} times answered; ${await frames.summary()}`);
    assert.ok(answered > 0);
    await same(manager, tokens.manager);
    await same(rep, tokens.rep, { view: 'ASSIGNED_TO_ME', filter: { status: 'OPEN' } });
  });

  /** Checks that the page shows the rows of a new query. */
  async function same(page, token, variables = {}) {
    const { inbox } = await server.counts(token);
    await until('the badge', async () => (await badge(page, 'Inbox')) === inbox.open);
    let wanted = [null];
    let shown = [];
    // The last changes may arrive while the list is read.
    for (let reading = 0; reading < READINGS && !isDeepStrictEqual(shown, wanted); reading += 1) {
      shown = await browser.rowsOf(page);
      wanted = await server.rows(token, variables);
    }
    assert.deepEqual(shown, wanted);
  }
}
