/**
 * Shows which other agents view this conversation or write a reply in it.
 *
 * Also reports the viewer's own presence to the server. A presence expires, so it is
 * reported repeatedly, and removed when the conversation or the window is closed.
 *
 * @import { Person } from './types.d.ts'
 * @import { Session } from './session.js'
 */
import { PRESENCE, SET_PRESENCE } from './documents.js';
import { announce, avatar, h } from './dom.js';

const AGAIN_MS = 10_000;

export class Presence {
  #session;
  #id;
  #place;
  /** @type {'VIEWING' | 'REPLYING'} */
  #state = 'VIEWING';
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  #stopped = false;
  #unsubscribe = () => {};
  /** @type {Set<string>} */
  #replying = new Set();
  /** The reports are sent one after the other, so that the removal is the last one. */
  #said = Promise.resolve();
  #seen = () => this.#report();

  /** @param {Session} session @param {string} id @param {HTMLElement} place */
  constructor(session, id, place) {
    this.#session = session;
    this.#id = id;
    this.#place = place;
    this.#unsubscribe = session.socket.subscribe({
      query: PRESENCE,
      variables: () => ({ id }),
      next: ({ data }) => this.#show(data?.conversationPresence?.viewers ?? []),
    });
    this.#report();
    this.#timer = setInterval(() => { if (document.visibilityState === 'visible') this.#report(); }, AGAIN_MS);
    document.addEventListener('visibilitychange', this.#seen);
  }

  stop() {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#timer);
    document.removeEventListener('visibilitychange', this.#seen);
    this.#unsubscribe();
    this.#say(null);
  }

  /** Sets whether the viewer is writing a reply. @param {boolean} yes */
  replying(yes) {
    const state = yes ? 'REPLYING' : 'VIEWING';
    if (state === this.#state) return;
    this.#state = state;
    this.#report();
  }

  #report() {
    this.#say(document.visibilityState === 'visible' ? this.#state : null);
  }

  /** @param {'VIEWING' | 'REPLYING' | null} state */
  #say(state) {
    // If the report fails, the presence expires.
    this.#said = this.#said.then(() =>
      this.#session.request(SET_PRESENCE, { id: this.#id, state }, { keepalive: true }).catch(() => {}));
  }

  /** @param {{ agent: Person, state: string }[]} viewers */
  #show(viewers) {
    if (this.#stopped) return;
    const others = viewers.filter(({ agent }) => agent.id !== this.#session.viewer.id);
    this.#place.hidden = others.length === 0;
    this.#place.replaceChildren(...others.map(({ agent, state }) =>
      h('span', { class: state === 'REPLYING' ? 'viewer replying' : 'viewer' },
        avatar(agent.name), `${agent.name} is ${state === 'REPLYING' ? 'replying' : 'here'}`)));
    const writing = others.filter(({ state }) => state === 'REPLYING').map(({ agent }) => agent.name);
    writing.filter((name) => !this.#replying.has(name)).forEach((name) => announce(`${name} is replying`));
    this.#replying = new Set(writing);
  }
}
