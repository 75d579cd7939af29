/**
 * Who else has this conversation open, and who is answering it.
 *
 * Tells the server what this viewer does, again and again, since it forgets by
 * itself, and says goodbye when the conversation or the window is left. Shows
 * nothing where the server has no presence.
 */
import { PRESENCE, setPresence } from './documents.js';
import { announce, avatar, h } from './dom.js';

const AGAIN_MS = 10_000;

export class Presence {
  #session;
  #id;
  #place;
  #state = 'VIEWING';
  #timer = null;
  #stopped = false;
  #unsubscribe = () => {};
  #replying = new Set();
  /** One word follows the other, so that a goodbye is the last of them. */
  #told = Promise.resolve();
  #seen = () => this.#tell();

  constructor(session, id, place) {
    this.#session = session;
    this.#id = id;
    this.#place = place;
    if (!session.offers('conversationPresence')) return;
    this.#unsubscribe = session.socket.subscribe({
      query: PRESENCE,
      variables: () => ({ id }),
      next: ({ data }) => this.#show(data?.conversationPresence?.viewers ?? []),
    });
    this.#tell();
    this.#timer = setInterval(() => { if (document.visibilityState === 'visible') this.#tell(); }, AGAIN_MS);
    document.addEventListener('visibilitychange', this.#seen);
  }

  stop() {
    if (this.#timer === null || this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#timer);
    document.removeEventListener('visibilitychange', this.#seen);
    this.#unsubscribe();
    this.#say(null);
  }

  /** Whether the viewer is writing. */
  replying(yes) {
    const state = yes ? 'REPLYING' : 'VIEWING';
    if (state === this.#state) return;
    this.#state = state;
    this.#tell();
  }

  #tell() {
    this.#say(document.visibilityState === 'visible' ? this.#state : null);
  }

  #say(state) {
    if (!this.#session.offers('setPresence')) return;
    // What is refused or lost expires by itself.
    this.#told = this.#told.then(() =>
      this.#session.request(setPresence(state), { id: this.#id }, { keepalive: true }).catch(() => {}));
  }

  #show(viewers) {
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
