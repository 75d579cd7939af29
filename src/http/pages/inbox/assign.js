/**
 * The assignment dropdown: the owner of the conversation, and the agents who can own it.
 *
 * A button that opens a search over those who can own this conversation. The
 * search keeps the focus; the arrows move through the names, Enter selects.
 */
import { AGENTS } from './documents.js';
import { avatar, debounce, h, icon, setAttribute } from './dom.js';

const TYPING_MS = 120;
const CHECK = 'M5 12.5l4.5 4.5L19 7.5';
const CHEVRON = 'M7 10l5 5 5-5';
/** Stands for giving the conversation back. */
const NOBODY = { id: null, name: 'Nobody', title: 'Return to Unassigned' };

export class AssignMenu {
  element;
  #session;
  #pick;
  #row = null;
  #button;
  #popover;
  #input;
  #results;
  #status;
  #choices = [];
  #at = 0;
  #asked = 0;
  #searchSoon = debounce(() => this.#search(), TYPING_MS);

  /** `pick` is called with the agent who was chosen, or null for nobody. */
  constructor(session, pick) {
    this.#session = session;
    this.#pick = pick;
    this.#button = h('button', {
      type: 'button', class: 'assign', 'aria-haspopup': 'dialog', 'aria-expanded': 'false',
      onclick: () => (this.#popover.hidden ? this.open() : this.close()),
    });
    this.#results = h('div', { role: 'listbox', id: 'assign-results', 'aria-label': 'Team members' });
    this.#status = h('p', { class: 'empty', role: 'status' });
    this.#input = h('input', {
      type: 'text', role: 'combobox', placeholder: 'Search by name', 'aria-label': 'Search for a team member',
      'aria-controls': 'assign-results', 'aria-expanded': 'true', 'aria-autocomplete': 'list',
      autocomplete: 'off', spellcheck: 'false', maxlength: '100',
      oninput: () => this.#searchSoon(), onkeydown: (event) => this.#key(event),
    });
    this.#popover = h('div', { class: 'popover', role: 'dialog', 'aria-label': 'Assign the conversation', hidden: true },
      this.#input, this.#results, this.#status);
    this.element = h('div', { class: 'assignment' }, this.#button, this.#popover);
    this.element.addEventListener('focusout', ({ relatedTarget }) => {
      if (relatedTarget && !this.element.contains(relatedTarget)) this.close();
    });
    this.#results.addEventListener('click', (event) => {
      const option = event.target.closest('[role=option]');
      if (option) this.#choose(Number(option.dataset.index));
    });
    // The search keeps the focus while a name is clicked.
    this.#results.addEventListener('pointerdown', (event) => event.preventDefault());
    this.outside = ({ target }) => {
      if (!this.element.contains(target)) this.close();
    };
  }

  /** Shows the owner as it is now. */
  show(row) {
    this.#row = row;
    const owner = row.assignee;
    const name = !owner ? 'Unassigned' : owner.id === this.#session.viewer.id ? `${owner.name} (you)` : owner.name;
    if (this.#button.dataset.owner === name) return;
    this.#button.dataset.owner = name;
    this.#button.classList.toggle('nobody', !owner);
    this.#button.replaceChildren(h('span', { class: 'unseen' }, 'Assigned to '),
      owner ? avatar(owner.name) : h('span', { class: 'avatar', 'aria-hidden': 'true' }, '?'),
      h('span', { class: 'label' }, name), icon(CHEVRON));
  }

  open() {
    this.#popover.hidden = false;
    setAttribute(this.#button, 'aria-expanded', 'true');
    document.addEventListener('pointerdown', this.outside);
    this.#input.value = '';
    this.#input.focus();
    this.#search();
  }

  close() {
    if (this.#popover.hidden) return;
    const focused = this.#popover.contains(document.activeElement);
    this.#popover.hidden = true;
    this.#searchSoon.cancel();
    setAttribute(this.#button, 'aria-expanded', 'false');
    document.removeEventListener('pointerdown', this.outside);
    if (focused) this.#button.focus();
  }

  async #search() {
    const turn = ++this.#asked;
    const search = this.#input.value.trim();
    let found;
    try {
      const { agents } = await this.#session.request(AGENTS, { search: search || null, id: this.#row.id });
      found = agents.nodes;
    } catch (problem) {
      if (turn === this.#asked) this.#list([], problem.message);
      return;
    }
    if (turn !== this.#asked) return;
    const me = found.find(({ id }) => id === this.#session.viewer.id);
    const others = found.filter((agent) => agent !== me);
    const nobody = this.#row.assignee && !search ? [NOBODY] : [];
    this.#list([...(me ? [me] : []), ...others, ...nobody], `Nobody who can own this is called “${search}”.`);
  }

  #list(choices, otherwise) {
    this.#choices = choices;
    this.#at = 0;
    this.#results.replaceChildren(...choices.map((agent, index) => this.#option(agent, index)));
    this.#results.hidden = choices.length === 0;
    this.#status.textContent = choices.length === 0 ? otherwise : '';
    this.#mark();
  }

  #option(agent, index) {
    const me = agent.id === this.#session.viewer.id;
    const owns = agent.id !== null && agent.id === this.#row.assignee?.id;
    return h('div', { role: 'option', id: `assign-${index}`, 'data-index': String(index), class: 'option' },
      agent === NOBODY ? h('span', { class: 'avatar', 'aria-hidden': 'true' }, '–') : avatar(agent.name),
      h('span', { class: 'who' },
        h('span', { class: 'label' }, me ? `${agent.name} (you)` : agent.name), ' ',
        agent.title && h('span', { class: 'title' }, agent.title)),
      owns && h('span', { class: 'unseen' }, ' owns it now'), owns && icon(CHECK));
  }

  #mark() {
    [...this.#results.children].forEach((option, index) => {
      const here = index === this.#at;
      setAttribute(option, 'aria-selected', here ? 'true' : 'false');
      if (here) option.scrollIntoView({ block: 'nearest' });
    });
    setAttribute(this.#input, 'aria-activedescendant', this.#choices.length > 0 ? `assign-${this.#at}` : null);
  }

  #key(event) {
    const count = this.#choices.length;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && count > 0) this.#at = (this.#at + step + count) % count;
    else if (event.key === 'Enter') this.#choose(this.#at);
    else if (event.key === 'Escape') this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.#mark();
  }

  #choose(index) {
    const agent = this.#choices[index];
    if (!agent) return;
    this.close();
    this.#pick(agent === NOBODY ? null : agent);
  }
}
