// Checks on every screen size, colour scheme and keyboard layout that the important elements are visible and in reach.
import assert from 'node:assert/strict';
import { accessible, assignment, option, ready, reply, row, toList } from './inbox_page.mjs';
import { open } from './slow_setup.mjs';
import { until } from './support.mjs';

const COLLEAGUES = 45;
/** The longest name, as in the page. */
const LONG_NAME = 'Wolfeschlegelsteinhausenbergerdorff-Maximiliana Featherstone';
/** Width and height. 320 by 256 is 1280 by 1024 at a zoom of 400 %; 844 by 390 is a phone in landscape. */
const SCREENS = [[1440, 900], [820, 1180], [390, 780], [320, 640], [844, 390], [320, 256]];

/** Whether the whole width of an element is inside the window. */
const within = (locator) => locator.evaluate((element) => {
  const { left, right, width } = element.getBoundingClientRect();
  return width > 0 && left >= 0 && right <= document.documentElement.clientWidth + 0.5;
});

export async function checkReach(tally, ground, pictures) {
  const { server, url } = ground;
  const picture = (page, name) => (pictures ? page.screenshot({ path: `${pictures}/${name}.png` }) : null);
  const longId = await server.createAgent(LONG_NAME);
  const longToken = await server.tokenOf(longId);
  for (let count = 0; count < COLLEAGUES; count += 1) await server.createAgent(`Colleague ${String(count).padStart(2, '0')} Example`);

  await tally.check('the dropdown lists all 48 colleagues, the agent first', async () => {
    const [one] = await ground.texts(1);
    const page = await ground.window(2);
    await open(page, one);
    await assignment(page).click();
    await option(page, LONG_NAME).waitFor();
    const names = await page.locator('#assign-results .label').allInnerTexts();
    assert.ok(names.length >= COLLEAGUES + 3, `${names.length} names`);
    assert.match(names[0], /\(you\)$/);
    await page.close();
  });

  for (const [width, height] of SCREENS) {
    await tally.check(`${width} by ${height}: list, conversation, dropdown and reply are in reach`, async () => {
      const [one] = await ground.texts(1, 'A text that is long enough to need more than one line on a small screen');
      await server.claimOne(longToken, one.id);
      const page = await ground.window(0, { viewport: { width, height } });
      await picture(page, `${width}x${height}-list`);
      const [unowned] = await ground.texts(1);
      await open(page, unowned);
      await assignment(page).click();
      await option(page, 'Colleague 00').waitFor();
      assert.ok(await within(page.locator('.popover')), 'the dropdown beside Claim');
      await page.keyboard.press('Escape');
      if (await page.getByRole('button', { name: 'Back to the list' }).isVisible()) {
        await page.getByRole('button', { name: 'Back to the list' }).click();
      }
      await open(page, one);
      await picture(page, `${width}x${height}-thread`);
      await accessible(page);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out');
      for (const part of [assignment(page), page.locator('.thread-head').getByRole('button', { name: 'Close', exact: true }), reply(page)]) {
        await part.scrollIntoViewIfNeeded();
        assert.ok(await within(part), await part.innerText());
      }
      await assignment(page).click();
      await option(page, 'Colleague 00').waitFor();
      await picture(page, `${width}x${height}-dropdown`);
      assert.ok(await within(page.locator('.popover')), 'the dropdown');
      await option(page, 'Colleague 00').click();
      await until('the new owner', async () => (await server.thread(one.id)).owner === 'Colleague 00 Example');
      await reply(page).fill('In reach');
      await page.getByRole('button', { name: 'Send', exact: true }).click();
      await until('the reply', async () => (await server.thread(one.id)).replies.length === 1);
      await page.close();
    });
  }

  await tally.check('in forced colours, selection, cursor, unread and author differ by more than colour', async () => {
    const [one] = await ground.texts(2);
    const page = await ground.window(0, { viewport: { width: 1440, height: 900 } });
    await page.emulateMedia({ forcedColors: 'active' });
    await open(page, one);
    await reply(page).fill('One of ours');
    await reply(page).press('Enter');
    await page.locator('.message.ours:not(.on-its-way)').waitFor();
    const style = (selector, property, pseudo = null) => page.evaluate(([one_of, name, part]) =>
      getComputedStyle(document.querySelector(one_of), part)[name], [selector, property, pseudo]);
    const differ = async (one_of, other, property) =>
      assert.notEqual(await style(one_of, property), await style(other, property), `${one_of} and ${other}`);
    await differ('.view[aria-current]', '.view:not([aria-current])', 'backgroundColor');
    await differ('.row[aria-selected="true"]', '.row[aria-selected="false"]', 'backgroundColor');
    await differ('.message.ours .body', '.message:not(.ours) .body', 'borderTopWidth');
    assert.notEqual(await style('.primary', 'borderTopStyle'), 'none');
    await picture(page, 'forced-thread');
    await assignment(page).click();
    await option(page, 'Colleague 00').waitFor();
    await differ('.option[aria-selected="true"]', '.option[aria-selected="false"]', 'backgroundColor');
    await picture(page, 'forced-dropdown');
    await page.emulateMedia({ forcedColors: 'active', colorScheme: 'dark' });
    await picture(page, 'forced-dark');
    await page.close();
  });

  await tally.check('the keys have the same places on a Russian layout as on a Latin one', async () => {
    const [one] = await ground.texts(1);
    const page = await ground.window(0);
    await open(page, one);
    await toList(page);
    const press = (key, code, shiftKey = false) => page.evaluate(([it, where, shift]) => document.activeElement.dispatchEvent(
      new KeyboardEvent('keydown', { key: it, code: where, shiftKey: shift, bubbles: true, cancelable: true })), [key, code, shiftKey]);
    await press('ф', 'KeyA');
    await page.getByRole('combobox', { name: 'Search for a team member' }).waitFor();
    await page.keyboard.press('Escape');
    await toList(page);
    await press('.', 'Slash');
    await page.locator('#search:focus').waitFor();
    await page.keyboard.press('Escape');
    await press(',', 'Slash', true);
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await press('у', 'KeyE');
    await until('it is closed', async () => (await server.thread(one.id)).status === 'CLOSED');
    await page.close();
  });

  await tally.check('a thread of 200 messages opens at its end, and loading earlier ones keeps the place', async () => {
    const [one] = await ground.texts(1);
    for (let count = 0; count < 200; count += 1) await one.text(`Line ${count}.`);
    const page = await ground.window(0);
    await open(page, one);
    await page.locator('.message', { hasText: 'Line 199.' }).waitFor();
    for (const first of ['Line 101.', 'Line 51.', 'Line 1.']) {
      await page.getByRole('button', { name: 'Earlier messages' }).click();
      await page.locator('.message', { hasText: first }).waitFor({ state: 'attached' });
    }
    await page.close();
  });

  await tally.check('the first rows need one document, without introspection, and compressed files', async () => {
    const page = await ground.browser.open('about:blank');
    const documents = [];
    const files = [];
    page.on('request', (request) => { if (request.method() === 'POST') documents.push(request.postDataJSON().query); });
    page.on('response', (response) => { if (response.url().includes('/inbox/')) files.push(response); });
    await page.goto(`${url}/#as=0`);
    await page.locator('.row').first().waitFor();
    assert.match(documents[0], /viewer[\s\S]*workspace[\s\S]*conversations/);
    await ready(page);
    assert.ok(documents.every((text) => !text.includes('__type')), 'no introspection');
    for (const file of files) assert.equal(await file.headerValue('content-encoding'), 'gzip', file.url());
    await page.close();
  });
}

