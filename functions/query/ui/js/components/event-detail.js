// The details of one event: fields, changes, payload, and deliveries.

import { h, link, url } from '../dom.js';
import { request } from '../api.js';
import { pluralize, renderSummary, timeElement } from '../format.js';
import { asyncView } from './async-view.js';
import { attemptList, statusBadge } from './delivery-attempts.js';
import { diffTable } from './diff.js';
import { actorLink, badgeKind, filterLink, subjectLink } from './event-links.js';
import { copyButton } from './forms.js';
import { isTree, jsonView, parseJson, rawText } from './json-view.js';
import { emptyState } from './states.js';
import { badge, facts } from './table.js';

/** Reads an event and returns `{ event, element }`. `level` is the level of its headings. Its deliveries load later. */
export async function loadEvent(id, signal, level) {
  const heading = (label) => h(`h${level}`, label);
  const { data: event, text } = await request(url`/v1/events/${id}`, { signal });
  const payloadText = text.slice(text.indexOf('"payload":') + '"payload":'.length, text.lastIndexOf('}'));
  const payload = parseJson(payloadText);
  const element = h('article.event',
    h('p.lead', level > 2 && [badge(badgeKind(event), event.label), ' '], renderSummary(event.summary)),
    eventFacts(event), changesSection(payload, heading), payloadSection(payload, payloadText, heading),
    deliveriesSection(id, signal, heading, level + 1));
  return { event, element };
}

function eventFacts(event) {
  const related = event.entities.filter((entity) => entity !== event.subject);
  return facts([
    ['Time', [timeElement(event.time), event.time_given ? '' : ' (time of receipt; the event has no time of its own)']],
    ['Received', timeElement(event.received_at)],
    ['Type', filterLink('type', event.type)],
    ['Actor', actorLink(event.actor)],
    ['Subject', subjectLink(event.subject)],
    ['Related entities', related.length ? h('ul', related.map((name) => h('li', subjectLink(name)))) : null],
    ['Project', filterLink('project', event.project)],
    ['Environment', filterLink('environment', event.environment)],
    ['Level', event.level],
    ['Source', [filterLink('source', event.source), ` (${event.catalog}, ${event.scope})`]],
    ['Schema', event.sv === null ? 'Unknown type; validated with the catalog’s base schema' : `Version ${event.sv}`],
    ['Event ID', h('code', event.id)],
  ]);
}

/** Compares the values before and after: `preData` and `data` of Unleash, `previous` and `data` of Tidings. */
function changesSection(payload, heading) {
  const { previous, preData = previous, data } = payload ?? {};
  return isTree(preData) && isTree(data) && h('section', heading('Changes'), diffTable(preData, data));
}

function payloadSection(payload, text, heading) {
  return h('section', heading('Payload'), jsonView(payload),
    h('details', h('summary', 'Raw payload'), rawText(text)),
    h('p.actions', copyButton(text, 'Copy payload')));
}

function deliveriesSection(id, signal, heading, level) {
  const { container } = asyncView(signal, async () => {
    const { data } = await request(url`/v1/events/${id}/deliveries`, { signal });
    const isFilteredOut = (delivery) => delivery.status === 'not_wanted';
    const filteredOut = data.deliveries.filter(isFilteredOut).map((delivery) => deliverySection(delivery, level));
    const sections = data.deliveries.filter((delivery) => !isFilteredOut(delivery)).map((delivery) => deliverySection(delivery, level));
    if (filteredOut.length) sections.push(h('details', h('summary', 'Filtered out by ', pluralize(filteredOut.length, 'target')), filteredOut));
    return sections.length ? sections : emptyState('No deliveries. No target exists for this event.');
  });
  return h('section', heading('Deliveries'), container);
}

function deliverySection(delivery, level) {
  const nextAttempt = delivery.next_attempt_at && [' Next attempt: ', timeElement(delivery.next_attempt_at), '.'];
  const target = link(url`/targets/${delivery.target}/deliveries`, delivery.target);
  return h('section.delivery', h(`h${level}`, target, ' ', statusBadge(delivery.status)),
    h('p', delivery.reason, delivery.filter && [' (filter ', h('code', delivery.filter), ')'], nextAttempt),
    delivery.attempts.length ? attemptList(delivery.attempts) : null);
}
