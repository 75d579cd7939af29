/**
 * A signed-in agent: the requests, the live socket, and the rules of the workspace.
 *
 * A session lasts as long as its token is used. The switch of the demo creates a new
 * session. This module does not know conversations.
 *
 * @import { ConnectionState, ListQuery, PhoneNumber, Start, Viewer, Workspace } from './types.d.ts'
 */
import { ApiError, post } from './api.js';
import { POLICY, START } from './documents.js';
import { LiveSocket } from './socket.js';

export class Session {
  /** A position in the log that is earlier than every later response. @type {string | null} */
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
   * Queries the viewer and the first rows with one document. `early` is the response to a
   * request that was already sent. Throws an `ApiError` if the token does not belong to an
   * agent.
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

  /** Closes the socket. Running requests continue. */
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

  /** Reads the rules of the workspace again, and returns whether they have changed. */
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
      // Keep the known rules. The server decides in any case.
    } finally {
      this.#refreshing = false;
    }
    return JSON.stringify([this.#viewer, this.workspace, this.numbers]) !== before;
  }
}
