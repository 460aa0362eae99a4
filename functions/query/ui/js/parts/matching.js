// What a filter matches: how many, and some of them.

import { h } from '../dom.js';
import { counted, when } from '../format.js';
import { eventLink, places } from './event.js';
import { table } from './table.js';

/** The count and a sample, in words. */
export function matching({ events, sample }, words = '') {
  const many = events === null ? 'More events than could be counted in time' : counted(events, 'event');
  return [h('p', h('b', many), ` ${words} match.`), sample.length ? table('The latest of them', [
    ['Type', (event) => eventLink(event.id, event.type)],
    ['Time', (event) => when(event.time)],
    ['Subject', (event) => event.subject ?? '–'],
    ['Project', (event) => places(event) ?? '–'],
    ['Source', (event) => event.source],
  ], sample.slice(0, 5)) : null];
}
