// The browser of inbox.mjs: opens windows, records their messages and requests, breaks their
// sockets, measures their frames, and takes pictures.
import { chromium } from 'playwright-core';
import { heard, row, view } from './inbox_page.mjs';
import { PATIENCE_SECONDS, until } from './support.mjs';

/** A host name of this machine for which the demo's page contains no tokens. */
const NAME = 'inbox.localhost';
/** The distance of a fast scroll between two frames. */
const FLICK_PX = 400;
const LONG_FRAME_MS = 50;
const TICK_MS = 20;
const DESKTOP = { width: 1180, height: 780 };
const PHONE = { width: 390, height: 780 };

export class Browser {
  complaints = [];
  foreign = [];
  #browser;
  #sockets = new Map();
  #homes;
  #outages = [];

  static async launch(url) {
    const self = new Browser();
    self.#browser = await chromium.launch({
      executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
      args: [
        '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
        // Several windows are visible at once.
        '--disable-renderer-backgrounding', '--disable-backgrounding-occluded-windows',
        '--disable-background-networking', '--disable-component-update', '--disable-sync',
      ],
    });
    self.nameless = url.replace(/\/\/[^:/]+/, `//${NAME}`);
    self.#homes = [url, self.nameless];
    return self;
  }

  /** Allows requests to this address, which also leads to the server and may be unreachable at times. */
  expectOutagesOf(address) {
    this.#homes.push(address);
    this.#outages.push(address);
  }

  #listen(context) {
    context.on('console', (message) => {
      // The browser logs each refused token and each failed connection. The tests cause both on purpose.
      const from = message.location().url;
      const refused = message.text().includes('401') && from.startsWith(this.nameless);
      const away = /ERR_CONNECTION|ERR_EMPTY_RESPONSE/.test(message.text())
        && this.#outages.some((home) => `${from} ${message.text()}`.replaceAll('ws://', 'http://').includes(home));
      const expected = refused || away;
      if (['error', 'warning'].includes(message.type()) && !expected) this.complaints.push(message.text());
    });
    context.on('weberror', (error) => this.complaints.push(String(error.error())));
    context.on('request', (request) => {
      const target = request.url();
      if (!this.#homes.some((home) => target.startsWith(`${home}/`)) && !target.startsWith('data:')) this.foreign.push(target);
    });
  }

  /**
   * Opens a window at this address. `breakSocket` ends its connection.
   *
   * Each window has its own profile, because Chromium draws a tab in the background only once a second. With
   * `sameProfileAs`, the window shares the storage of another window.
   */
  async open(address, { viewport = DESKTOP, sameProfileAs = null } = {}) {
    const context = sameProfileAs?.context() ?? (await this.#browser.newContext());
    if (!sameProfileAs) this.#listen(context);
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_SECONDS * 1000);
    await page.setViewportSize(viewport);
    const sockets = [];
    this.#sockets.set(page, sockets);
    await page.routeWebSocket(() => true, (socket) => {
      if (new URL(socket.url()).host !== new URL(address).host) this.foreign.push(socket.url());
      socket.connectToServer();
      sockets.push(socket);
    });
    await page.goto(address);
    return page;
  }

  socketsOf(page) {
    return this.#sockets.get(page);
  }

  /** Ends the connection as a restarting server does. */
  breakSocket(page) {
    return this.socketsOf(page).at(-1).close({ code: 1012 });
  }

  /** Holds back one mutation of each page until all pages have sent theirs. The returned function waits for this. */
  async holdBack(pages, field) {
    const waiting = [];
    const isIt = (route) => route.request().postData()?.includes(field);
    const hold = (route) => (isIt(route) ? waiting.push(route) : route.continue());
    await Promise.all(pages.map((page) => page.route('**/graphql', hold)));
    return async () => {
      await until('all have sent it', () => waiting.length === pages.length);
      await Promise.all(waiting.map((route) => route.continue()));
      await Promise.all(pages.map((page) => page.unroute('**/graphql', hold)));
    };
  }

  /** Collects the whole list of the page by scrolling: `id owner status` of each row in order. */
  rowsOf(page) {
    return page.evaluate(async (patience_ms) => {
      const scroller = document.getElementById('scroller');
      const list = document.getElementById('list');
      const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      const found = [];
      scroller.scrollTop = 0;
      await frame();
      const height = scroller.querySelector('.row')?.offsetHeight ?? 1;
      for (;;) {
        const deadline = performance.now() + patience_ms;
        const in_sight = () => Math.min(Math.floor((scroller.scrollTop + scroller.clientHeight) / height), Math.round(list.offsetHeight / height));
        let last = 0;
        // The list is blank where the next page has not arrived yet.
        do {
          await frame();
          for (const row of scroller.querySelectorAll('.row')) {
            const status = row.querySelector('.waits').textContent === 'Closed' ? 'CLOSED' : 'OPEN';
            last = Math.max(last, Number(row.getAttribute('aria-posinset')));
            found[Number(row.getAttribute('aria-posinset')) - 1] =
              `${row.dataset.id} ${row.querySelector('.owner').textContent} ${status}`;
          }
        } while (last < in_sight() && performance.now() < deadline);
        const before = scroller.scrollTop;
        scroller.scrollTop = last * height;
        if (scroller.scrollTop === before) return [...found];
      }
    }, PATIENCE_SECONDS * 1000);
  }

  /** Scrolls from the end of the list to its start, a long way at each frame, like the flick of a finger. */
  scroll(page) {
    return page.evaluate(async (stretch) => {
      const scroller = document.getElementById('scroller');
      while (scroller.scrollTop > 0) {
        scroller.scrollTop -= stretch;
        await new Promise(requestAnimationFrame);
      }
    }, FLICK_PX);
  }

  /** The pictures of the README: two windows side by side, and a phone. */
  async takePictures({ url, server, pictures }) {
    const one = server.customer();
    const size = { width: 980, height: 680 };
    const [left, right] = await Promise.all([0, 1].map((who) => this.open(`${url}/#as=${who}`, { viewport: size })));
    const id = await one.text('Hi, I bought a bike on Saturday and the gears slip. Can I bring it in?');
    await view(right, 'Assigned to Me').click();
    await row(left, id).click();
    await heard(left, 'the gears slip');
    await left.locator('.assign').click();
    await left.getByRole('combobox', { name: 'Search for a team member' }).fill(server.people[1].name);
    await until('one name', async () => (await left.locator('#assign-results [role=option]').count()) === 1);
    await left.keyboard.press('Enter');
    await row(right, id).click();
    await heard(right, 'the gears slip');
    await right.getByRole('textbox', { name: 'Reply' }).fill('Of course. We are open until 6 today, just come by.');
    await right.keyboard.press('Enter');
    await heard(left, 'just come by');
    await left.waitForTimeout(2_600);
    await this.#sideBySide(left, right, `${pictures}/inbox.png`);
    await right.setViewportSize(PHONE);
    await right.screenshot({ path: `${pictures}/phone-thread.png` });
    await right.getByRole('button', { name: 'Back to the list' }).click();
    await right.screenshot({ path: `${pictures}/phone-list.png` });
    await this.#compose([`phone-list`, `phone-thread`].map((name) => `${pictures}/${name}.png`), `${pictures}/inbox-phone.png`);
    await Promise.all([left.close(), right.close()]);
  }

  async #sideBySide(left, right, path) {
    const shots = await Promise.all([left, right].map((page) => page.screenshot()));
    await this.#mount(shots, path);
  }

  async #compose(files, path) {
    const { readFile } = await import('node:fs/promises');
    await this.#mount(await Promise.all(files.map((file) => readFile(file))), path);
  }

  /** Puts pictures side by side on a plain background. */
  async #mount(shots, path) {
    const page = await this.#browser.newPage({ viewport: { width: 2100, height: 900 } });
    const images = shots.map((shot) => `<img src="data:image/png;base64,${shot.toString('base64')}">`).join('');
    await page.setContent(`<style>
      body { margin: 0; background: #dfe3e1; }
      div { display: inline-flex; gap: 24px; padding: 24px; }
      img { border-radius: 12px; display: block; }
    </style><div>${images}</div>`);
    await page.locator('div').screenshot({ path });
    await page.close();
  }

  close() {
    return this.#browser.close();
  }
}

