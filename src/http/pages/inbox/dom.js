/**
 * Elements, times and names: what every part of the page shows things with.
 *
 * Text only ever becomes text. Nothing here knows of conversations.
 */

/**
 * Makes an element. `props` are attributes, but for `on…` (listeners), `class`,
 * and what is null or false (left out); children are nodes, texts or nothing.
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** Draws the outline of an icon of 24 by 24 units. Screen readers skip it. */
export function icon(path) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS(SVG, 'path');
  line.setAttribute('d', path);
  svg.append(line);
  return svg;
}

export const byId = (id) => document.getElementById(id);

/** Writes only what differs, so that live regions and selections are left alone. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets an attribute, or takes it away for null and false. */
export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** Tells screen readers, politely and without showing anything. */
export function announce(text) {
  const region = byId('announcer');
  region.textContent = '';
  requestAnimationFrame(() => { region.textContent = text; });
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const shortDay = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const longDay = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

const secondsSince = (time) => Math.max(0, (Date.now() - Date.parse(time)) / 1000);

/** How long ago, in a few letters: `now`, `5 min`, `3 h`, `2 d`, `14 Mar`. */
export function ago(time) {
  const seconds = secondsSince(time);
  if (seconds < MINUTE) return 'now';
  if (seconds < 7 * DAY) return span(time);
  return shortDay.format(new Date(time));
}

/** How long since then: `1 min` at least. */
export function span(time) {
  const seconds = secondsSince(time);
  if (seconds < HOUR) return `${Math.max(1, Math.floor(seconds / MINUTE))} min`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h`;
  return `${Math.floor(seconds / DAY)} d`;
}

export const timeOfDay = (time) => clock.format(new Date(time));

/** The day as people say it. */
export function day(time) {
  const then = new Date(time);
  const today = new Date();
  if (then.toDateString() === today.toDateString()) return 'Today';
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  return then.toDateString() === yesterday.toDateString() ? 'Yesterday' : longDay.format(then);
}

/** What a contact is called: the name, or else the number. */
export const contactName = (contact) => contact.name ?? readable(contact.number);

/** A number in groups, where its plan is known: `+1 206 555 0100`. */
export function readable(number) {
  const american = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(number);
  return american ? `+1 ${american[1]} ${american[2]} ${american[3]}` : number;
}

/** One or two letters for a name; a hash for a mere number. */
export function initials(name) {
  const words = name.trim().split(/\s+/u).filter((word) => /^\p{L}/u.test(word));
  if (words.length === 0) return '#';
  const first = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return first.map((word) => [...word][0].toUpperCase()).join('');
}

/** A letter badge for a person; the name stands beside it, so it is hidden from screen readers. */
export const avatar = (name) => h('span', { class: 'avatar', 'aria-hidden': 'true' }, initials(name));

/** Calls `run` once things have been quiet for `milliseconds`. */
export function debounce(run, milliseconds) {
  let timer;
  const later = (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...given), milliseconds);
  };
  later.cancel = () => clearTimeout(timer);
  return later;
}
