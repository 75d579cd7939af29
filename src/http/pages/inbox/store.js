/**
 * What one agent's page knows, keyed by conversation.
 *
 * There is one store for each sign-in, and it is dropped when that ends. Everything
 * that brings a conversation (the list, the open pane, the answers to commands) puts
 * it here, where the later version wins, and those who show it are called.
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
   * Takes in a conversation that is watched; an older one changes nothing.
   * @param {Row | null | undefined} row
   */
  learn(row) {
    const entry = row && this.#entries.get(row.id);
    if (!row || !entry || (entry.row && row.version < entry.row.version)) return;
    entry.row = { ...entry.row, ...row };
    entry.watchers.forEach((changed) => changed());
  }

  /**
   * Keeps a conversation until the returned function is called; `changed` is called
   * after everything that is learned of it.
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
