// The deliveries of a target, with their attempts and retries.

import { announce, h, link, poll, render, url } from '../dom.js';
import { request } from '../api.js';
import { formatDate, formatDuration, formatNumber, formatTime, pluralize, timeElement } from '../format.js';
import { asyncView } from '../components/async-view.js';
import { attemptList, statusBadge, statusLabel } from '../components/delivery-attempts.js';
import { confirmAction } from '../components/dialogs.js';
import { eventLink } from '../components/event-links.js';
import { filterBar } from '../components/filter-bar.js';
import { pickParams } from '../components/filter-values.js';
import { button, field, runBusy, select } from '../components/forms.js';
import { pagedTable } from '../components/paged-table.js';
import { resultRegion } from '../components/resource-actions.js';
import * as session from '../session.js';

const PAGE_SIZE = 50;

/** Interval of updates after a retry, and how long they continue. */
const POLL_SECONDS = 5;
const POLL_DURATION_MS = 120_000;

const EMPTY_TEXT = 'No deliveries match. A delivery is listed after its first attempt, or when it is held.';

const STATUS_OPTIONS = [['', 'Any'], ...['failed', 'waiting', 'held', 'delivered'].map((status) => [status, statusLabel(status)])];

export async function page({ params, query, signal, setQuery }) {
  const fields = {
    status: field('Status', select(STATUS_OPTIONS)),
    from: field('Events from (UTC)', h('input', { type: 'date' })),
    to: field('Events to (UTC)', h('input', { type: 'date' })),
  };
  const state = pickParams(query, Object.keys(fields));
  const filters = filterBar('Delivery filters', fields, state, () => {
    setQuery(state);
    reload();
  });
  const { result, showError } = resultRegion();
  let retriedAt = 0;

  const retry = (delivery) => (event) => runBusy(event.target, async () => {
    await request(url`/v1/deliveries/${delivery.event}/${params.name}/retry`, { method: 'POST', signal });
    announce(`Retrying event ${delivery.event}.`);
    watchRetries();
  }, showError);
  const watchRetries = () => {
    retriedAt = Date.now();
    reload(true);
  };
  const isReadingAttempts = () => elements[0].querySelector('[open]');
  poll(POLL_SECONDS, signal, () => { if (Date.now() < retriedAt + POLL_DURATION_MS && !isReadingAttempts()) reload(true); });
  const retryAll = button('Retry all failed…', (event) => runBusy(event.target, async () => {
    const requestRetries = (parameters) => request('/v1/deliveries/retry', {
      method: 'POST', signal,
      query: [...[...state].filter(([name]) => name !== 'status'), ['target', params.name], ...parameters],
    });
    const { data } = await requestRetries([['dry_run', 'true']]);
    if (!data.failed) return announce('No failed deliveries.');
    const message = `Retry ${pluralize(data.failed, 'failed delivery', 'failed deliveries')}, oldest first. Each delivery gets its full number of attempts again.`;
    if (!await confirmAction('Retry all failed deliveries?', message, { confirmLabel: 'Retry' })) return null;
    await requestRetries([]);
    render(result, h('p.note', `Retrying ${pluralize(data.failed, 'delivery', 'deliveries')}. See `,
      link(url`/targets/${params.name}`, 'the replays of the target'), '.'));
    return watchRetries();
  }, showError));
  const { elements, reload } = pagedTable({
    signal, columns: deliveryColumns(params.name, retry, signal), nouns: ['delivery', 'deliveries'], emptyText: EMPTY_TEXT,
    load: async (cursor, signals, limit) => {
      const page = cursor ? ['cursor', cursor] : ['limit', limit ?? PAGE_SIZE];
      const { data } = await request('/v1/deliveries', { query: [...state, ['target', params.name], page], scope: 'either', signal: signals });
      return [data.deliveries, data.next];
    },
  });
  const name = session.hasKey('manage') ? link(url`/targets/${params.name}`, params.name) : params.name;
  const content = h('div.page.wide',
    h('div.page-header', h('h1', 'Deliveries to ', name), session.hasKey('manage') && retryAll),
    filters, result, elements);
  return { title: `Deliveries to ${params.name}`, content };
}

function deliveryColumns(target, retry, signal) {
  const columns = [
    ['Event', (delivery) => eventLink(delivery.event)],
    ['Status', (delivery) => statusBadge(delivery.status)],
    ['Last attempt', lastAttempt],
    ['Response', (delivery) => [delivery.last_error ?? delivery.last_status ?? '–', delivery.next_attempt_at && [h('br'), 'Next attempt: ', timeElement(delivery.next_attempt_at)]]],
    ['Attempts', (delivery) => (delivery.attempts ? attemptHistory(delivery, target, signal) : '0')],
  ];
  // Held events are delivered when the target is resumed.
  const retryButton = (delivery) => button('Retry', retry(delivery), { 'aria-label': `Retry event ${delivery.event}` });
  if (session.hasKey('manage')) columns.push(['Actions', (delivery) => delivery.status !== 'held' && retryButton(delivery)]);
  return columns;
}

function lastAttempt({ last_attempt_at: time, last_duration_ms: duration }) {
  if (!time) return '–';
  return [timeElement(time, [formatDate(time), h('br'), formatTime(time)]), ' ', h('span.muted', formatDuration(duration))];
}

/** Creates the number of attempts, which expands to the attempts themselves. */
function attemptHistory(delivery, target, signal) {
  if (!session.hasKey('read')) return formatNumber(delivery.attempts);
  const load = async () => {
    const { data } = await request(`/v1/events/${delivery.event}/deliveries`, { signal });
    const found = data.deliveries.find((one) => one.target === target);
    return found?.attempts.length ? attemptList(found.attempts) : 'The attempts are no longer recorded.';
  };
  const box = h('details', h('summary', formatNumber(delivery.attempts)));
  box.addEventListener('toggle', () => box.append(asyncView(signal, load).container), { once: true });
  return box;
}
