/**
 * Asks for the first rows before the rest of the page has arrived.
 *
 * A script of its own with few imports, so that the request leaves while the browser
 * still loads the other modules. The page takes the answer over by `takeEarly`.
 *
 * @import { Place, Start } from './types.d.ts'
 */
import { post } from './api.js';
import { START } from './documents.js';
import { listOf, placeOf, sameList } from './place.js';
import { readSettings, rememberedToken } from './token.js';

/** @type {{ token: string, place: Place, answer: Promise<Start> } | null} */
let early = null;

const settings = readSettings();
const token = rememberedToken(settings.identities);
if (token) {
  const place = placeOf(location);
  const answer = post(settings.endpoint, token, START, listOf(place));
  // Whoever takes the answer over hears of its failure.
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
