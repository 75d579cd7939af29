/**
 * The verdict on the queue, below Unassigned: growing, steady or shrinking.
 *
 * Shows itself only where the server has one to give.
 */
import { HEALTH } from './documents.js';
import { byId, span } from './dom.js';

const TRENDS = {
  GROWING: { sign: '↗', text: 'Growing' },
  STEADY: { sign: '→', text: 'Steady' },
  SHRINKING: { sign: '↘', text: 'Shrinking' },
};
const CLOCK_MS = 30_000;

/** Follows the verdict; the returned function ends that. */
export function followHealth(session) {
  const place = byId('health');
  place.hidden = true;
  if (!session.offers('queueHealthChanged')) return () => {};
  let health = null;
  const draw = () => {
    const trend = TRENDS[health?.trend];
    place.hidden = !trend;
    if (!trend) return;
    const wait = health.oldestWaitingSince ? ` · oldest waits ${span(health.oldestWaitingSince)}` : '';
    place.textContent = `${trend.sign} ${trend.text}${wait}`;
    place.className = health.trend === 'GROWING' || health.unassignedOverThreshold ? 'alarming' : '';
  };
  const unsubscribe = session.socket.subscribe({
    query: HEALTH,
    next: ({ data }) => { health = data?.queueHealthChanged ?? health; draw(); },
  });
  const timer = setInterval(draw, CLOCK_MS);
  return () => { clearInterval(timer); unsubscribe(); };
}
