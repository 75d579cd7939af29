/**
 * Who else has this conversation open, and who is answering it.
 *
 * Tells the server what this viewer does, again and again, since it forgets by
 * itself, and says goodbye when the conversation or the window is left.
 *
 * @import { Person } from './types.d.ts'
 * @import { Session } from './session.js'
 */
import { PRESENCE, setPresence } from './documents.js';
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
  /** One word follows the other, so that a goodbye is the last of them. */
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

  /** Whether the viewer is writing. @param {boolean} yes */
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
    // What is refused or lost expires by itself.
    this.#said = this.#said.then(() =>
      this.#session.request(setPresence(state), { id: this.#id }, { keepalive: true }).catch(() => {}));
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