/** Prints when the first rows appear on slow networks, without a bound: a bound would test the machine. */
export async function measureFirstRows(ground, directUrl) {
  const networks = [
    ['slow 3G: 400 ms, 400 kbit/s, a fourth of the processor', { latency: 400, downloadThroughput: 50_000, uploadThroughput: 50_000 }, 4],
    ['cable: 20 ms, 5 Mbit/s', { latency: 20, downloadThroughput: 625_000, uploadThroughput: 125_000 }, 1],
  ];
  for (const [name, network, slowdown] of networks) {
    const times = [];
    for (let run = 0; run < 3; run += 1) {
      const page = await ground.browser.open('about:blank');
      const cdp = await page.context().newCDPSession(page);
      await cdp.send('Network.enable');
      await cdp.send('Network.emulateNetworkConditions', { offline: false, ...network });
      await cdp.send('Emulation.setCPUThrottlingRate', { rate: slowdown });
      await page.addInitScript(() => {
        const look = () => {
          if (document.querySelector('.row')) globalThis.firstRows = performance.now();
          else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
      });
      await page.goto(`${directUrl}/#as=0`, { waitUntil: 'commit' });
      await page.locator('.row').first().waitFor();
      times.push(await page.evaluate(() => {
        const paint = performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0;
        return [Math.round(paint), Math.round(globalThis.firstRows)];
      }));
      await page.close();
    }
    console.log(`        ${name}: first paint and first rows, in ms, ${times.map((pair) => pair.join(' and ')).join('; ')}`);
  }
}
