/**
 * The places of the page and their addresses. Pure functions of texts.
 *
 * `/`, `/mine` and `/unassigned` are the views. The query filters the list: `open`,
 * `unread` or `closed`, `number=<id>`, `q=<words>`. `/c/<id>` is a conversation. Its query
 * contains the list from which it was opened: the view in `in`, and the filters.
 *
 * @import { FilterName, ListQuery, Place, View } from './types.d.ts'
 */

/** @type {Record<View, string>} */
const PATHS = { INBOX: '/', ASSIGNED_TO_ME: '/mine', UNASSIGNED: '/unassigned' };
/** @type {Record<string, View>} */
const VIEWS = { '/': 'INBOX', '/mine': 'ASSIGNED_TO_ME', '/unassigned': 'UNASSIGNED' };
/** @type {Record<FilterName, ListQuery['filter']>} */
const FILTERS = { open: { status: 'OPEN' }, unread: { unread: true }, closed: { status: 'CLOSED' } };
const SEARCH_MAX = 100;

/** @type {Place} */
export const HOME = { view: 'INBOX', filter: null, number: null, search: '', conversation: null };

/**
 * The place of an address. Unknown parts are ignored.
 * @param {{ pathname: string, search: string }} address
 * @returns {Place}
 */
export function placeOf({ pathname, search }) {
  const query = new URLSearchParams(search);
  const opened = /^\/c\/([^/]+)$/.exec(pathname)?.[1] ?? null;
  const path = opened === null ? pathname : `/${query.get('in') ?? ''}`;
  const filter = /** @type {FilterName[]} */ (Object.keys(FILTERS)).find((name) => query.has(name)) ?? null;
  return {
    view: VIEWS[path] ?? 'INBOX',
    filter,
    number: query.get('number') || null,
    search: (query.get('q') ?? '').trim().slice(0, SEARCH_MAX),
    conversation: opened === null ? null : decoded(opened),
  };
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * The address of a place.
 * @param {Place} place
 */
export function addressOf({ view, filter, number, search, conversation }) {
  const parts = [];
  if (conversation !== null && view !== 'INBOX') parts.push(`in=${PATHS[view].slice(1)}`);
  if (filter) parts.push(filter);
  if (number) parts.push(`number=${encodeURIComponent(number)}`);
  if (search) parts.push(`q=${encodeURIComponent(search)}`);
  const path = conversation === null ? PATHS[view] : `/c/${encodeURIComponent(conversation)}`;
  return parts.length > 0 ? `${path}?${parts.join('&')}` : path;
}

/**
 * The list of a place, as arguments of the API.
 * @param {Place} place
 * @returns {ListQuery}
 */
export function listOf({ view, filter, number, search }) {
  return {
    view,
    filter: {
      ...(filter && FILTERS[filter]),
      ...(number && { phoneNumberIds: [number] }),
      ...(search && { search }),
    },
  };
}

/**
 * Whether two places show the same list.
 * @param {Place} one @param {Place} other
 */
export const sameList = (one, other) =>
  addressOf({ ...one, conversation: null }) === addressOf({ ...other, conversation: null });
