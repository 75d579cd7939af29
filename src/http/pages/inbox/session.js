/**
 * Somebody signed in: requests, the live socket, and what this server offers.
 *
 * A session lives as long as its token is used; the switch of the demo makes a
 * new one. Nothing here knows what a conversation is.
 */
import { FEATURES, VIEWER } from './documents.js';
import { LiveSocket } from './socket.js';

const REQUEST_MS = 15_000;

/** A request that brought no data: `code` is the API's, or `NETWORK`. */
export class ApiError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

export class Session {
  viewer = null;
  workspace = null;
  socket = null;
  #endpoint;
  #token;
  #offered = null;

  constructor(endpoint, token) {
    this.#endpoint = endpoint;
    this.#token = token;
  }

  /**
   * Reads the agent of the token and opens the socket. `told` receives the state of the socket.
   *
   * Throws an `ApiError` if the token does not belong to an agent.
   */
  async begin(told) {
    const { viewer, workspace } = await this.request(VIEWER);
    if (!viewer) throw new ApiError('UNAUTHENTICATED', 'That token belongs to a service, not to a person.');
    this.viewer = viewer;
    this.workspace = workspace;
    await this.#detect();
    const address = new URL(this.#endpoint, location.href);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    this.socket = new LiveSocket(address.href, this.#token, told);
  }

  end() {
    this.socket?.close();
  }

  /**
   * The response's data; throws an `ApiError` when it has none, or errors.
   *
   * With `keepalive` the request gets through although the window is being closed.
   */
  async request(query, variables = {}, { keepalive = false } = {}) {
    let response;
    let answer;
    try {
      response = await fetch(this.#endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#token}` },
        body: JSON.stringify({ query, variables }),
        keepalive,
        signal: AbortSignal.timeout(REQUEST_MS),
      });
      answer = await response.json();
    } catch {
      throw new ApiError('NETWORK', 'The server cannot be reached.');
    }
    const [error] = answer.errors ?? [];
    if (error) throw new ApiError(error.extensions?.code ?? 'INTERNAL', error.message);
    return answer.data;
  }

  /**
   * Whether a root field can be used. Where introspection is off nobody can tell
   * beforehand: then it is worth a try, and a refusal means no.
   */
  offers(field) {
    return this.#offered === null || this.#offered.has(field);
  }

  async #detect() {
    try {
      const { query, mutation, subscription } = await this.request(FEATURES);
      const roots = [query, mutation, subscription];
      this.#offered = new Set(roots.flatMap((root) => root.fields.map((field) => field.name)));
    } catch {
      this.#offered = null;
    }
  }
}
