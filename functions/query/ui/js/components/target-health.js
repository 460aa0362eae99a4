// The state and health of targets, in short form.

import { formatNumber } from '../format.js';
import { badge } from './table.js';

/** The API computes the success rate of at most this many deliveries. */
const MAX_SETTLED = 1000;

export function stateBadge(target) {
  if (target.paused) return badge('warn', 'Paused');
  return target.failing_since ? badge('bad', 'Failing') : badge('good', 'Active');
}

/** Formats the share of successful deliveries: `99.5% of 200`. */
export function formatSuccessRate({ success_rate: rate, settled }) {
  if (rate === null) return 'No deliveries';
  return `${Math.floor(rate * 1000) / 10}% of ${settled === MAX_SETTLED ? 'the latest ' : ''}${formatNumber(settled)}`;
}

export const formatBacklog = (health) => `${formatNumber(health.backlog)}${health.backlog_is_at_least ? '+' : ''}`;
