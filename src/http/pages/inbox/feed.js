/**
 * Keeps one list equal to the server's: loads pages on request, and applies changes.
 *
 * A feed queries the first page and subscribes after its `asOf`. It starts again when
 * the server resets the subscription. A feed does not draw.
 *
 * @import { ListQuery, QueueChange, RowPage } from './types.d.ts'
 * @import { Session } from './session.js'
 */
import { PAGE, QUEUE_CHANGES, SEARCH_TOTAL } from './documents.js';
import { debounce } from './dom.js';
import { Queue } from './queue.js';

const RETRY_MS = 2_000;
const SEARCH_AGAIN_MS = 600;

export class Feed {
  queue = new Queue();
  loaded = false;
  /** @type {Error | null} */
  problem = null;
  /** The number of rows of a search. Null for other lists, whose counts come from the badges. @type {number | null} */
  searchTotal = null;
  /** Resolves when the first page has arrived or the feed has ended. */
  ready;
  #isReady = () => {};
  #session;
  #what;
  #changed;
  #abort = new AbortController();
  #loading = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  #unsubscribe = () => {};
  #searchAgain = debounce(() => this.#begin(), SEARCH_AGAIN_MS);

  /**
   * `changed` is called after each change of the list, with the conversation that was added
   * or moved up, if any. `first` is the first page, if it is already loaded.
   *
   * @param {Session} session @param {ListQuery} what
   * @param {(risen: string | null) => void} changed
   * @param {RowPage | null} first
   */
  constructor(session, what, changed, first = null) {
    this.#session = session;
    this.#what = what;
    this.#changed = changed;
    this.ready = new Promise((done) => { this.#isReady = () => done(undefined); });
    if (first && !what.filter.search) queueMicrotask(() => { if (!this.#stopped) this.#show(first, null); });
    else this.#begin();
  }

  stop() {
    this.#abort.abort();
    clearTimeout(this.#retry);
    this.#searchAgain.cancel();
    this.#unsubscribe();
    this.#isReady();
  }

  /** Loads the next page, unless the list is complete or a page is being loaded. */
  async more() {
    if (this.#loading || !this.loaded || !this.queue.hasNextPage || this.#stopped) return;
    this.#loading = true;
    const queue = this.queue;
    try {
      const { conversations } = await this.#request(PAGE, { after: queue.endCursor });
      if (!this.#stopped && queue === this.queue) queue.append(conversations);
    } catch {
      await new Promise((done) => { setTimeout(done, RETRY_MS); });
    } finally {
      this.#loading = false;
    }
    if (!this.#stopped) this.#changed(null);
  }

  get #stopped() {
    return this.#abort.signal.aborted;
  }

  /** @param {string} query @param {object} variables */
  #request(query, variables = {}) {
    return this.#session.request(query, { ...this.#what, ...variables }, { signal: this.#abort.signal });
  }

  async #begin() {
    this.#unsubscribe();
    clearTimeout(this.#retry);
    try {
      const searching = Boolean(this.#what.filter.search);
      const total = searching ? this.#request(SEARCH_TOTAL) : null;
      const [{ conversations }, counted] = await Promise.all([this.#request(PAGE), total]);
      if (!this.#stopped) this.#show(conversations, counted?.conversations.totalCount ?? null);
    } catch (problem) {
      if (!this.#stopped) this.#failed(problem instanceof Error ? problem : new Error(String(problem)));
    }
  }

  /** @param {RowPage} page @param {number | null} total */
  #show(page, total) {
    const queue = new Queue({ closedToStrangers: Boolean(this.#what.filter.search) });
    queue.append(page);
    this.queue = queue;
    this.searchTotal = total;
    this.loaded = true;
    this.problem = null;
    this.#follow(queue);
    this.#isReady();
    this.#changed(null);
  }

  /** @param {Queue} queue */
  #follow(queue) {
    const { search, ...filter } = this.#what.filter;
    this.#unsubscribe = this.#session.socket.subscribe({
      query: QUEUE_CHANGES,
      variables: () => ({ view: this.#what.view, filter, after: queue.cursor }),
      next: ({ data }) => this.#fold(queue, data?.queueChanges),
      over: () => this.#again(),
    });
  }

  /** @param {Queue} queue @param {QueueChange | undefined} change */
  #fold(queue, change) {
    if (!change || queue !== this.queue || this.#stopped) return;
    if (change.__typename === 'QueueReset') {
      this.#again();
      return;
    }
    const effect = queue.fold(change);
    if (effect === 'stranger') this.#searchAgain();
    const risen = effect === 'entered' || effect === 'rose';
    this.#changed(risen ? change.conversation?.id ?? null : null);
  }

  /** Starts again after the end of the stream. The old rows stay until the new page has arrived. */
  #again() {
    if (this.#stopped) return;
    this.#unsubscribe();
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#begin(), Math.random() * 300);
  }

  /** @param {Error} problem */
  #failed(problem) {
    this.problem = problem;
    this.#changed(null);
    this.#retry = setTimeout(() => this.#begin(), RETRY_MS);
  }
}
