/**
 * The rows of one list: pages, with the live changes folded over them.
 *
 * A row or a removal applies if its version is not older than the known version. Rows
 * after the last loaded page are kept but not shown, because the pages in between are
 * missing. This module sends no requests and creates no elements.
 *
 * @import { QueueChange, RankedRow, Row, RowPage } from './types.d.ts'
 */

const ZEROS = '000000000';

/** The rank of a row; a greater rank is higher in the list. As on the server: by activity, then by the bytes of the id. @param {Row} row */
function position(row) {
  const [seconds = '', fraction = ''] = row.lastActivityAt.replace('Z', '').split('.');
  const bytes = atob(row.id.replaceAll('-', '+').replaceAll('_', '/'));
  return `${seconds}.${(fraction + ZEROS).slice(0, ZEROS.length)} ${bytes}`;
}

/** @param {Row} row @returns {RankedRow} */
const ranked = (row) => ({ ...row, position: position(row) });

export class Queue {
  /** The position in the log up to which all changes are applied. @type {string | null} */
  cursor = null;
  /** @type {string | null} */
  endCursor = null;
  hasNextPage = true;
  /** The number of changes received. */
  changes = 0;
  /** @type {Map<string, RankedRow>} */
  #rows = new Map();
  /** @type {Map<string, number>} */
  #gone = new Map();
  /** @type {string | null} */
  #horizon = null;
  /** @type {RankedRow[]} */
  #ordered = [];
  #dirty = false;
  #closedToStrangers;

  /** With `closedToStrangers`, only pages add rows. This is for searches, which a subscription does not support. */
  constructor({ closedToStrangers = false } = {}) {
    this.#closedToStrangers = closedToStrangers;
  }

  /** Adds a page: the first or the next one. @param {RowPage} page */
  append({ asOf, nodes, pageInfo }) {
    this.cursor ??= asOf;
    this.endCursor = pageInfo.endCursor ?? this.endCursor;
    this.hasNextPage = pageInfo.hasNextPage ?? false;
    for (const node of nodes) {
      const row = ranked(node);
      const known = this.#rows.get(row.id)?.version ?? -1;
      const gone = this.#gone.get(row.id) ?? -1;
      // A page may be older than the stream, so a removal of the same version wins.
      if (row.version >= known && row.version > gone) this.#rows.set(row.id, row);
      if (this.#horizon === null || row.position < this.#horizon) this.#horizon = row.position;
    }
    this.#dirty = true;
  }

  /**
   * Applies a change. Returns `stranger` for a row that only a new search can place,
   * `entered` for a new row, `rose` for a row that moved up, and null otherwise.
   *
   * @param {QueueChange} change
   * @returns {'stranger' | 'entered' | 'rose' | null}
   */
  fold(change, now = Date.now()) {
    this.cursor = change.cursor ?? this.cursor;
    this.changes += 1;
    if (change.__typename === 'ConversationLeft') return this.#remove(change);
    if (!change.conversation) return null;
    const row = ranked(change.conversation);
    const known = this.#rows.get(row.id);
    if (!known && this.#closedToStrangers) return 'stranger';
    if (row.version < (known?.version ?? this.#gone.get(row.id) ?? -1)) return null;
    row.changedAt = change.cause?.kind === 'READ' ? known?.changedAt : now;
    this.#gone.delete(row.id);
    this.#rows.set(row.id, row);
    this.#dirty = true;
    if (!known) return 'entered';
    return row.position > known.position ? 'rose' : null;
  }

  /** @param {QueueChange} change */
  #remove({ conversationId = '', version = -1 }) {
    if (version < (this.#rows.get(conversationId)?.version ?? -1)) return null;
    this.#rows.delete(conversationId);
    this.#gone.set(conversationId, version);
    this.#dirty = true;
    return null;
  }

  /** @param {string} id */
  get(id) {
    return this.#rows.get(id);
  }

  /** The rows to show, in order. The array is the same until there is a change. */
  rows() {
    if (!this.#dirty) return this.#ordered;
    const all = [...this.#rows.values()];
    const shown = this.hasNextPage ? all.filter((row) => row.position >= (this.#horizon ?? '')) : all;
    shown.sort((a, b) => (a.position < b.position ? 1 : a.position > b.position ? -1 : 0));
    this.#ordered = shown;
    this.#dirty = false;
    return shown;
  }
}
