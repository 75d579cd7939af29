/**
 * Who one is: a token pasted, or under `demo` a switch between three people.
 *
 * The choice is kept for this window alone, so that two windows can be two
 * people. `#as=1` in the address chooses the second of the demo's.
 */
import { byId, h } from './dom.js';

const TOKEN = 'switchboard.token';
const CHOICE = 'switchboard.identity';

/** The token of this window, or null; `identities` are the demo's, if it is one. */
export function rememberedToken(identities) {
  if (identities.length === 0) return sessionStorage.getItem(TOKEN);
  const asked = /^#as=(\d+)$/.exec(location.hash)?.[1];
  if (asked !== undefined) {
    sessionStorage.setItem(CHOICE, asked);
    history.replaceState(null, '', location.pathname);
  }
  return identities[chosen(identities)].token;
}

function chosen(identities) {
  const index = Number(sessionStorage.getItem(CHOICE));
  return Number.isInteger(index) && index >= 0 && index < identities.length ? index : 0;
}

/** The switch of the demo, or the name and a way out; `change` is called with the next token, or null. */
export function drawIdentity(identities, viewer, change) {
  const role = viewer.role === 'MANAGER' ? 'Manager' : 'Rep';
  if (identities.length === 0) {
    const leave = () => { sessionStorage.removeItem(TOKEN); change(null); };
    byId('who').replaceChildren(h('p', {}, h('b', {}, viewer.name), ' ', h('span', { class: 'title' }, viewer.title ?? role)),
      h('button', { type: 'button', class: 'link', onclick: leave }, 'Sign out'));
    return;
  }
  const select = h('select', { id: 'identity', 'aria-label': 'Signed in as' }, ...identities.map(({ label }, index) => h('option', { value: String(index) }, label)));
  select.value = String(chosen(identities));
  select.addEventListener('change', () => {
    sessionStorage.setItem(CHOICE, select.value);
    change(identities[Number(select.value)].token);
  });
  const next = (chosen(identities) + 1) % identities.length;
  const window = h('a', { href: `/#as=${next}`, target: '_blank', rel: 'noopener' }, 'Open a second window');
  byId('who').replaceChildren(h('span', { class: 'title', 'aria-hidden': 'true' }, 'Signed in as'), select, window);
}

/** Asks for a token, saying why if there is a reason; `enter` is called with it. */
export function askForToken(reason, enter) {
  byId('sign-in')?.remove();
  const input = h('textarea', { id: 'token', rows: '4', required: true, autocomplete: 'off', spellcheck: 'false', 'aria-describedby': 'token-why' });
  const submit = (event) => {
    event.preventDefault();
    const token = input.value.trim();
    if (!token) return;
    sessionStorage.setItem(TOKEN, token);
    place.remove();
    enter(token);
  };
  const form = h('form', { onsubmit: submit },
    h('h1', {}, 'Switchboard'),
    h('p', { id: 'token-why' }, reason ?? 'Paste the token that your administrator gave you. It stays in this window and is gone when you close it.'),
    h('label', { for: 'token' }, 'Token'), input,
    h('button', { class: 'primary' }, 'Sign in'));
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') submit(event);
  });
  const place = h('main', { id: 'sign-in' }, form);
  document.body.append(place);
  input.focus();
}
