// A preview of the events that match a filter: their number and a sample.

import { h } from '../dom.js';
import { formatNumber, timeElement } from '../format.js';
import { eventLocation } from './event-links.js';
import { table } from './table.js';

const MAX_SAMPLE = 5;

/** Creates the preview. `period` follows "Matching events". There are no links, because the preview is part of a form. */
export function matchPreview({ events, sample }, period = '') {
  const count = events === null ? 'too many to count' : formatNumber(events);
  return [h('p', `Matching events${period}: `, h('b', count)), sample.length ? table('Latest matching events', [
    ['Type', (event) => event.type],
    ['Time', (event) => timeElement(event.time)],
    ['Subject', (event) => event.subject ?? '–'],
    ['Project / environment', (event) => eventLocation(event) ?? '–'],
    ['Source', (event) => event.source],
  ], sample.slice(0, MAX_SAMPLE)) : null];
}
