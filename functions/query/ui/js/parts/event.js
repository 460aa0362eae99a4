// One event, in full.

import { h, link, show } from '../dom.js';
import { call, left } from '../api.js';
import { when, summary, visible } from '../format.js';
import { copy } from './forms.js';
import { diff } from './diff.js';
import { canFilter } from './filters.js';
import { json, raw } from './json.js';
import { attempts, status } from './deliveries.js';
import { badge, facts } from './table.js';
import { empty, loading, problem } from './states.js';

/** The colour of an event's badge: what needs eyes first. */
export function tone(event) {
  if (event.level === 'ERROR') return 'bad';
  if (event.level === 'WARN' || event.scope === 'signal') return 'warn';
  return event.scope === 'logging' ? 'plain' : 'info';
}

/** Links to the pages of what an event names. */
export const subjectLink = (name) => thingLink('subjects', name);
export const actorLink = (name) => thingLink('actors', name);

function thingLink(things, name) {
  return canFilter(name) ? link(`/${things}/${encodeURIComponent(name)}`, null, visible(name)) : visible(name ?? '');
}

/** Reads an event, and makes `{ event, element }` with headings of a level. Its deliveries come after. */
export async function readEvent(id, signal, level) {
  const heading = (words) => h(`h${level}`, {}, words);
  const { data: event, text } = await call(`/v1/events/${encodeURIComponent(id)}`, { signal });
  const payload = text.slice(text.indexOf('"payload":') + '"payload":'.length, text.lastIndexOf('}'));
  const element = h('article', { class: 'event' },
    h('p', { class: 'lead' }, badge(tone(event), event.label), ' ', summary(event.summary)),
    fields(event), change(event.payload, heading), body(event.payload, payload, heading), deliveries(id, signal, heading, level + 1));
  return { event, element };
}

function fields(event) {
  const others = event.entities.filter((entity) => entity !== event.subject);
  return facts([
    ['Time', [when(event.time), event.time_given ? '' : ' (when it was received: it had none)']],
    ['Received', when(event.received_at)],
    ['Type', link('/', { type: event.type }, event.type)],
    ['Actor', actorLink(event.actor)],
    ['Subject', subjectLink(event.subject)],
    ['Also concerns', others.length ? h('ul', {}, others.map((name) => h('li', {}, subjectLink(name)))) : null],
    ['Project', event.project && link('/', { project: event.project }, visible(event.project))],
    ['Environment', event.environment && link('/', { environment: event.environment }, visible(event.environment))],
    ['Level', event.level],
    ['Source', [link('/', { source: event.source }, event.source), ` (${event.catalog}, ${event.scope})`]],
    ['Schema', event.sv === null ? 'the type is not known: read by its catalog’s base schema' : `version ${event.sv}`],
    ['Id', h('code', {}, event.id)],
  ]);
}

/** Unleash’s `preData` against `data`. */
function change(payload, heading) {
  const { preData, data } = payload ?? {};
  const both = [preData, data].every((value) => value !== null && typeof value === 'object');
  return both ? h('section', {}, heading('What changed'), diff(preData, data)) : null;
}

function body(payload, text, heading) {
  return h('section', {}, heading('Payload'), json(payload),
    h('details', {}, h('summary', {}, 'As it was sent'), raw(text)),
    h('p', { class: 'actions' }, copy(text, 'Copy the payload')));
}

function deliveries(id, signal, heading, level) {
  const place = h('div', {}, loading('Looking at its deliveries…'));
  const read = async () => {
    try {
      const { data } = await call(`/v1/events/${encodeURIComponent(id)}/deliveries`, { signal });
      show(place, data.deliveries.length ? data.deliveries.map((delivery) => one(delivery, level)) : empty('There is no target that could want it.'));
    } catch (error) {
      if (!left(error, signal)) show(place, problem(error, read));
    }
  };
  read();
  return h('section', {}, heading('Deliveries'), place);
}

function one(delivery, level) {
  const due = delivery.next_attempt_at ? [' Next attempt: ', when(delivery.next_attempt_at), '.'] : null;
  return h('section', { class: 'delivery' }, h(`h${level}`, {}, delivery.target, ' ', status(delivery.status)),
    h('p', {}, visible(delivery.reason), delivery.filter ? [' (filter ', h('code', {}, delivery.filter), ')'] : null, due),
    delivery.attempts.length ? attempts(delivery.attempts) : null);
}
