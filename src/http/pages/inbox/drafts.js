/**
 * The drafts of an agent, by conversation.
 *
 * The browser's storage contains the drafts under the agent's id, so they survive a
 * reload, and other agents do not see them. If the browser has no storage, the drafts
 * last as long as the page. Signing out deletes them.
 *
 * @import { Draft } from './types.d.ts'
 */

const PREFIX = 'switchboard.draft';

export class Drafts {
  /** @type {Map<string, Draft>} */
  #drafts = new Map();
  #storage;
  #prefix;

  /** @param {Storage | null} storage @param {string} agent */
  constructor(storage, agent) {
    this.#storage = storage;
    this.#prefix = `${PREFIX}.${agent}.`;
    for (const key of this.#keys()) this.heard(key);
  }

  /** @param {string} id @returns {Draft | null} */
  get(id) {
    return this.#drafts.get(id) ?? null;
  }

  /** Stores a draft. Null or a blank text deletes it. @param {string} id @param {Draft | null} draft */
  put(id, draft) {
    const key = this.#prefix + id;
    if (draft && draft.text.trim() !== '') this.#drafts.set(id, draft);
    else this.#drafts.delete(id);
    try {
      if (this.#drafts.has(id)) this.#storage?.setItem(key, JSON.stringify(draft));
      else this.#storage?.removeItem(key);
    } catch {
      // The storage is full or unavailable, so the draft lasts as long as the page.
    }
  }

  /**
   * Reads the draft that another window has stored under a key. Returns the conversation,
   * or null if the key does not belong to a draft of this agent.
   * @param {string | null} key
   */
  heard(key) {
    if (!key?.startsWith(this.#prefix)) return null;
    const id = key.slice(this.#prefix.length);
    const draft = parsed(this.#storage?.getItem(key) ?? null);
    if (draft) this.#drafts.set(id, draft);
    else this.#drafts.delete(id);
    return id;
  }

  /** Deletes all drafts of this agent. */
  clear() {
    this.#drafts.clear();
    for (const key of this.#keys()) this.#storage?.removeItem(key);
  }

  #keys() {
    return Object.keys(this.#storage ?? {}).filter((key) => key.startsWith(this.#prefix));
  }
}

/** @param {string | null} text @returns {Draft | null} */
function parsed(text) {
  try {
    const draft = JSON.parse(text ?? 'null');
    if (typeof draft?.text !== 'string' || draft.text.trim() === '') return null;
    return { text: draft.text, seen: typeof draft.seen === 'string' ? draft.seen : null };
  } catch {
    return null;
  }
}

/** The storage that all windows share, or that of this window. Both survive a reload. Null if the browser refuses access. @param {'local' | 'session'} kind */
export function storage(kind) {
  try {
    return kind === 'local' ? localStorage : sessionStorage;
  } catch {
    return null;
  }
}
