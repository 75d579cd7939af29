/**
 * Who else has this conversation open, and who is answering it.
 *
 * Tells the server what this viewer does, again and again, since it forgets by
 * itself; shows nothing where the server has no presence.
 */
import { PRESENCE, setPresence } from './documents.js';
import { announce, avatar, h } from './dom.js';

const AGAIN_MS = 10_000;

export class Presence {
  #session;
  #id;
  #place;
  #state = 'VIEWING';
  #timer;
  #unsubscribe;
  #replying = new Set();

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
    this.#timer = setInterval(() => this.#tell(), AGAIN_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.#unsubscribe?.();
  }

  /** Whether the viewer is writing. */
  replying(yes) {
    const state = yes ? 'REPLYING' : 'VIEWING';
    if (state === this.#state) return;
    this.#state = state;
    this.#tell();
  }

  #tell() {
    if (!this.#session.offers('setPresence') || document.visibilityState !== 'visible') return;
    // A server without presence refuses; then there is nothing to show either.
    this.#session.request(setPresence(this.#state), { id: this.#id }).catch(() => this.stop());
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
