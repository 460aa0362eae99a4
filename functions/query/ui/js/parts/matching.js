// What a filter matches: how many, and some of them.

import { h } from '../dom.js';
import { counted, when } from '../format.js';
import { places } from './event.js';
import { table } from './table.js';

/** The count and a sample, in words. Nothing here leads away: it stands in a form. */
export function matching({ events, sample }, words = '') {
  const many = events === null ? 'More events than could be counted in time' : counted(events, 'event');
  return [h('p', h('b', many), ` ${words} match.`), sample.length ? table('The latest of them', [
    ['Type', (event) => event.type],
    ['Time', (event) => when(event.time)],
    ['Subject', (event) => event.subject ?? '–'],
    ['Where', (event) => places(event) ?? '–'],
    ['Source', (event) => event.source],
  ], sample.slice(0, 5)) : null];
}
