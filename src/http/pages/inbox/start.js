/**
 * The start of the page: finds the token of this window, and requests the first rows before
 * the rest of the page has arrived.
 *
 * This is a separate script with few imports. The page gets the response by `takeEarly`.
 * The token is pasted or, in `demo`, belongs to one of three agents. Each window has its own
 * token, so two windows can be two agents. `#as=1` in the address chooses the second agent
 * of the demo.
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

/** The token of this window, or null. @param {Identity[]} identities the agents of the demo, if any */
export function rememberedToken(identities) {
  if (identities.length === 0) return sessionStorage.getItem(TOKEN);
  const asked = /^#as=(\d+)$/.exec(location.hash)?.[1];
  if (asked !== undefined) {
    sessionStorage.setItem(CHOICE, asked);
    history.replaceState(history.state, '', location.pathname + location.search);
  }
  return identities[chosen(identities)]?.token ?? null;
}

/** The index of the demo's agent who is signed in in this window. @param {Identity[]} identities */
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
  // The page handles a failure when it takes the response.
  answer.catch(() => {});
  early = { token, place, answer };
}

/**
 * The response to the early request, if it is for this token and this list. Returned only once.
 * @param {string} wanted @param {Place} place
 */
export function takeEarly(wanted, place) {
  const taken = early;
  early = null;
  return taken?.token === wanted && sameList(taken.place, place) ? taken.answer : null;
}
