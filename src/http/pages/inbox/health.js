/**
 * The trend of the queue, below Unassigned: growing, steady or shrinking.
 *
 * The server pushes the trend and the state of the thresholds when they change. The oldest
 * unassigned conversation changes with every claim, so the page queries it after changes
 * of the counts, at a limited rate.
 *
 * @import { Session } from './session.js'
 */
import { HEALTH, OLDEST_UNASSIGNED } from './documents.js';
import { h } from './dom.js';
import { span } from './words.js';

/** @typedef {{ trend: string, oldestUnassignedSince: string | null, unassignedOverThreshold: boolean, waitOverThreshold: boolean }} Health */

/** @type {Record<string, { sign: string, text: string }>} */
const TRENDS = {
  GROWING: { sign: '↗', text: 'Growing' },
  STEADY: { sign: '→', text: 'Steady' },
  SHRINKING: { sign: '↘', text: 'Shrinking' },
};
const CLOCK_MS = 30_000;
const ASK_MS = 3_000;

/** Follows the trend. Call `counted` when the counts have changed, and `end` to stop. @param {Session} session */
export function followHealth(session) {
  const places = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.health'));
  places.forEach((place) => { place.hidden = true; });
  /** @type {Health | null} */
  let health = null;
  /** @type {string | null} */
  let oldest = null;
  /** @type {ReturnType<typeof setTimeout> | null} */
  let asking = null;
  let ended = false;
  const draw = () => places.forEach((place) => show(place, health, oldest));
  const ask = async () => {
    try {
      const { queueHealth } = await session.request(OLDEST_UNASSIGNED);
      if (ended) return;
      oldest = queueHealth.oldestUnassignedSince;
      draw();
    } catch {
      // Keep the old value. The next change queries again.
    } finally {
      asking = null;
    }
  };
  const unsubscribe = session.socket.subscribe({
    query: HEALTH,
    next: ({ data }) => {
      if (!data?.queueHealthChanged || ended) return;
      health = data.queueHealthChanged;
      oldest = data.queueHealthChanged.oldestUnassignedSince;
      draw();
    },
  });
  const clock = setInterval(draw, CLOCK_MS);
  return {
    counted() { asking ??= setTimeout(ask, ASK_MS); },
    end() { ended = true; clearTimeout(asking ?? undefined); clearInterval(clock); unsubscribe(); },
  };
}

/** @param {HTMLElement} place @param {Health | null} health @param {string | null} oldest */
function show(place, health, oldest) {
  const trend = health && TRENDS[health.trend];
  place.hidden = !trend;
  if (!trend) return;
  const lines = [`${trend.text}${oldest ? ` · oldest ${span(oldest)}` : ''}`];
  if (health.unassignedOverThreshold) lines.push('More than the limit');
  if (health.waitOverThreshold) lines.push('A customer waits too long');
  place.classList.toggle('alarming', health.trend === 'GROWING' || lines.length > 1);
  if (place.dataset.said === lines.join()) return;
  place.dataset.said = lines.join();
  place.replaceChildren(h('span', { 'aria-hidden': 'true' }, `${trend.sign} `),
    ...lines.flatMap((line, index) => (index > 0 ? [h('br'), line] : [line])));
}
