// What became of an event, attempt by attempt.

import { h } from '../dom.js';
import { duration, when } from '../format.js';
import { raw } from './json.js';
import { badge } from './table.js';

const KINDS = { delivered: 'good', waiting: 'warn', failed: 'bad', held: 'warn', not_wanted: 'plain' };
const WORDS = { not_wanted: 'not wanted' };
const PHASES = [['dns_ms', 'DNS'], ['connect_ms', 'connect'], ['tls_ms', 'TLS'], ['first_byte_ms', 'first byte']];

export const status = (word) => badge(KINDS[word] ?? 'plain', WORDS[word] ?? word);

export function attempts(list) {
  return h('ol.attempts', list.map(attempt));
}

export function attempt(one) {
  const phases = PHASES.filter(([key]) => (one.phases?.[key] ?? null) !== null)
    .map(([key, words]) => `${words} ${duration(one.phases[key])}`);
  const how = [one.http, one.address, phases.join(', ')].filter(Boolean).join(' · ');
  const outcome = one.error ? badge('bad', one.status ?? one.class ?? 'failed') : badge('good', one.status ?? 'ok');
  return h('li', h('p', outcome, ' ', when(one.at), `, ${duration(one.duration_ms)}`, one.error ? `: ${one.error}` : ''),
    how && h('p.quiet', how),
    one.answer && h('details', h('summary', 'What was answered'), raw(one.answer)));
}