/** Measures the page's frames and the delay of its timers until `summary` is called. */
export async function watchFrames(page) {
  await page.bringToFront();
  await page.evaluate((tick_ms) => {
    const seen = { frames: [], delays: [] };
    globalThis.seen = seen;
    let last = performance.now();
    const frame = (now) => {
      seen.frames.push(now - last);
      last = now;
      if (globalThis.seen) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    let due = performance.now() + tick_ms;
    const timer = setInterval(() => {
      const now = performance.now();
      seen.delays.push(Math.max(0, now - due));
      due = now + tick_ms;
      if (!globalThis.seen) clearInterval(timer);
    }, tick_ms);
  }, TICK_MS);
  return {
    summary: async () => {
      const { frames, delays } = await page.evaluate(() => {
        const { seen } = globalThis;
        globalThis.seen = null;
        return seen;
      });
      const long = frames.filter((time) => time > LONG_FRAME_MS).length;
      return `${frames.length} frames, ${spread(frames)}, ${long} over ${LONG_FRAME_MS} ms; delay of the event loop ${spread(delays)}`;
    },
  };
}

function spread(times) {
  times.sort((a, b) => a - b);
  const at = (share) => (times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0).toFixed(0);
  return `median ${at(0.5)} ms, 95 % within ${at(0.95)} ms, longest ${at(1)} ms`;
}
