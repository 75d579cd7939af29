/**
 * Sign-in: by a pasted token or, in `demo`, by a switch between three agents.
 *
 * @import { Identity, Viewer } from './types.d.ts'
 */
import { byId, h } from './dom.js';
import { chooseIdentity, chosen, forgetToken, rememberToken } from './start.js';

/**
 * The switch of the demo, or the agent's name and a button to sign out.
 * @param {Identity[]} identities @param {Viewer} viewer
 * @param {(token: string | null) => void} change is called with the next token, or null to sign out
 */
export function drawIdentity(identities, viewer, change) {
  const role = viewer.role === 'MANAGER' ? 'Manager' : 'Rep';
  if (identities.length === 0) {
    const leave = () => { forgetToken(); change(null); };
    byId('who').replaceChildren(h('p', {}, h('b', {}, viewer.name), ' ', h('span', { class: 'title' }, viewer.title ?? role)),
      h('button', { type: 'button', class: 'link', onclick: leave }, 'Sign out'));
    return;
  }
  const select = h('select', { id: 'identity', 'aria-label': 'Signed in as' }, ...identities.map(({ label }, index) => h('option', { value: String(index) }, label)));
  select.value = String(chosen(identities));
  select.addEventListener('change', () => {
    const index = Number(select.value);
    chooseIdentity(index);
    change(identities[index]?.token ?? null);
  });
  const next = (chosen(identities) + 1) % identities.length;
  const window = h('a', { href: `/#as=${next}`, target: '_blank', rel: 'noopener' }, 'Open a second window');
  byId('who').replaceChildren(h('span', { class: 'title', 'aria-hidden': 'true' }, 'Signed in as'), select, window);
}

/**
 * Asks for a token and shows the reason, if any. `enter` is called with the token.
 * @param {string | null} reason @param {(token: string) => void} enter
 */
export function askForToken(reason, enter) {
  document.getElementById('sign-in')?.remove();
  const input = h('textarea', { id: 'token', rows: '4', required: true, autocomplete: 'off', spellcheck: 'false', 'aria-describedby': 'token-why' });
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const token = input.value.trim();
    if (!token) return;
    rememberToken(token);
    place.remove();
    enter(token);
  };
  const form = h('form', { onsubmit: submit },
    h('h1', {}, 'Switchboard'),
    h('p', { id: 'token-why' }, reason ?? 'Paste the token that your administrator gave you. It stays in this window and is gone when you close it.'),
    h('label', { for: 'token' }, 'Token'), input,
    h('button', { class: 'primary' }, 'Sign in'));
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.isComposing) submit(event);
  });
  const place = h('main', { id: 'sign-in' }, form);
  document.body.append(place);
  input.focus();
}
