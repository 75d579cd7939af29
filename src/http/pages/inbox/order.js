/**
 * The order of a list, which can be fixed. Pure functions of rows.
 *
 * While the order is fixed, every row keeps its place: a row that has moved is drawn at
 * its old place, a row that has left is drawn as gone, and an added row is not drawn yet.
 * The agent's own commands move rows at once, because the agent expects their effect.
 *
 * @import { RankedRow } from './types.d.ts'
 */

/** How long after a command its effect is expected. */
const OWN_MS = 15_000;

export class StandingOrder {
  /** The fixed order. Null while the order is not fixed. @type {RankedRow[] | null} */
  #held = null;
  /** The times of the agent's commands, by conversation. @type {Map<string, number>} */
  #own = new Map();
  /** @type {{ rows: RankedRow[], shown: RankedRow[] } | null} */
  #last = null;

  get isHeld() {
    return this.#held !== null;
  }

  /** Fixes the order that is drawn now. @param {RankedRow[]} drawn */
  hold(drawn) {
    if (this.#held !== null) return;
    this.#held = [...drawn];
    this.#last = null;
  }

  release() {
    this.#held = null;
    this.#last = null;
  }

  /** Notes the agent's own command, which moves this row even if the order is fixed. @param {string} id */
  exempt(id, now = Date.now()) {
    for (const [other, given] of this.#own) if (now - given > OWN_MS) this.#own.delete(other);
    this.#own.set(id, now);
    this.#last = null;
  }

  /** @param {string} id */
  #isOwn(id) {
    return Date.now() - (this.#own.get(id) ?? -Infinity) <= OWN_MS;
  }

  /**
   * The rows to draw. The array is the same until there is a change.
   * @param {RankedRow[]} rows the list as it is, highest first
   */
  arrange(rows) {
    if (this.#last?.rows === rows) return this.#last.shown;
    const shown = this.#held === null ? rows : this.#keep(this.#held, rows);
    this.#last = { rows, shown };
    return shown;
  }

  /** @param {RankedRow[]} held @param {RankedRow[]} rows */
  #keep(held, rows) {
    const live = new Map(rows.map((row) => [row.id, row]));
    const known = new Set(held.map(({ id }) => id));
    const end = held.at(-1)?.position ?? null;
    const kept = held.filter(({ id }) => live.has(id) || !this.#isOwn(id));
    for (const row of rows) {
      if (known.has(row.id)) continue;
      // A later page continues the list below the fixed rows.
      if (end === null || row.position < end) kept.push(row);
      else if (this.#isOwn(row.id)) kept.splice(placeFor(kept, row), 0, row);
    }
    this.#held = kept;
    return kept.map((row) => live.get(row.id) ?? { ...row, gone: true });
  }

  /**
   * Those of these conversations that are not at their place because the order is fixed.
   * @param {Iterable<string>} ids @param {RankedRow[]} rows
   */
  displaced(ids, rows) {
    const shown = this.arrange(rows);
    if (this.#held === null) return [];
    const places = new Map(rows.map(({ id }, index) => [id, index]));
    return [...ids].filter((id) => {
      const at = places.get(id);
      return at !== undefined && shown[at]?.id !== id;
    });
  }
}

/** @param {RankedRow[]} kept @param {RankedRow} row */
function placeFor(kept, row) {
  const at = kept.findIndex(({ position }) => position < row.position);
  return at < 0 ? kept.length : at;
}

/**
 * The number of rows by which the topmost visible row has moved down, so that the list can
 * be scrolled by it. A row that has itself changed its place is not considered.
 * @param {RankedRow[]} before @param {RankedRow[]} after @param {number} first the index of the first row in sight
 */
export function shift(before, after, first) {
  if (before === after) return 0;
  const places = new Map(after.map((row, index) => [row.id, index]));
  for (let index = first; index < before.length; index += 1) {
    const row = before[index];
    const place = row ? places.get(row.id) : undefined;
    if (row && place !== undefined && after[place]?.position === row.position) return place - index;
  }
  return 0;
}
