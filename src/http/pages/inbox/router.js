/**
 * The browser's history of the page. Every place has an address.
 *
 * Going to a place adds an entry, so that Back and Forward lead through the places.
 * Leaving a conversation for the list from which it was opened goes back by one entry
 * instead of adding one.
 *
 * @import { Place } from './types.d.ts'
 */
import { HOME, addressOf, placeOf, sameList } from './place.js';

export class Router {
  /** @type {Place} */
  place = HOME;
  #show;
  #end = new AbortController();
  /** Whether the browser is going back to a place that is already shown. */
  #returning = false;
  /** The steps to take after that. @type {(() => void)[]} */
  #after = [];

  /** `show` is called with each place that Back or Forward leads to. @param {(place: Place) => void} show */
  constructor(show) {
    this.#show = show;
    this.place = placeOf(location);
    addEventListener('popstate', () => this.#arrived(), { signal: this.#end.signal });
  }

  stop() {
    this.#end.abort();
  }

  /** Adds an entry for a place. The caller shows the place. @param {Place} place */
  go(place) {
    const over = this.place.conversation === null && place.conversation !== null && sameList(this.place, place);
    const same = addressOf(place) === addressOf(this.place);
    this.place = place;
    if (same) return;
    this.#write(() => history.pushState({ over }, '', addressOf(place)));
  }

  /** Changes the list of the place without adding an entry. @param {Place} place */
  replace(place) {
    this.place = place;
    // The previous entry now has another list, so leaving the conversation must not go back to it.
    this.#write(() => history.replaceState({}, '', addressOf(place)));
  }

  /** Leaves the conversation for its list. The caller shows the list. */
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
