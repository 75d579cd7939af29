/**
 * The replies that the agent has sent and the server has not recorded yet.
 *
 * A reply moves from the composer to the outbox when it is sent. Each reply has its own
 * idempotency key, so the server records it once even if it is sent again. The replies of
 * one conversation are sent one after the other. A reply that does not reach the server is
 * sent again. A reply that the server refuses stays until its author decides. The outbox
 * survives the closing of the pane and a reload of the window.
 *
 * @import { Outgoing, Payload } from './types.d.ts'
 * @import { Session } from './session.js'
 */
import { ApiError } from './api.js';
import { SEND } from './documents.js';

const PREFIX = 'switchboard.outbox';
const KEY_BYTES = 16;
const PAUSE_MIN_MS = 1_000;
const PAUSE_MAX_MS = 15_000;
/** After a longer absence, a stored reply is not sent without the agent's confirmation. */
const FRESH_MS = 120_000;

export class Outbox {
  /** @type {Outgoing[]} */
  #items = [];
  /** The conversations whose reply is being sent. @type {Set<string>} */
  #busy = new Set();
  /** @type {Map<string, Set<() => void>>} */
  #watchers = new Map();
  /** @type {Map<string, (() => void)[]>} */
  #settled = new Map();
  #session;
  /** @type {Storage | null} */
  #storage;
  #place;
  #recorded;

  /**
   * @param {Session} session @param {Storage | null} storage
   * @param {(payload: Payload, item: Outgoing) => void} recorded is called with each response to a recorded reply
   */
  constructor(session, storage, recorded) {
    this.#session = session;
    this.#storage = storage;
    this.#place = `${PREFIX}.${session.viewer.id}`;
    this.#recorded = recorded;
    this.#items = restored(storage, this.#place, Date.now());
    for (const { conversationId } of this.#items) this.#next(conversationId);
  }

  /** The unrecorded replies of a conversation, oldest first. @param {string} id */
  of(id) {
    return this.#items.filter(({ conversationId }) => conversationId === id);
  }

  /** Whether closing the window would lose a reply. */
  get isEmpty() {
    return this.#items.length === 0;
  }

  /** @param {string} id @param {() => void} changed */
  watch(id, changed) {
    const watchers = this.#watchers.get(id) ?? new Set();
    this.#watchers.set(id, watchers.add(changed));
    return () => {
      watchers.delete(changed);
      if (watchers.size === 0) this.#watchers.delete(id);
    };
  }

  /** Sends a reply. @param {string} conversationId @param {string} body @param {string | null} seen */
  send(conversationId, body, seen) {
    this.#items.push({ key: newKey(), conversationId, body, seen, at: Date.now(), state: 'waiting' });
    this.#changed(conversationId);
    this.#next(conversationId);
  }

  /**
   * Notes that the agent's own message has arrived over the socket before the response to
   * the request. The thread then already shows the reply.
   * @param {string} conversationId @param {string} body
   */
  landed(conversationId, body) {
    const item = this.of(conversationId).find((it) => it.state === 'sending' && !it.landed && it.body.replaceAll('\r\n', '\n') === body);
    if (!item) return;
    item.landed = true;
    this.#changed(conversationId);
  }

  /** Sends a reply again that was held back or refused. @param {Outgoing} item @param {{ override?: boolean }} options */
  again(item, { override = false } = {}) {
    if (!this.#items.includes(item)) return;
    Object.assign(item, { state: 'waiting', override, problem: undefined, newer: undefined, at: Date.now() });
    this.#changed(item.conversationId);
    this.#next(item.conversationId);
  }

  /** Removes a reply that was held back or refused, or that was not sent yet. Returns whether this was possible. @param {Outgoing} item */
  takeBack(item) {
    if (item.state === 'sending' || !this.#items.includes(item)) return false;
    this.#remove(item);
    return true;
  }

  /** Stops, and leaves the stored replies to the next sign-in. Requests that are running continue. */
  detach() {
    this.#storage = null;
  }

  /** Stops, and deletes the stored and the undecided replies. Requests that are running continue. */
  clear() {
    for (const item of this.#items.filter(({ state }) => state === 'held' || state === 'refused')) this.#remove(item);
    this.#storage?.removeItem(this.#place);
    this.detach();
  }

  /** Resolves when no reply of the conversation is being sent: with true if all were recorded. @param {string} id */
  async settled(id) {
    while (this.#isUnderWay(id)) {
      await new Promise((done) => {
        this.#settled.set(id, [...(this.#settled.get(id) ?? []), () => done(undefined)]);
      });
    }
    return this.of(id).length === 0;
  }

  /** @param {string} id */
  #isUnderWay(id) {
    const [first] = this.of(id);
    return first !== undefined && first.state !== 'held' && first.state !== 'refused';
  }

  /** @param {string} id */
  async #next(id) {
    const [item] = this.of(id);
    if (!item || item.state !== 'waiting' || this.#busy.has(id)) return;
    this.#busy.add(id);
    item.state = 'sending';
    this.#changed(id);
    await this.#deliver(item);
    this.#busy.delete(id);
    this.#changed(id);
    this.#next(id);
  }

  /** @param {Outgoing} item */
  async #deliver(item) {
    const { conversationId, body, key, seen, override = false } = item;
    const input = { conversationId, body, idempotencyKey: key, lastSeenMessageId: seen, overrideStale: override };
    for (let pause = PAUSE_MIN_MS; ; pause = Math.min(PAUSE_MAX_MS, pause * 2)) {
      try {
        const { sendMessage } = await this.#session.request(SEND, { input }, { keepalive: true });
        this.#answered(item, sendMessage);
        return;
      } catch (problem) {
        if (!(problem instanceof ApiError) || problem.code !== 'NETWORK') {
          Object.assign(item, { state: 'refused', problem: problem instanceof Error ? problem.message : String(problem) });
          return;
        }
      }
      // The server may have recorded the reply. The key keeps it from being recorded twice.
      item.problem = 'The server cannot be reached. Trying again …';
      this.#changed(conversationId);
      await new Promise((done) => { setTimeout(done, pause); });
    }
  }

  /** @param {Outgoing} item @param {Payload} payload */
  #answered(item, payload) {
    const [error] = payload.userErrors;
    if (error?.code === 'STALE_REPLY') {
      Object.assign(item, { state: 'held', problem: error.message, newer: error.newerMessages ?? [] });
    } else if (error) {
      Object.assign(item, { state: 'refused', problem: error.message });
    } else {
      this.#recorded(payload, item);
      this.#remove(item);
    }
  }

  /** @param {Outgoing} item */
  #remove(item) {
    this.#items = this.#items.filter((other) => other !== item);
    this.#changed(item.conversationId);
    this.#next(item.conversationId);
  }

