// Delivery statuses and attempts.

import { h } from '../dom.js';
import { formatDuration, timeElement } from '../format.js';
import { rawText } from './json-view.js';
import { badge } from './table.js';

const STATUSES = {
  delivered: ['good', 'Delivered'], waiting: ['warn', 'Waiting'], failed: ['bad', 'Failed'], held: ['warn', 'Held'],
  not_wanted: ['plain', 'Filtered out'],
};
const PHASES = [['dns_ms', 'DNS'], ['connect_ms', 'connect'], ['tls_ms', 'TLS'], ['first_byte_ms', 'first byte']];

/** Returns the label of a delivery status. */
export const statusLabel = (status) => STATUSES[status]?.[1] ?? status;

export const statusBadge = (status) => badge(STATUSES[status]?.[0] ?? 'plain', statusLabel(status));

export const attemptList = (attempts) => h('ol.attempts', attempts.map(attemptItem));

export function attemptItem(attempt) {
  const phases = PHASES.filter(([key]) => (attempt.phases?.[key] ?? null) !== null)
    .map(([key, label]) => `${label} ${formatDuration(attempt.phases[key])}`);
  const connection = [attempt.http, attempt.address, phases.join(', ')].filter(Boolean).join(' · ');
  const outcome = attempt.error ? badge('bad', attempt.status ?? attempt.class ?? 'Failed') : badge('good', attempt.status ?? 'OK');
  const error = attempt.error ? `: ${attempt.error}` : '';
  return h('li', h('p', outcome, ' ', timeElement(attempt.at), `, ${formatDuration(attempt.duration_ms)}`, error),
    connection && h('p.muted', connection),
    attempt.answer && h('details', h('summary', 'Response body'), rawText(attempt.answer)));
}
