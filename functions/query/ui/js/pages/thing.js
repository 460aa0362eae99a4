// Everything about one subject, or by one actor.

import { h } from '../dom.js';
import { call } from '../api.js';
import { counted, number, when } from '../format.js';
import { browse } from './events.js';
import { quoted } from '../parts/filters.js';
import { actorLink, filterLink, subjectLink } from '../parts/event.js';
import { loaded } from '../parts/manage.js';
import { facts } from '../parts/table.js';

/** A flag, an instance, …: its history. Catalogs whose events have several entities name it in any place of those. */
export async function subject(route) {
  const { data } = await call('/v1/events', { query: { entity: quoted(route.params.name), limit: '1' }, signal: route.signal });
  return thing(route, { filter: data.events.length ? 'entity' : 'subject', word: 'Subject', others: 'actor' });
}

/** A person or a service: what they did. */
export async function actor(route) {
  return thing(route, { filter: 'actor', word: 'Actor', others: 'subject' });
}

function thing(route, { filter, word, others }) {
  const { name } = route.params;
  const heading = h('h1', h('span.kind', word), ' ', name);
  const { place } = loaded(route.signal, () => overview(filter, name, others, route.signal));
  const intro = h('div.intro', place);
  return browse(route, { title: `${word} ${name}`, heading, intro, fixed: { [filter]: quoted(name) } });
}

/** First, last, how many, and by whom (or on what) most of it was. */
async function overview(filter, name, others, signal) {
  const one = (order) => call('/v1/events', { query: { [filter]: quoted(name), order, limit: '1', total: 'exact' }, signal });
  const facet = (field) => call('/v1/facets', { query: { field, limit: '5', [filter]: quoted(name) }, signal });
  const [last, first, people, types] = await Promise.all([one('desc'), one('asc'), facet(others), facet('type')]);
  const { events, total } = last.data;
  if (!events.length) return [];
  const list = ({ data }, linked) => h('ul', data.values.map(({ value, count }) => h('li', linked(value), ` ${number(count)}`)));
  return facts([
    ['Events', total === null ? 'too many to count' : counted(total, 'event')],
    ['First', when(first.data.events[0].time)],
    ['Last', when(events[0].time)],
    others === 'actor' ? ['By', list(people, actorLink)] : ['On', list(people, subjectLink)],
    ['Types', list(types, (value) => filterLink('type', value, location.pathname))],
  ]);
}
