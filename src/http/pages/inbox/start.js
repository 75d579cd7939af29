/**
 * The beginning of the page: whose token this window has, and the request for the first
 * rows, which leaves before the rest of the page has arrived.
 *
 * A script of its own with few imports. The page takes the answer over by `takeEarly`.
 * A token is pasted, or under `demo` one of three people's. The choice is kept for this
 * window alone, so that two windows can be two people; `#as=1` in the address chooses
 * the second of the demo's.
 *
 * @import { Identity, Place, Settings, Start } from './types.d.ts'
 */
import { post } from './api.js';
import { START } from './documents.js';
import { listOf, placeOf, sameList } from './place.js';

const TOKEN = 'switchboard.token';
const CHOICE = 'switchboard.identity';

/** The settings that the server put into the frame. @returns {Settings} */
export const readSettings = () => JSON.parse(document.getElementById('settings')?.textContent ?? '{}');

/** The token of this window, or null. @param {Identity[]} identities the demo's, if this is one */
export function rememberedToken(identities) {
  if (identities.length === 0) return sessionStorage.getItem(TOKEN);
  const asked = /^#as=(\d+)$/.exec(location.hash)?.[1];
  if (asked !== undefined) {
    sessionStorage.setItem(CHOICE, asked);
    history.replaceState(history.state, '', location.pathname + location.search);
  }
  return identities[chosen(identities)]?.token ?? null;
}

/** Which of the demo's people this window is. @param {Identity[]} identities */
export function chosen(identities) {
  const index = Number(sessionStorage.getItem(CHOICE));
  return Number.isInteger(index) && index >= 0 && index < identities.length ? index : 0;
}

/** @param {number} index */
export const chooseIdentity = (index) => sessionStorage.setItem(CHOICE, String(index));
/** @param {string} token */
export const rememberToken = (token) => sessionStorage.setItem(TOKEN, token);
export const forgetToken = () => sessionStorage.removeItem(TOKEN);

/** @type {{ token: string, place: Place, answer: Promise<Start> } | null} */
let early = null;

const settings = readSettings();
const token = rememberedToken(settings.identities);
if (token) {
  const place = placeOf(location);
  const answer = post(settings.endpoint, token, START, listOf(place));
  // The page handles the failure when it takes the answer over.
  answer.catch(() => {});
  early = { token, place, answer };
}

/**
 * The answer that was asked for early, once, if it is for this token and this list.
 * @param {string} wanted @param {Place} place
 */
export function takeEarly(wanted, place) {
  const taken = early;
  early = null;
  return taken?.token === wanted && sameList(taken.place, place) ? taken.answer : null;
}
