// A list of events that loads more while the user scrolls.

import { append, h, poll, render } from '../dom.js';
import { isAborted, request } from '../api.js';
import { formatDate, formatTime, pluralize, renderSummary, timeElement } from '../format.js';
import { badgeKind, eventLocation } from './event-links.js';
import { button } from './forms.js';
import { emptyState, loadingState, partialNote, problemState } from './states.js';
import { badge } from './table.js';

/** Events per page, and the maximum of a page of the API. */
const PAGE_SIZE = 50;
const MAX_PAGE_SIZE = 1000;

/** Interval of checks for new events, and the maximum number that one check finds. */
const POLL_SECONDS = 10;
const MAX_NEW = 20;

/**
 * Creates the list of events that match `filters`, a query. `onOpen(id)` is called when the user selects an event, and
 * `reload` when the user wants to see new events. `restoreCount` is the number of events that the list had when the user
 * left the page; the list loads as many again and scrolls to the marked one. Returns `{ element, mark(id) }`.
 */
export function eventList({ filters, order, restoreCount, signal, onOpen, reload }) {
  const rows = h('div.events', { role: 'list', 'aria-label': 'Events' });
  const footer = h('div.list-footer');
  const newEvents = h('div.new-events', { role: 'status' });
  const state = { next: undefined, loading: false, lastDate: '', ids: new Set() };
  let marked = null;
  const mark = (id) => {
    marked = id;
    for (const row of rows.querySelectorAll('a[aria-current]')) row.removeAttribute('aria-current');
    const row = id && rows.querySelector(`a[data-id="${CSS.escape(id)}"]`);
    row?.setAttribute('aria-current', 'true');
    return row;
  };
  const addEvents = (events) => {
    let group = null;
    for (const event of events) {
      const date = formatDate(event.time);
      if (date !== state.lastDate) append(rows, h('div.day', { role: 'listitem' }, h('h2', date)));
      if (!group || date !== state.lastDate) append(rows, group = h('div', { role: 'none' }));
      state.lastDate = date;
      state.ids.add(event.id);
      append(group, eventRow(event));
      group.style.setProperty('--rows', group.childElementCount);
    }
    mark(marked);
  };
  const loadMore = async () => {
    if (state.loading || state.next === null) return;
    state.loading = true;
    observer.unobserve(footer);
    if (!state.ids.size) render(footer, loadingState());
    let data;
    try {
      const size = state.next ? PAGE_SIZE : Math.min(Math.max(PAGE_SIZE, restoreCount), MAX_PAGE_SIZE);
      ({ data } = await request('/v1/events', { query: pageQuery(filters, order, size, state.next), signal }));
      addEvents(data.events);
      if (restoreCount && !state.next) mark(marked)?.scrollIntoView({ block: 'center' });
      state.next = data.next;
      drawFooter(data);
      // A new observation reports the position again: the footer may still be in view.
      observer.observe(footer);
    } catch (error) {
      if (!isAborted(error, signal)) render(footer, problemState(error, loadMore));
    } finally {
      state.loading = false;
    }
    // A partial page without events only means that the search has not reached the first match yet.
    if (data?.partial && !data.events.length) await loadMore();
  };
  const drawFooter = (data) => {
    if (data.next) render(footer, data.partial && partialNote('The search is incomplete. '), button('Load more', loadMore));
    else if (state.ids.size) render(footer, h('p.muted', `End of results: ${pluralize(state.ids.size, 'event')}.`));
    else render(footer, emptyState(h('p', filters.size ? 'No matching events.' : 'No events yet.'), emptyHint(filters)));
  };
  const observer = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && state.ids.size) loadMore();
  }, { rootMargin: '800px' });
  signal.addEventListener('abort', () => observer.disconnect(), { once: true });
  rows.addEventListener('click', (event) => {
    const anchor = event.target.closest('a[data-id]');
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (!anchor || !plain) return;
    event.preventDefault();
    onOpen(anchor.dataset.id);
  });
  loadMore();
  const element = h('div', newEvents, rows, footer);
  if (order === 'desc' && !filters.get('to')) pollNewEvents({ filters, state, newEvents, signal, reload });
  return { element, mark };
}

const pageQuery = (filters, order, limit, cursor) =>
  [...filters, ['order', order], ['limit', limit], ...(cursor ? [['cursor', cursor]] : [])];

function emptyHint(filters) {
  if (filters.size) return h('p', 'Check the filters, the time range, and the spelling.');
  return h('p', 'Read ', h('a', { href: '/docs#postEvents' }, 'how to send events'), '.');
}

/** Polls for events that are not in the list and announces them. The list itself changes only on request. */
function pollNewEvents({ filters, state, newEvents, signal, reload }) {
  let lastSuccess = new Date();
  let lastText = '';
  const show = (text, create) => {
    if (text !== lastText) render(newEvents, text && create(text));
    lastText = text;
  };
  poll(POLL_SECONDS, signal, async () => {
    if (state.loading) return;
    try {
      const { data } = await request('/v1/events', { query: pageQuery(filters, 'desc', MAX_NEW), signal });
      lastSuccess = new Date();
      const count = data.events.filter((event) => !state.ids.has(event.id)).length;
      const text = count === MAX_NEW ? `${MAX_NEW}+ new events` : pluralize(count, 'new event');
      show(count ? text : '', () => button(text, reload, { kind: 'primary' }));
    } catch (error) {
      const text = `Live updates stopped at ${formatTime(lastSuccess)}: ${error.message}`;
      if (!isAborted(error, signal)) show(text, () => h('span.note', text));
    }
  });
}

function eventRow(event) {
  return h('div.row', { role: 'listitem' },
    h('a', { href: `/events/${event.id}`, 'data-id': event.id },
      timeElement(event.time, formatTime(event.time)),
      badge(badgeKind(event), event.label),
      h('span.summary', renderSummary(event.summary)),
      h('span.location', eventLocation(event) ?? event.source)));
}
