// What the checks of inbox_slow.mjs stand on: a server that is far away and hangs when told,
// customers with their conversations, and windows.
import { opened, ready, row, toList } from './inbox_page.mjs';
import { sleep, until } from './support.mjs';

/** Between two keys of somebody who types fast. */
export const TYPING = { delay: 60 };
/** How long something that must not happen is given to happen. */
const QUIET_MS = 1_500;
export const PHONE = { width: 390, height: 780 };

export class Ground {
  /** `pid` is the server's process, which then is stopped; without it the relay hangs. */
  constructor({ browser, server, relay, tokens, pid, hangMilliseconds, long }) {
    Object.assign(this, { browser, server, relay, tokens, long });
    this.url = relay.url;
    this.people = server.people;
    this.pid = pid;
    this.hangMilliseconds = hangMilliseconds;
  }

  /** A window of one of the demo's people, with its list. */
  async window(who, { path = '/', viewport, beside } = {}) {
    const page = await this.browser.open(`${this.url}${path}#as=${who}`, { viewport, beside });
    await ready(page);
    return page;
  }

  /** A window that is signed in by a pasted token. */
  async signIn(token, { beside, path = '/' } = {}) {
    const page = await this.browser.open(`${this.namelessUrl}${path}`, { beside });
    await page.getByRole('textbox', { name: 'Token' }).fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    return page;
  }

  get namelessUrl() {
    return this.url.replace('127.0.0.1', 'inbox.localhost');
  }

  /** New customers whose texts have come, each with the `id` of the conversation; the last stands first. */
  async texts(count, body = 'Hello') {
    const customers = [];
    for (let index = 0; index < count; index += 1) {
      const customer = this.server.customer();
      customers.push({ ...customer, id: await customer.text(`${body} ${index + 1}`) });
    }
    return customers;
  }

  /** Does the steps while the server hangs, for the whole time even if they are done sooner. */
  async hung(steps) {
    const stop = () => (this.pid ? process.kill(this.pid, 'SIGSTOP') : this.relay.hang());
    const go = () => (this.pid ? process.kill(this.pid, 'SIGCONT') : this.relay.answer());
    stop();
    try {
      const [done] = await Promise.all([steps(), sleep(this.hangMilliseconds)]);
      return done;
    } finally {
      go();
    }
  }

  /** Gives what must not happen the time to happen. */
  async quiet() {
    await sleep(QUIET_MS);
  }
}

/** Takes the pointer off the list, whose order stands under it, and waits for a row at the top. */
export async function handsOff(page, id) {
  await page.mouse.move(2, 2);
  await page.locator('#scroller').evaluate((scroller) => { scroller.scrollTop = 0; });
  await row(page, id).waitFor();
}

/** Opens a conversation by a click and waits for its messages. */
export async function open(page, { id, shown }) {
  await handsOff(page, id);
  await row(page, id).click();
  await opened(page, shown);
  await page.locator('.message').first().waitFor();
}

/** Puts the cursor of the keys on a conversation near the one it is on. */
export async function cursorTo(page, id) {
  await handsOff(page, id);
  await toList(page);
  await page.keyboard.press('Home');
  await page.locator('.row.cursor[aria-posinset="1"]').waitFor();
  await until('the cursor', async () => {
    if (await page.locator(`.row.cursor[data-id="${id}"]`).count()) return true;
    await page.keyboard.press('j');
    await sleep(50);
    return false;
  });
}

/** Puts the focus on the open conversation without pressing anything in it. */
export const focusMessages = (page) => page.locator('.timeline').focus();

/** The id of the conversation that is open. */
export const openId = (page) =>
  page.evaluate(() => document.querySelector('.row[aria-selected="true"]')?.dataset.id ?? null);

/** The id of the row at a point of the page. */
export const rowAt = (page, { x, y }) =>
  page.evaluate(([left, top]) => document.elementFromPoint(left, top)?.closest('.row')?.dataset.id ?? null, [x, y]);

/** The middle of the row that stands at that place of the list's sight. */
export async function pointAt(page, index) {
  const box = await page.locator('#scroller').boundingBox();
  return { x: box.x + box.width / 2, y: box.y + 88 * index + 44 };
}
