// Everything about one subject, or by one actor.

import { h, link, show } from '../dom.js';
import { call, left } from '../api.js';
import { counted, number, visible, when } from '../format.js';
import { browse } from './events.js';
import { facts } from '../parts/table.js';

/** A flag, an instance, …: its history. Catalogs whose events have several entities name it in any place of those. */
export async function subject(route) {
  const { data } = await call('/v1/events', { query: { entity: route.params.name, limit: '1' }, signal: route.signal });
  return thing(route, { filter: data.events.length ? 'entity' : 'subject', word: 'Subject', others: 'actor' });
}

/** A person or a service: what they did. */
export async function actor(route) {
  return thing(route, { filter: 'actor', word: 'Actor', others: 'subject' });
}

function thing(route, { filter, word, others }) {
  const { name } = route.params;
  const heading = h('h1', {}, h('span', { class: 'kind' }, word), ' ', visible(name));
  const intro = h('div', { class: 'intro' });
  overview(intro, filter, name, others, route.signal);
  return browse(route, { title: `${word} ${visible(name)}`, heading, intro, fixed: { [filter]: name } });
}

/** First, last, how many, and by whom (or on what) most of it was. It comes after the list, and may stay away. */
async function overview(place, filter, name, others, signal) {
  const one = (order) => call('/v1/events', { query: { [filter]: name, order, limit: '1', total: 'exact' }, signal });
  const facet = (field) => call('/v1/facets', { query: { field, limit: '5', [filter]: name }, signal });
  try {
    const [last, first, people, types] = await Promise.all([one('desc'), one('asc'), facet(others), facet('type')]);
    if (!last.data.events.length) return;
    const { total } = last.data;
    const path = others === 'actor' ? '/actors/' : '/subjects/';
    const list = ({ data }, href) => h('ul', { class: 'counts' }, data.values.map(({ value, count }) =>
      h('li', {}, href(value), ` ${number(count)}`)));
    show(place, facts([
      ['Events', total === null ? 'too many to count' : counted(total, 'event')],
      ['First', when(first.data.events[0].time)],
      ['Last', when(last.data.events[0].time)],
      [others === 'actor' ? 'By' : 'On', list(people, (value) => link(path + encodeURIComponent(value), null, visible(value)))],
      ['Types', list(types, (value) => link(location.pathname, { type: value }, value))],
    ]));
  } catch (error) {
    if (!left(error, signal)) show(place, h('p', { class: 'note' }, `Its overview cannot be shown: ${error.message}`));
  }
}
