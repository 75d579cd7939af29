/**
 * A small client of the graphql-transport-ws protocol.
 *
 * One socket carries all subscriptions. After a lost connection, the client connects
 * again, with growing pauses, and sends each subscription again with the current result
 * of its `variables` function, usually a later cursor. A subscription ends when the
 * server refuses or completes it. Its owner decides what to do then.
 *
 * @import { ConnectionState, GraphQLResult } from './types.d.ts'
 */

/**
 * @typedef {object} Subscription
 * @property {string} query
 * @property {() => object} variables
 * @property {(result: GraphQLResult) => void} next
 * @property {(errors: unknown) => void} over
 * @property {string} id
 */

const PROTOCOL = 'graphql-transport-ws';
const PAUSE_MIN_MS = 400;
const PAUSE_MAX_MS = 15_000;
const PING_EVERY_MS = 20_000;
const SILENCE_MAX_MS = 35_000;
/** The close codes after which a retry is useless, because the token is invalid. */
const SIGNED_OUT = new Set([4401, 4403]);

export class LiveSocket {
  #url;
  #token;
  #heard;
  /** @type {WebSocket | null} */
  #socket = null;
  #ready = false;
  #closed = false;
  #attempts = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #heartbeat;
  #heardAt = 0;
  /** @type {Map<string, Subscription>} */
  #subscriptions = new Map();
  #nextId = 1;
  #online = () => this.#hurry();

  /** @param {string} url @param {string} token @param {(state: ConnectionState) => void} heard */
  constructor(url, token, heard) {
    this.#url = url;
    this.#token = token;
    this.#heard = heard;
    addEventListener('online', this.#online);
    this.#connect();
  }

  /**
   * Subscribes until the returned function is called.
   *
   * `next` is called with each response. `over` is called once when the server ends the
   * subscription, with the errors, if any.
   *
   * @param {{ query: string, variables?: () => object, next: Subscription['next'], over?: Subscription['over'] }} what
   */
  subscribe({ query, variables = () => ({}), next, over = () => {} }) {
    const subscription = { query, variables, next, over, id: String(this.#nextId++) };
    this.#subscriptions.set(subscription.id, subscription);
    if (this.#ready) this.#begin(subscription);
    return () => {
      if (!this.#subscriptions.delete(subscription.id)) return;
      if (this.#ready) this.#send({ id: subscription.id, type: 'complete' });
    };
  }

  /** Closes the socket and ends all subscriptions permanently. */
  close() {
    this.#closed = true;
    removeEventListener('online', this.#online);
    clearTimeout(this.#retry);
    clearInterval(this.#heartbeat);
    this.#subscriptions.clear();
    this.#socket?.close(1000);
  }

  #connect() {
    this.#heard('connecting');
    const socket = new WebSocket(this.#url, PROTOCOL);
    this.#socket = socket;
    socket.onopen = () => this.#send({ type: 'connection_init', payload: { Authorization: `Bearer ${this.#token}` } });
    socket.onmessage = ({ data }) => {
      if (this.#socket === socket) this.#hear(JSON.parse(data));
    };
    socket.onclose = ({ code }) => {
      if (this.#socket === socket) this.#lost(code);
    };
  }

  /** @param {any} message */
  #hear(message) {
    this.#heardAt = Date.now();
    const subscription = this.#subscriptions.get(message.id);
    switch (message.type) {
      case 'connection_ack':
        this.#acknowledged();
        break;
      case 'ping':
        this.#send({ type: 'pong' });
        break;
      case 'next':
        subscription?.next(message.payload);
        break;
      case 'error':
        this.#subscriptions.delete(message.id);
        subscription?.over(message.payload);
        break;
      case 'complete':
        this.#subscriptions.delete(message.id);
        subscription?.over(null);
        break;
    }
  }

  #acknowledged() {
    this.#ready = true;
    this.#attempts = 0;
    this.#heard('live');
    for (const subscription of this.#subscriptions.values()) this.#begin(subscription);
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => this.#beat(), PING_EVERY_MS);
  }

  /** Detects a dead connection: it does not respond to a ping. */
  #beat() {
    if (Date.now() - this.#heardAt > SILENCE_MAX_MS) {
      const socket = this.#socket;
      this.#lost(1006);
      socket?.close();
    } else {
      this.#send({ type: 'ping' });
    }
  }

  /** @param {Subscription} subscription */
  #begin(subscription) {
    const { id, query, variables } = subscription;
    this.#send({ id, type: 'subscribe', payload: { query, variables: variables() } });
  }

  /** @param {object} message */
  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** @param {number} code */
  #lost(code) {
    this.#ready = false;
    this.#socket = null;
    clearInterval(this.#heartbeat);
    if (this.#closed) return;
    if (SIGNED_OUT.has(code)) {
      this.#heard('signed-out');
      return;
    }
    this.#heard('waiting');
    const ceiling = Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** this.#attempts);
    this.#attempts += 1;
    // Half of the pause is random, so that not all clients reconnect to a restarted server at once.
    this.#retry = setTimeout(() => this.#connect(), ceiling / 2 + Math.random() * (ceiling / 2));
  }

  #hurry() {
    if (this.#closed || this.#socket) return;
    clearTimeout(this.#retry);
    this.#connect();
  }
}