  /** @param {string} id */
  #changed(id) {
    try {
      if (this.isEmpty) this.#storage?.removeItem(this.#place);
      else this.#storage?.setItem(this.#place, JSON.stringify(this.#items));
    } catch {
      // The storage is full or unavailable, so the outbox lasts as long as the page.
    }
    this.#watchers.get(id)?.forEach((changed) => changed());
    if (this.#isUnderWay(id)) return;
    const waiting = this.#settled.get(id) ?? [];
    this.#settled.delete(id);
    waiting.forEach((done) => done());
  }
}

/**
 * The replies that the window was sending before it was reloaded.
 * @param {Storage | null} storage @param {string} place @param {number} now
 * @returns {Outgoing[]}
 */
export function restored(storage, place, now) {
  let items;
  try {
    items = JSON.parse(storage?.getItem(place) ?? '[]');
  } catch {
    return [];
  }
  if (!Array.isArray(items)) return [];
  return items.filter(({ key, conversationId, body }) => key && conversationId && body).map((item) => {
    if (item.state === 'held' || item.state === 'refused') return item;
    if (now - item.at < FRESH_MS) return { ...item, state: 'waiting', problem: undefined };
    return { ...item, state: 'refused', problem: 'The window was closed before the server had answered.' };
  });
}

/** A unique key. `randomUUID` is missing if the page is not served securely. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
