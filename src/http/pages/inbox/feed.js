/**
 * Keeps one list as the server has it: pages when asked, changes as they come.
 *
 * Queries the first page, subscribes after its `asOf`, and starts over when the
 * server says that the stream cannot be continued. Draws nothing.
 */
import { PAGE, QUEUE_CHANGES, SEARCH_TOTAL } from './documents.js';
import { debounce } from './dom.js';
import { Queue } from './queue.js';

const RETRY_MS = 2_000;
const SEARCH_AGAIN_MS = 600;

export class Feed {
  queue = new Queue();
  loaded = false;
  problem = null;
  /** How many rows a search has; null for other lists, whose counts are known otherwise. */
  searchTotal = null;
  #session;
  #what;
  #changed;
  #stopped = false;
  #loading = false;
  #retry = null;
  #unsubscribe = () => {};
  #searchAgain = debounce(() => this.#begin(), SEARCH_AGAIN_MS);

  /** `what` is a view and a filter; `changed` is called after everything that alters the list. */
  constructor(session, what, changed) {
    this.#session = session;
    this.#what = what;
    this.#changed = changed;
    this.#begin();
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#searchAgain.cancel();
    this.#unsubscribe();
  }

  /** Loads the next page, unless this is the last one or the next one is loading. */
  async more() {
    if (this.#loading || !this.loaded || !this.queue.hasNextPage || this.#stopped) return;
    this.#loading = true;
    const queue = this.queue;
    try {
      const { conversations } = await this.#session.request(PAGE, { ...this.#what, after: queue.endCursor });
      if (!this.#stopped && queue === this.queue) queue.append(conversations);
    } catch {
      await new Promise((done) => setTimeout(done, RETRY_MS));
    } finally {
      this.#loading = false;
    }
    if (!this.#stopped) this.#changed();
  }

  async #begin() {
    this.#unsubscribe();
    clearTimeout(this.#retry);
    const searching = Boolean(this.#what.filter.search);
    const queue = new Queue({ closedToStrangers: searching });
    try {
      const total = searching ? this.#session.request(SEARCH_TOTAL, this.#what) : null;
      const { conversations } = await this.#session.request(PAGE, this.#what);
      if (this.#stopped) return;
      queue.append(conversations);
      this.searchTotal = total ? (await total).conversations.totalCount : null;
      if (this.#stopped) return;
    } catch (problem) {
      if (!this.#stopped) this.#failed(problem);
      return;
    }
    this.queue = queue;
    this.loaded = true;
    this.problem = null;
    this.#follow(queue);
    this.#changed();
  }

  #follow(queue) {
    const { search, ...filter } = this.#what.filter;
    this.#unsubscribe = this.#session.socket.subscribe({
      query: QUEUE_CHANGES,
      variables: () => ({ view: this.#what.view, filter, after: queue.cursor }),
      next: ({ data }) => this.#fold(queue, data?.queueChanges),
      over: () => this.#again(),
    });
  }

  #fold(queue, change) {
    if (!change || queue !== this.queue) return;
    if (change.__typename === 'QueueReset') {
      this.#again();
      return;
    }
    if (queue.fold(change) === 'stranger') this.#searchAgain();
    this.#changed();
  }

  /** The stream has ended: what is shown stays until the new page is there. */
  #again() {
    if (this.#stopped) return;
    this.#unsubscribe();
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#begin(), Math.random() * 300);
  }

  #failed(problem) {
    this.problem = problem;
    this.#changed();
    this.#retry = setTimeout(() => this.#begin(), RETRY_MS);
  }
}
