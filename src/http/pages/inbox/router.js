/**
 * The page's place in the browser's history: every place has an address.
 *
 * Going to a place writes an entry, so that Back and Forward lead through the places.
 * Leaving a conversation for the list that it was opened from goes back by one entry
 * rather than writing another.
 *
 * @import { Place } from './types.d.ts'
 */
import { HOME, addressOf, placeOf, sameList } from './place.js';

export class Router {
  /** @type {Place} */
  place = HOME;
  #show;
  #end = new AbortController();
  /** Whether the browser is on its way back to a place that is shown already. */
  #returning = false;
  /** Where to go when it has arrived. @type {(() => void)[]} */
  #after = [];

  /** `show` is given each place that Back and Forward lead to. @param {(place: Place) => void} show */
  constructor(show) {
    this.#show = show;
    this.place = placeOf(location);
    addEventListener('popstate', () => this.#arrived(), { signal: this.#end.signal });
  }

  stop() {
    this.#end.abort();
  }

  /** Goes to a place, which the caller shows. @param {Place} place */
  go(place) {
    const over = this.place.conversation === null && place.conversation !== null && sameList(this.place, place);
    const same = addressOf(place) === addressOf(this.place);
    this.place = place;
    if (same) return;
    this.#write(() => history.pushState({ over }, '', addressOf(place)));
  }

  /** Changes the list of the place within its entry. @param {Place} place */
  replace(place) {
    this.place = place;
    // The entry before shows another list from now on, so that leaving does not lead there.
    this.#write(() => history.replaceState({}, '', addressOf(place)));
  }

  /** Leaves the conversation for its list, which the caller shows. */
  leave() {
    const place = { ...this.place, conversation: null };
    this.place = place;
    this.#write(() => {
      if (!history.state?.over) {
        history.pushState({}, '', addressOf(place));
        return;
      }
      this.#returning = true;
      history.back();
    });
  }

  /** @param {() => void} step */
  #write(step) {
    if (this.#returning) this.#after.push(step);
    else step();
  }

  #arrived() {
    if (!this.#returning) {
      this.place = placeOf(location);
      this.#show(this.place);
      return;
    }
    this.#returning = false;
    while (!this.#returning && this.#after.length > 0) this.#after.shift()?.();
  }
}
