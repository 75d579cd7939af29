/**
 * The order of a list under somebody's hand. Pure: rows in, rows out.
 *
 * While the order is held, every row stays where it is: a row that has moved is drawn
 * in its old place, a row that has left is drawn as gone, a row that has come is not
 * drawn yet. The agent's own commands are exempt, since their effect is expected.
 *
 * @import { RankedRow } from './types.d.ts'
 */

/** For how long the effect of a command is expected. */
const OWN_MS = 15_000;

export class StandingOrder {
  /** The order that is held; null while the order is free. @type {RankedRow[] | null} */
  #held = null;
  /** Conversations that the agent has given a command for, and when. @type {Map<string, number>} */
  #own = new Map();
  /** @type {{ rows: RankedRow[], shown: RankedRow[] } | null} */
  #last = null;

  get isHeld() {
    return this.#held !== null;
  }

  /** Holds the order as it is drawn now. @param {RankedRow[]} drawn */
  hold(drawn) {
    if (this.#held !== null) return;
    this.#held = [...drawn];
    this.#last = null;
  }

  release() {
    this.#held = null;
    this.#last = null;
  }

  /** The agent's own command moves this row, whatever is held. @param {string} id */
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
   * The rows as they are to be drawn. The array is the same until something changes.
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
      // A later page continues the list below what is held.
      if (end === null || row.position < end) kept.push(row);
      else if (this.#isOwn(row.id)) kept.splice(placeFor(kept, row), 0, row);
    }
    this.#held = kept;
    return kept.map((row) => live.get(row.id) ?? { ...row, gone: true });
  }

  /**
   * Which of these conversations are not where they belong, because the order is held.
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
 * How many rows further down the topmost row in sight stands than before, so that the
 * list can be scrolled along. A row that has itself moved says nothing.
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
