// One event, in full.

import { h, link, url } from '../dom.js';
import { call } from '../api.js';
import { counted, when, summary } from '../format.js';
import { copy } from './forms.js';
import { diff } from './diff.js';
import { quoted } from './filters.js';
import { isTree, json, parse, raw } from './json.js';
import { attempts, status } from './deliveries.js';
import { badge, empty, facts } from './table.js';
import * as session from '../session.js';
import { loaded } from './manage.js';

export function tone(event) {
  if (event.level === 'ERROR') return 'bad';
  if (event.level === 'WARN' || event.scope === 'signal') return 'warn';
  return event.scope === 'logging' ? 'plain' : 'info';
}

export const subjectLink = (name) => thingLink('subject', name);
export const actorLink = (name) => thingLink('actor', name);

function thingLink(thing, name) {
  // As a part of a path, these are folders.
  const folder = name === '.' || name === '..';
  return folder || !name ? filterLink(thing, name) : link(url`/${thing}s/${name}`, name);
}

/** A link to an event, for whom may read it. */
export const eventLink = (id, words = id) => (session.may('read') ? link(`/events/${id}`, words) : words);

/** A link to the events that have a value, if there is one. */
export const filterLink = (name, value, path = '/') => (value ? link(path, value, { [name]: quoted(value) }) : '');

/** Where an event took place: its project and environment, each of which may be written from right to left. */
export function places({ project, environment }) {
  const [one, other] = [project, environment].filter(Boolean).map((name) => h('bdi', name));
  return other ? [one, ' / ', other] : one;
}

/** Reads an event, and makes `{ event, element }` with headings of a level. Its deliveries come after. */
export async function readEvent(id, signal, level) {
  const heading = (words) => h(`h${level}`, words);
  const { data: event, text } = await call(url`/v1/events/${id}`, { signal });
  const payload = text.slice(text.indexOf('"payload":') + '"payload":'.length, text.lastIndexOf('}'));
  const value = parse(payload);
  const element = h('article.event',
    h('p.lead', level > 2 && [badge(tone(event), event.label), ' '], summary(event.summary)),
    fields(event), change(value, heading), body(value, payload, heading), deliveries(id, signal, heading, level + 1));
  return { event, element };
}

function fields(event) {
  const others = event.entities.filter((entity) => entity !== event.subject);
  return facts([
    ['Time', [when(event.time), event.time_given ? '' : ' (when it was received: it had none)']],
    ['Received', when(event.received_at)],
    ['Type', filterLink('type', event.type)],
    ['Actor', actorLink(event.actor)],
    ['Subject', subjectLink(event.subject)],
    ['Also concerns', others.length ? h('ul', others.map((name) => h('li', subjectLink(name)))) : null],
    ['Project', filterLink('project', event.project)],
    ['Environment', filterLink('environment', event.environment)],
    ['Level', event.level],
    ['Source', [filterLink('source', event.source), ` (${event.catalog}, ${event.scope})`]],
    ['Schema', event.sv === null ? 'the type is not known: read by its catalog’s base schema' : `version ${event.sv}`],
    ['Id', h('code', event.id)],
  ]);
}

/** What it was before against what it is: Unleash’s `preData` and `data`, Tidings’ own `previous` and `data`. */
function change(payload, heading) {
  const { previous, preData = previous, data } = payload ?? {};
  return isTree(preData) && isTree(data) && h('section', heading('What changed'), diff(preData, data));
}

function body(payload, text, heading) {
  return h('section', heading('Payload'), json(payload),
    h('details', h('summary', 'As it was sent'), raw(text)),
    h('p.actions', copy(text, 'Copy the payload')));
}

function deliveries(id, signal, heading, level) {
  const { place } = loaded(signal, async () => {
    const { data } = await call(url`/v1/events/${id}/deliveries`, { signal });
    const [others, wanted] = [true, false].map((not) => data.deliveries.filter(({ status }) => (status === 'not_wanted') === not).map((delivery) => one(delivery, level)));
    if (others.length) wanted.push(h('details', h('summary', counted(others.length, 'target did', 'targets did'), ' not want it'), others));
    return wanted.length ? wanted : empty('There is no target that could want it.');
  });
  return h('section', heading('Deliveries'), place);
}

function one(delivery, level) {
  const due = delivery.next_attempt_at && [' Next attempt: ', when(delivery.next_attempt_at), '.'];
  return h('section.delivery', h(`h${level}`, link(url`/targets/${delivery.target}/deliveries`, delivery.target), ' ', status(delivery.status)),
    h('p', delivery.reason, delivery.filter && [' (filter ', h('code', delivery.filter), ')'], due),
    delivery.attempts.length ? attempts(delivery.attempts) : null);
}
