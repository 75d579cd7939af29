/**
 * Somebody signed in: requests, the live socket, and what the workspace allows.
 *
 * A session lives as long as its token is used; the switch of the demo makes a new
 * one. Nothing here knows what a conversation is.
 *
 * @import { ConnectionState, ListQuery, PhoneNumber, Start, Viewer, Workspace } from './types.d.ts'
 */
import { ApiError, post } from './api.js';
import { POLICY, START } from './documents.js';
import { LiveSocket } from './socket.js';

export class Session {
  /** A position in the log that is older than every later answer. @type {string | null} */
  asOf = null;
  /** @type {Workspace | null} */
  workspace = null;
  /** The numbers that the viewer has access to. @type {PhoneNumber[]} */
  numbers = [];
  #endpoint;
  #token;
  /** @type {Viewer | null} */
  #viewer = null;
  /** @type {LiveSocket | null} */
  #socket = null;
  #refreshing = false;

  /** @param {string} endpoint @param {string} token */
  constructor(endpoint, token) {
    this.#endpoint = endpoint;
    this.#token = token;
  }

  /**
   * Finds out who this is, and reads the first rows with the same document. `early` is
   * an answer that is on its way already. Throws an `ApiError` for a token that does
   * not belong to an agent.
   *
   * @param {ListQuery} list @param {Promise<Start> | null} early
   */
  async begin(list, early) {
    const start = /** @type {Start} */ (await (early ?? this.request(START, list)));
    if (!start.viewer) throw new ApiError('UNAUTHENTICATED', 'That token belongs to a service, not to a person.');
    this.#viewer = start.viewer;
    this.workspace = start.workspace;
    this.numbers = start.phoneNumbers ?? [];
    this.asOf = start.conversations.asOf;
    return start.conversations;
  }

  /** Opens the socket. @param {(state: ConnectionState) => void} heard */
  connect(heard) {
    const address = new URL(this.#endpoint, location.href);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    this.#socket = new LiveSocket(address.href, this.#token, heard);
  }

  /** Ends the socket. Requests that are on their way go on. */
  end() {
    this.#socket?.close();
  }

  get viewer() {
    if (!this.#viewer) throw new Error('the session has not begun');
    return this.#viewer;
  }

  get socket() {
    if (!this.#socket) throw new Error('the session has no socket');
    return this.#socket;
  }

  /**
   * @param {string} query @param {object} variables
   * @param {{ keepalive?: boolean, signal?: AbortSignal | null }} options
   */
  request(query, variables = {}, options = {}) {
    return post(this.#endpoint, this.#token, query, variables, options);
  }

  /** Reads again what the workspace allows; says whether that has changed. */
  async refresh() {
    if (this.#refreshing) return false;
    this.#refreshing = true;
    const before = JSON.stringify([this.#viewer, this.workspace, this.numbers]);
    try {
      const { viewer, workspace, phoneNumbers } = await this.request(POLICY);
      this.#viewer = viewer ?? this.#viewer;
      this.workspace = workspace;
      this.numbers = phoneNumbers ?? [];
    } catch {
      // What was known stays, and the server decides anyway.
    } finally {
      this.#refreshing = false;
    }
    return JSON.stringify([this.#viewer, this.workspace, this.numbers]) !== before;
  }
}
