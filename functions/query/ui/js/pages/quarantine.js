// The quarantine: rejected events, the reasons, and what to do with them.

import { announce, h, link, render, url } from '../dom.js';
import { request } from '../api.js';
import { formatNumber, pluralize, timeElement } from '../format.js';
import { confirmAction } from '../components/dialogs.js';
import { eventLink } from '../components/event-links.js';
import { filterBar } from '../components/filter-bar.js';
import { pickParams } from '../components/filter-values.js';
import { button, copyButton, field, input, runBusy } from '../components/forms.js';
import { jsonView, parseJson, rawText } from '../components/json-view.js';
import { pagedTable } from '../components/paged-table.js';
import { resultRegion } from '../components/resource-actions.js';
import { badge, facts, table } from '../components/table.js';

const MAX_LISTED_VIOLATIONS = 3;

const EMPTY_TEXT = 'No quarantined events match. Events that are rejected stay in the quarantine until you reingest or discard them.';

const DISCARD_WARNING = 'This cannot be undone. Producers do not send the events again.';

export async function page({ query, signal, setQuery }) {
  const text = (label, type = 'text') => field(label, input({ type }));
  const fields = { source: text('Source'), type: text('Type'), reason: text('Reason (schema keyword)'), from: text('From (UTC)', 'date'), to: text('To (UTC)', 'date') };
  const state = pickParams(query, Object.keys(fields));
  const { result, showError } = resultRegion();
  const filters = filterBar('Quarantine filters', fields, state, () => {
    setQuery(state);
    reload();
  });
  const { elements, reload } = pagedTable({
    signal, columns, nouns: ['quarantined event', 'quarantined events'], emptyText: EMPTY_TEXT,
    load: async (before, signals) => {
      const { data } = await request('/v1/quarantine', { query: [...state, ...(before ? [['before', before]] : [])], signal: signals });
      if (!before) bulkButtons.hidden = !data.quarantined.length;
      return [data.quarantined, data.next];
    },
  });
  const confirmAndRun = (action, message, options) => async (event) => {
    const selection = [...state].map(([name, value]) => `${name} ${value}`).join(', ') || 'all events in the quarantine';
    const title = `${options.confirmLabel} all matching events?`;
    if (!await confirmAction(title, `This applies to ${selection}. ${message}`, options)) return;
    await runBusy(event.target, () => runBulkAction(action, state, result, signal), showError);
    reload();
  };
  const reingestMessage = 'Events that match their schema now are stored with their original time of receipt. The others stay in the quarantine.';
  const bulkButtons = h('div.buttons',
    button('Reingest all matching…', confirmAndRun('replay', reingestMessage, { confirmLabel: 'Reingest' })),
    button('Discard all matching…', confirmAndRun('discard', DISCARD_WARNING, { confirmLabel: 'Discard', danger: true, requiredText: 'discard' }), { kind: 'danger' }));
  const content = h('div.page.wide',
    h('div.page-header', h('h1', 'Quarantine'), bulkButtons),
    filters, result, elements);
  return { title: 'Quarantine', content };
}

const pathOf = (item) => url`/quarantine/${item.source}/${item.id}`;

const columns = [
  ['Received', (item) => link(pathOf(item), timeElement(item.received_at))],
  ['Source', (item) => item.source],
  ['Type', (item) => (item.type ?? h('span.muted', 'Unreadable'))],
  ['Violations', (item) => violationList(item.violations)],
];

function violationList(violations) {
  const items = violations.slice(0, MAX_LISTED_VIOLATIONS).map(({ pointer, message }) =>
    h('li', pointer && [h('code', pointer), ' '], message));
  const hidden = violations.length - MAX_LISTED_VIOLATIONS;
  return h('ul.plain', items, hidden > 0 && h('li.muted', `and ${formatNumber(hidden)} more`));
}

/** Reingests (`replay` in the API) or discards all matching events, page by page, and shows the totals. */
async function runBulkAction(action, filters, result, signal) {
  const totals = { stored: 0, duplicates: 0, refused: 0, discarded: 0 };
  let before = null;
  do {
    const query = before ? [...filters, ['before', before]] : filters;
    const { data } = await request(`/v1/quarantine/${action}`, { method: 'POST', query, signal });
    for (const name of Object.keys(totals)) totals[name] += data[name] ?? 0;
    before = data.next;
    const message = action === 'discard'
      ? `${formatNumber(totals.discarded)} discarded`
      : `${formatNumber(totals.stored)} stored, ${formatNumber(totals.duplicates)} duplicates, ${formatNumber(totals.refused)} rejected again`;
    render(result, h('p.note', message, before ? ' …' : '.'));
  } while (before);
}

/** The page of one quarantined event. */
export async function quarantinedEventPage({ params, signal, go }) {
  const path = url`/v1/quarantine/${params.source}/${params.id}`;
  const { data } = await request(path, { signal });
  const { result, showError } = resultRegion();
  const reingest = button('Reingest', (event) => runBusy(event.target, async () => {
    const { data: stored } = await request(`${path}/replay`, { method: 'POST', signal });
    const message = stored.status === 'duplicate' ? 'Already in the log as ' : 'Stored as ';
    render(result, h('p.note', message, eventLink(stored.id, `event ${stored.id}`), '.'));
    reingest.remove();
    discard.remove();
  }, (error) => {
    showError(error);
    if (error.violations?.length) result.append(violationTable(error.violations));
  }), { kind: 'primary' });
  const discard = button('Discard…', async (event) => {
    if (!await confirmAction('Discard this event?', DISCARD_WARNING, { confirmLabel: 'Discard', danger: true })) return;
    const discarded = await runBusy(event.target, () => request(path, { method: 'DELETE', signal }), showError);
    if (!discarded) return;
    announce('Discarded.');
    go('/quarantine');
  }, { kind: 'danger' });
  const attributes = Object.entries(data.attributes ?? {}).filter(([, value]) => value);
  const title = data.type ? `Rejected ${data.type}` : 'Rejected event';
  const content = h('div.page',
    h('div.page-header', h('h1', title), h('div.buttons', reingest, discard)),
    result,
    facts([['Received', timeElement(data.received_at)], ['Source', data.source], ['Format', data.form], ['Quarantine ID', h('code', data.id)],
      ...attributes.map(([name, value]) => [name.replaceAll('_', ' '), typeof value === 'string' ? value : JSON.stringify(value)])]),
    h('h2', pluralize(data.violations.length, 'violation')), violationTable(data.violations),
    h('h2', 'Request body'), data.truncated && h('p.note', 'Only the beginning of the body is shown.'), bodyView(data));
  return { title, content };
}

function violationTable(violations) {
  return table('', [
    ['Location', ({ pointer }) => h('code', pointer || '(root)')],
    ['Rule', ({ keyword }) => badge('plain', keyword)],
    ['Message', ({ message }) => message],
  ], violations);
}

function bodyView(data) {
  if (data.body_base64 !== undefined) return h('div', h('p.note', 'The body is not text. It is shown in Base64.'), rawText(data.body_base64), copyButton(data.body_base64));
  let value;
  try {
    value = parseJson(data.body);
  } catch {
    return h('div', rawText(data.body), copyButton(data.body));
  }
  return h('div', jsonView(value, data.violations), h('details', h('summary', 'Raw body'), rawText(data.body)), copyButton(data.body, 'Copy body'));
}
