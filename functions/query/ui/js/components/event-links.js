// Links to events, subjects, actors, and searches.

import { h, link, url } from '../dom.js';
import * as session from '../session.js';
import { quoteValue } from './filter-values.js';

/** Returns the badge colour of an event. */
export function badgeKind(event) {
  if (event.level === 'ERROR') return 'bad';
  if (event.level === 'WARN' || event.scope === 'signal') return 'warn';
  return event.scope === 'logging' ? 'plain' : 'info';
}

export const subjectLink = (name) => historyLink('subject', name);
export const actorLink = (name) => historyLink('actor', name);

function historyLink(field, name) {
  // As path segments, these names would be resolved as relative paths.
  const isRelative = name === '.' || name === '..';
  return isRelative || !name ? filterLink(field, name) : link(url`/${field}s/${name}`, name);
}

/** Creates a link to an event, or returns the label if the user has no read key. */
export const eventLink = (id, label = id) => (session.hasKey('read') ? link(`/events/${id}`, label) : label);

/** Creates a link to the events with this value; empty if there is no value. */
export const filterLink = (name, value, path = '/') => (value ? link(path, value, { [name]: quoteValue(value) }) : '');

/** Returns the project and environment of an event. Each is isolated, because it may contain right-to-left text. */
export function eventLocation({ project, environment }) {
  const [first, second] = [project, environment].filter(Boolean).map((name) => h('bdi', name));
  return second ? [first, ' / ', second] : first;
}
