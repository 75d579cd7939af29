/**
 * Elements: what every part of the page shows things with.
 *
 * Text only ever becomes text. Nothing here knows of conversations.
 */
import { initials } from './words.js';

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * Makes an element. `props` are attributes, but for `on…` (listeners) and what is null
 * or false (left out); children are nodes, texts or nothing.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} props
 * @param {(Child | Child[])[]} children
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** The outline of a 24 by 24 icon, hidden from screen readers. @param {string} path */
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

/** An element of the frame, which has them all. @param {string} id */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`no element #${id}`);
  return element;
}

/** Writes only what differs, so that live regions and selections are left alone. @param {Element} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Sets an attribute, or takes it away for null and false.
 * @param {Element} element @param {string} name @param {string | number | boolean | null | undefined} value
 */
export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

/** Announces to screen readers, politely and without showing anything. @param {string} text */
export function announce(text) {
  const region = byId('announcer');
  region.textContent = '';
  requestAnimationFrame(() => { region.textContent = text; });
}

/** A letter badge for a person; the name stands beside it, so it is hidden from screen readers. @param {string} name */
export const avatar = (name) => h('span', { class: 'avatar', 'aria-hidden': 'true' }, initials(name));

/** Calls `run` once things have been quiet for `milliseconds`. @param {() => void} run @param {number} milliseconds */
export function debounce(run, milliseconds) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(run, milliseconds);
  };
  later.cancel = () => clearTimeout(timer);
  return later;
}
