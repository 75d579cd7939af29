/**
 * Requests to the API.
 *
 * @import { GraphQLResult } from './types.d.ts'
 */

const REQUEST_MS = 15_000;

/** A request without data in the response. `code` is a code of the API, `NETWORK`, or `ABORTED`. */
export class ApiError extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/**
 * Sends a document and resolves with the response's data. Throws an `ApiError` when
 * the response has no data, or errors.
 *
 * With `keepalive`, the request is completed even if the window is closed. `signal` aborts
 * the request.
 *
 * @param {string} endpoint @param {string} token @param {string} query @param {object} variables
 * @param {{ keepalive?: boolean, signal?: AbortSignal | null }} options
 * @returns {Promise<any>}
 */
export async function post(endpoint, token, query, variables, { keepalive = false, signal = null } = {}) {
  const controller = new AbortController();
  const abort = () => controller.abort();
  const timer = setTimeout(abort, REQUEST_MS);
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort);
  /** @type {GraphQLResult} */
  let answer;
  try {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query, variables }),
      keepalive,
      signal: controller.signal,
    });
    answer = await response.json();
  } catch {
    if (signal?.aborted) throw new ApiError('ABORTED', 'The request is not needed any more.');
    throw new ApiError('NETWORK', 'The server cannot be reached.');
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
  const [error] = answer.errors ?? [];
  if (error) throw new ApiError(error.extensions?.code ?? 'INTERNAL', error.message);
  return answer.data;
}
