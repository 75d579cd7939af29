/**
 * The assignment dropdown: the owner of the conversation, and the agents who can own it.
 *
 * A button opens a search for agents who can own this conversation. The search field
 * keeps the focus: the arrow keys move through the names, and Enter selects. Enter
 * refers to the typed text, so it waits for the results of this text. An Enter that
 * ends the composition of an input method does not select.
 *
 * @import { Agent, Row } from './types.d.ts'
 * @import { Permission } from './policy.js'
 * @import { Session } from './session.js'
 */
import { ApiError } from './api.js';
import { AGENTS, AGENTS_MAX } from './documents.js';
import { announce, avatar, debounce, h, icon, setAttribute, setText } from './dom.js';

const TYPING_MS = 120;
const CHECK = 'M5 12.5l4.5 4.5L19 7.5';
const CHEVRON = 'M7 10l5 5 5-5';
/** The choice that unassigns the conversation. @type {Choice} */
const NOBODY = { id: null, name: 'Nobody', title: 'Return to Unassigned' };

/** @typedef {{ id: string | null, name: string, title: string | null }} Choice */

export class AssignMenu {
  element;
  #session;
  #id;
  #pick;
  /** @type {Pick<Row, 'assignee'>} */
  #row = { assignee: null };
  /** @type {Permission} */
  #permission = { to: 'anybody', reason: '' };
  #button;
  #popover;
  #input;
  #results;
  #status;
  #reason;
  /** @type {Choice[]} */
  #choices = [];
  /** The words whose results are listed. Null before the first results. @type {string | null} */
  #answered = null;
  /** The words whose results Enter waits for. @type {string | null} */
  #wanted = null;
  /** The choice under the pointer when the button was pressed. @type {Choice | null} */
  #pressed = null;
  /** @type {WeakMap<Element, Choice>} */
  #choiceOf = new WeakMap();
  #at = 0;
  #asking = new AbortController();
  #searchSoon = debounce(() => this.#search(), TYPING_MS);
  /** @param {Event} event */
  #outside = ({ target }) => {
    if (target instanceof Node && !this.element.contains(target)) this.close();
  };

  /**
   * @param {Session} session @param {string} id the conversation
   * @param {(choice: Agent | null) => void} pick is called with the chosen agent, or null to unassign
   */
  constructor(session, id, pick) {
    this.#session = session;
    this.#id = id;
    this.#pick = pick;
    this.#button = h('button', {
      type: 'button', class: 'assign', 'aria-haspopup': 'dialog', 'aria-expanded': 'false',
      onclick: () => (this.#popover.hidden ? this.open() : this.close()),
    });
    this.#results = h('div', { role: 'listbox', id: 'assign-results', 'aria-label': 'Team members' });
    this.#status = h('p', { class: 'empty', role: 'status' });
    this.#reason = h('p', { class: 'reason', hidden: true });
    this.#input = h('input', {
      type: 'text', role: 'combobox', placeholder: 'Search by name', 'aria-label': 'Search for a team member',
      'aria-controls': 'assign-results', 'aria-expanded': 'true', 'aria-autocomplete': 'list',
      autocomplete: 'off', spellcheck: 'false', maxlength: '100',
      oninput: () => this.#typed(), onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event),
    });
    this.#popover = h('div', { class: 'popover', role: 'dialog', 'aria-label': 'Assign the conversation', hidden: true },
      this.#input, this.#results, this.#status);
    this.element = h('div', { class: 'assignment' }, this.#button, this.#reason, this.#popover);
    this.element.addEventListener('focusout', ({ relatedTarget }) => {
      if (relatedTarget instanceof Node && !this.element.contains(relatedTarget)) this.close();
    });
    this.#results.addEventListener('pointerdown', (event) => {
      this.#pressed = this.#choiceAt(event.target);
      // A click on a name does not take the focus from the search field.
      event.preventDefault();
    });
    this.#results.addEventListener('click', (event) => this.#click(event));
  }

  /** Shows the current owner and the viewer's permissions. @param {Pick<Row, 'assignee'>} row @param {Permission} permission */
  show(row, permission) {
    this.#row = row;
    this.#permission = permission;
    const owner = row.assignee;
    const me = this.#session.viewer.id;
    const name = !owner ? 'Unassigned' : owner.id === me ? `${owner.name} (you)` : owner.name;
    const closed = permission.to === 'nobody';
    if (closed) this.close();
    setAttribute(this.#button, 'disabled', closed);
    this.#reason.hidden = !closed;
    setText(this.#reason, permission.reason);
    if (this.#button.dataset.owner === name) return;
    this.#button.dataset.owner = name;
    this.#button.classList.toggle('nobody', !owner);
    this.#button.title = name;
    this.#button.replaceChildren(h('span', { class: 'unseen' }, 'Assigned to '),
      owner ? avatar(owner.name) : h('span', { class: 'avatar', 'aria-hidden': 'true' }, '?'),
      h('span', { class: 'label' }, name), icon(CHEVRON));
  }

  open() {
    if (this.#permission.to === 'nobody') {
      announce(this.#permission.reason);
      return;
    }
    this.#popover.hidden = false;
    setAttribute(this.#button, 'aria-expanded', 'true');
    document.addEventListener('pointerdown', this.#outside);
    this.#input.value = '';
    this.#answered = null;
    this.#wanted = null;
    this.#list([]);
    setText(this.#status, 'Loading …');
    this.#input.focus();
    this.#search();
  }

  close() {
    if (this.#popover.hidden) return;
    const focused = this.#popover.contains(document.activeElement);
    this.#popover.hidden = true;
    this.#wanted = null;
    this.#searchSoon.cancel();
    this.#asking.abort();
    setAttribute(this.#button, 'aria-expanded', 'false');
    document.removeEventListener('pointerdown', this.#outside);
    if (focused) this.#button.focus();
  }

  get #words() {
    return this.#input.value.trim();
  }

  #typed() {
    // The text has changed since Enter was pressed.
    this.#wanted = null;
    this.#asking.abort();
    this.#mark();
    this.#searchSoon();
  }

  async #search() {
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const words = this.#words;
    try {
      const { agents } = await this.#session.request(AGENTS, { search: words || null, id: this.#id }, { signal });
      if (signal.aborted) return;
      this.#found(words, agents?.nodes ?? [], agents?.totalCount ?? 0);
    } catch (problem) {
      if (signal.aborted) return;
      this.#wanted = null;
      this.#answered = null;
      this.#list([]);
      setText(this.#status, problem instanceof ApiError ? problem.message : String(problem));
    }
  }

  /** @param {string} words @param {Agent[]} found @param {number} total */
  #found(words, found, total) {
    const me = found.filter(({ id }) => id === this.#session.viewer.id);
    const others = this.#permission.to === 'self' ? [] : found.filter((agent) => !me.includes(agent));
    const nobody = this.#row.assignee && !words ? [NOBODY] : [];
    this.#answered = words;
    this.#list([...me, ...others, ...nobody]);
    const more = total > AGENTS_MAX ? `${AGENTS_MAX} of ${total.toLocaleString()}. Type a name to find the others.` : '';
    const none = words ? `No team member who can own this is called “${words}”.` : 'No team member can own this.';
    setText(this.#status, this.#choices.length === 0 ? none : this.#permission.to === 'self' ? this.#permission.reason : more);
    if (this.#wanted === words) this.#choose(this.#choices[0]);
  }

  /** @param {Choice[]} choices */
  #list(choices) {
    this.#choices = choices;
    this.#at = 0;
    this.#results.replaceChildren(...choices.map((choice, index) => this.#option(choice, index)));
    this.#results.hidden = choices.length === 0;
    this.#mark();
  }

  /** @param {Choice} choice @param {number} index */
  #option(choice, index) {
    const me = choice.id === this.#session.viewer.id;
    const owns = choice.id !== null && choice.id === this.#row.assignee?.id;
    const option = h('div', { role: 'option', id: `assign-${index}`, class: 'option' },
      choice === NOBODY ? h('span', { class: 'avatar', 'aria-hidden': 'true' }, '–') : avatar(choice.name),
      h('span', { class: 'who' },
        h('span', { class: 'label' }, me ? `${choice.name} (you)` : choice.name), ' ',
        choice.title && h('span', { class: 'title' }, choice.title)),
      owns && h('span', { class: 'unseen' }, ' owns it now'), owns && icon(CHECK));
    this.#choiceOf.set(option, choice);
    return option;
  }

  /** Marks the choice that Enter selects. No choice is marked while the list has the results of other words. */
  #mark() {
    const current = this.#answered === this.#words;
    this.#results.classList.toggle('stale', !current);
    setAttribute(this.#results, 'aria-busy', current ? null : 'true');
    [...this.#results.children].forEach((option, index) => {
      const here = current && index === this.#at;
      setAttribute(option, 'aria-selected', here ? 'true' : 'false');
      if (here) option.scrollIntoView({ block: 'nearest' });
    });
    const active = current && this.#choices.length > 0;
    setAttribute(this.#input, 'aria-activedescendant', active ? `assign-${this.#at}` : null);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing || event.keyCode === 229) return;
    const count = this.#choices.length;
    const current = this.#answered === this.#words;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && current && count > 0) this.#at = (this.#at + step + count) % count;
    else if (event.key === 'Enter') this.#enter(event.repeat);
    else if (event.key === 'Escape') this.close();
    else if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    if (!this.#popover.hidden) this.#mark();
  }

  /** @param {boolean} repeated */
  #enter(repeated) {
    if (repeated) return;
    if (this.#answered === this.#words) {
      this.#choose(this.#choices[this.#at]);
      return;
    }
    this.#wanted = this.#words;
    this.#searchSoon.cancel();
    this.#search();
  }

  /** @param {EventTarget | null} target */
  #choiceAt(target) {
    const option = target instanceof Element ? target.closest('[role=option]') : null;
    return (option && this.#choiceOf.get(option)) ?? null;
  }

  /** @param {MouseEvent} event */
  #click({ target, detail }) {
    const pressed = this.#pressed;
    this.#pressed = null;
    // Assistive technology clicks without a pointer.
    this.#choose((detail > 0 && pressed) || this.#choiceAt(target));
  }

  /** @param {Choice | null | undefined} choice */
  #choose(choice) {
    if (!choice) return;
    this.close();
    this.#pick(choice.id === null ? null : { ...choice, id: choice.id });
  }
}
