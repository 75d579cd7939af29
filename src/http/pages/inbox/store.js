/**
 * The conversations that the page of one agent knows.
 *
 * Each session has its own store. The list, the open pane and the responses to commands
 * put conversations into the store. The later version of a conversation wins, and the
 * store notifies its watchers.
 *
 * @import { Row } from './types.d.ts'
 */

export class Store {
  /** @type {Map<string, { row: Row | null, watchers: Set<() => void> }>} */
  #entries = new Map();

  /** @param {string} id */
  row(id) {
    return this.#entries.get(id)?.row ?? null;
  }

  /**
   * Stores a watched conversation, unless it is older than the stored one.
   * @param {Row | null | undefined} row
   */
  learn(row) {
    const entry = row && this.#entries.get(row.id);
    if (!row || !entry || (entry.row && row.version < entry.row.version)) return;
    entry.row = { ...entry.row, ...row };
    entry.watchers.forEach((changed) => changed());
  }

  /**
   * Watches a conversation until the returned function is called. `changed` is called
   * after each change of the conversation.
   * @param {string} id @param {() => void} changed
   */
  watch(id, changed) {
    const entry = this.#entries.get(id) ?? { row: null, watchers: new Set() };
    this.#entries.set(id, entry);
    entry.watchers.add(changed);
    return () => {
      entry.watchers.delete(changed);
      if (entry.watchers.size === 0 && this.#entries.get(id) === entry) this.#entries.delete(id);
    };
  }
}
