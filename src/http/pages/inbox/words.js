/**
 * Times, numbers and names as text. Pure functions.
 *
 * @import { Contact } from './types.d.ts'
 */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const shortDay = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const longDay = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

/** @param {string} time @param {number} now */
const secondsSince = (time, now) => Math.max(0, (now - Date.parse(time)) / 1000);

/**
 * How long ago, as a short text: `now`, `5 min`, `3 h`, `2 d`, `14 Mar`.
 * @param {string} time
 */
export function ago(time, now = Date.now()) {
  const seconds = secondsSince(time, now);
  if (seconds < MINUTE) return 'now';
  if (seconds < 7 * DAY) return span(time, now);
  return shortDay.format(new Date(time));
}

/**
 * The time since then, at least `1 min`.
 * @param {string} time
 */
export function span(time, now = Date.now()) {
  const seconds = secondsSince(time, now);
  if (seconds < HOUR) return `${Math.max(1, Math.floor(seconds / MINUTE))} min`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h`;
  return `${Math.floor(seconds / DAY)} d`;
}

/** @param {string} time */
export const timeOfDay = (time) => clock.format(new Date(time));

/**
 * The day, as people call it.
 * @param {string} time
 */
export function day(time, today = new Date()) {
  const then = new Date(time);
  if (then.toDateString() === today.toDateString()) return 'Today';
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  return then.toDateString() === yesterday.toDateString() ? 'Yesterday' : longDay.format(then);
}

/**
 * The name of a contact, or else the number.
 * @param {Contact} contact
 */
export const contactName = (contact) => contact.name ?? readable(contact.number);

/**
 * A number in groups of digits, if its numbering plan is known: `+1 206 555 0100`.
 * @param {string} number
 */
export function readable(number) {
  const american = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(number);
  return american ? `+1 ${american[1]} ${american[2]} ${american[3]}` : number;
}

/**
 * One or two letters for a name, or `#` for a number.
 * @param {string} name
 */
export function initials(name) {
  const words = name.trim().split(/\s+/u).filter((word) => /^\p{L}/u.test(word));
  const first = words.length > 1 ? [words[0], words.at(-1)] : words;
  return first.map((word) => [...(word ?? '')][0]?.toUpperCase() ?? '').join('') || '#';
}

/**
 * The length of a text as the server counts it: in code points, after `\r\n` was replaced by `\n`.
 * @param {string} text
 */
export const characters = (text) => [...text.replaceAll('\r\n', '\n')].length;
