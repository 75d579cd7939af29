// The set-up of inbox_slow.mjs: a server that is far away and hangs on request, customers with
// conversations, and windows.
import { opened, ready, row, toList } from './inbox_page.mjs';
import { sleep, until } from './support.mjs';

/** The time between two keys of a fast typist. */
export const TYPING = { delay: 60 };
/** How long a check waits for something that must not happen. */
const QUIET_MS = 1_500;
export const PHONE = { width: 390, height: 780 };

export class Setup {
  /** With `pid`, the process of the server is stopped to make it hang. Without it, the relay hangs. */
  constructor({ browser, server, relay, tokens, pid, hangMilliseconds, long }) {
    Object.assign(this, { browser, server, relay, tokens, long });
    this.url = relay.url;
    this.people = server.people;
    this.pid = pid;
    this.hangMilliseconds = hangMilliseconds;
  }

  /** Opens a window of one of the demo's people, and waits for its list. */
  async window(who, { path = '/', viewport, sameProfileAs } = {}) {
    const page = await this.browser.open(`${this.url}${path}#as=${who}`, { viewport, sameProfileAs });
    await ready(page);
    return page;
  }

  /** Opens a window and signs in with a pasted token. */
  async signIn(token, { sameProfileAs, path = '/' } = {}) {
    const page = await this.browser.open(`${this.namelessUrl}${path}`, { sameProfileAs });
    await page.getByRole('textbox', { name: 'Token' }).fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    return page;
  }

  get namelessUrl() {
    return this.url.replace('127.0.0.1', 'inbox.localhost');
  }

  /** Creates customers with a text and the `id` of its conversation. The last one is first in the list. */
  async texts(count, body = 'Hello') {
    const customers = [];
    for (let index = 0; index < count; index += 1) {
      const customer = this.server.customer();
      customers.push({ ...customer, id: await customer.text(`${body} ${index + 1}`) });
    }
    return customers;
  }

  /** Runs the steps while the server hangs. The server hangs for the whole time, even if the steps end sooner. */
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

  /** Waits long enough for something that must not happen. */
  async quiet() {
    await sleep(QUIET_MS);
  }
}

/** Moves the pointer off the list, because the order is fixed under a pointer. Waits for this row at the top. */
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

/** Moves the keyboard cursor to a conversation near the current one. */
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

/** Moves the focus to the open conversation without activating anything in it. */
export const focusMessages = (page) => page.locator('.timeline').focus();

/** The id of the open conversation. */
export const openId = (page) =>
  page.evaluate(() => document.querySelector('.row[aria-selected="true"]')?.dataset.id ?? null);

/** The id of the row at a point of the page. */
export const rowAt = (page, { x, y }) =>
  page.evaluate(([left, top]) => document.elementFromPoint(left, top)?.closest('.row')?.dataset.id ?? null, [x, y]);

/** The middle of the visible row with this index. */
export async function pointAt(page, index) {
  const box = await page.locator('#scroller').boundingBox();
  return { x: box.x + box.width / 2, y: box.y + 88 * index + 44 };
}
