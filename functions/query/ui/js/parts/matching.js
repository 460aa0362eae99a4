// What a filter matches: how many, and some of them.

import { h, link } from '../dom.js';
import { counted, visible, when } from '../format.js';
import * as session from '../session.js';
import { table } from './table.js';

/** The count and a sample, in words. */
export function matching({ events, sample }, words = '') {
  const many = events === null ? 'More events than could be counted in time' : counted(events, 'event');
  const open = (event) => (session.may('read') ? link(`/events/${event.id}`, null, event.type) : event.type);
  return [h('p', {}, h('b', {}, many), ` ${words} match.`), sample.length ? table('The latest of them', [
    ['Type', open],
    ['Time', (event) => when(event.time)],
    ['Subject', (event) => visible(event.subject ?? '–')],
    ['Project', (event) => visible([event.project, event.environment].filter(Boolean).join(' / ') || '–')],
    ['Source', (event) => event.source],
  ], sample.slice(0, 5)) : null];
}
