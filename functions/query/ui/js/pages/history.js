// The history of one subject or one actor.

import { h } from '../dom.js';
import { request } from '../api.js';
import { formatNumber, pluralize, timeElement } from '../format.js';
import { asyncView } from '../components/async-view.js';
import { actorLink, filterLink, subjectLink } from '../components/event-links.js';
import { quoteValue } from '../components/filter-values.js';
import { facts } from '../components/table.js';
import { browseEvents } from './events.js';

const MAX_TOP_VALUES = 5;

/** All events about a subject. In catalogs whose events have several entities, it may be any of them. */
export async function subjectPage(context) {
  const query = { entity: quoteValue(context.params.name), limit: '1' };
  const { data } = await request('/v1/events', { query, signal: context.signal });
  return historyPage(context, { filter: data.events.length ? 'entity' : 'subject', label: 'Subject', facetField: 'actor' });
}

/** All events by an actor: a person or a service. */
export async function actorPage(context) {
  return historyPage(context, { filter: 'actor', label: 'Actor', facetField: 'subject' });
}

function historyPage(context, { filter, label, facetField }) {
  const { name } = context.params;
  const heading = h('h1', h('span.title-prefix', label), ' ', name);
  const { container } = asyncView(context.signal, () => loadOverview(filter, name, facetField, context.signal));
  const overview = h('div.overview', container);
  return browseEvents(context, { title: `${label} ${name}`, heading, overview, fixedFilters: { [filter]: quoteValue(name) } });
}

/** Loads the number of events, the first and last one, and the most frequent actors (or subjects) and types. */
async function loadOverview(filter, name, facetField, signal) {
  const value = quoteValue(name);
  const edge = (order) => request('/v1/events', { query: { [filter]: value, order, limit: '1', total: 'exact' }, signal });
  const facet = (field) => request('/v1/facets', { query: { field, limit: MAX_TOP_VALUES, [filter]: value }, signal });
  const [last, first, related, types] = await Promise.all([edge('desc'), edge('asc'), facet(facetField), facet('type')]);
  const { events, total } = last.data;
  if (!events.length) return [];
  const list = ({ data }, createLink) =>
    h('ul', data.values.map(({ value, count }) => h('li', createLink(value), ` ${formatNumber(count)}`)));
  return facts([
    ['Events', total === null ? 'Too many to count' : pluralize(total, 'event')],
    ['First event', timeElement(first.data.events[0].time)],
    ['Last event', timeElement(events[0].time)],
    facetField === 'actor' ? ['Top actors', list(related, actorLink)] : ['Top subjects', list(related, subjectLink)],
    ['Top event types', list(types, (type) => filterLink('type', type, location.pathname))],
  ]);
}
