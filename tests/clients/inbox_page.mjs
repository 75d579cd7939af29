// Actions on the inbox page, and the checks that every state of the page must pass.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { until } from './support.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const row = (page, id) => page.locator(`.row[data-id="${id}"]`);
export const view = (page, name) => page.getByRole('navigation', { name: 'Views' }).getByRole('button', { name });
export const filter = (page, name) => page.locator('#chips').getByRole('button', { name });
export const badge = async (page, name) =>
  Number((await view(page, name).locator('.count').innerText()).replace(/\D/g, ''));
export const option = (page, name) => page.locator('#assign-results').getByRole('option', { name });
export const owner = (page, id) => row(page, id).locator('.owner').innerText();
export const assignment = (page) => page.locator('.assign');
export const toasts = (page) => page.locator('#toasts');
export const reply = (page) => page.getByRole('textbox', { name: 'Reply' });
export const appears = (page, id) => row(page, id).waitFor();
export const leaves = (page, id) => row(page, id).waitFor({ state: 'detached' });
export const opened = (page, title) => page.locator('#thread-title', { hasText: title }).waitFor();
export const heard = (page, text) => page.locator('.message .body', { hasText: text }).waitFor();
export const says = (locator, text) =>
  until(`“${text}”`, async () => (await locator.allInnerTexts()).join('\n').includes(text));
export const saysNothingOf = (locator, text) =>
  until(`no “${text}”`, async () => !(await locator.allInnerTexts()).join('\n').includes(text));

/** Moves the focus to where the keys of the list work. */
export const toList = (page) => page.locator('#list').focus();

/** Waits until the window shows its list and has subscribed to it. */
export async function ready(page) {
  await page.locator('#connection.live').waitFor({ state: 'attached' });
  await page.locator('.row').first().waitFor();
}

/** Types a name into the open dropdown until only this name is left. */
export async function assignTo(page, name) {
  await page.getByRole('combobox', { name: 'Search for a team member' }).fill(name);
  await option(page, name).first().waitFor();
  await until('one name', async () => (await page.locator('#assign-results [role=option]').count()) === 1);
}

/** Fails if axe finds a violation in the light or in the dark theme. */
export async function accessible(page) {
  for (const colorScheme of ['dark', 'light']) {
    await page.emulateMedia({ colorScheme });
    // During an animation, the colours are those of neither theme.
    await page.evaluate(() => Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {}))));
    if (!(await page.evaluate(() => Boolean(globalThis.axe)))) await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    const found = violations.map(({ id, nodes }) => `${colorScheme} ${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
    assert.deepEqual(found, []);
  }
}
