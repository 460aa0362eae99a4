// Events in a list that grows while one scrolls, and in which one can be opened.

import { append, every, h, show } from '../dom.js';
import { call, left } from '../api.js';
import { clock, counted, day, summary, visible } from '../format.js';
import { button } from './forms.js';
import { readEvent, tone } from './event.js';
import { empty, loading, partial, problem } from './states.js';
import { badge } from './table.js';

/** Events of a page of the list. */
const PAGE = 50;

/** Seconds between two looks for new events, and the most that one look finds. */
const LOOK = 10;
const NEW = 20;

/**
 * The list of what matches. `filters` is the query of the search, `open(id)` is called when an event is chosen,
 * `again` to have the list made anew. Answers `{ element, mark(id) }`; it ends with the signal.
 */
export function eventList({ filters, order = 'desc', signal, open, again }) {
  const rows = h('div', { class: 'events', role: 'list', 'aria-label': 'Events' });
  const foot = h('div', { class: 'foot' });
  const news = h('div', { class: 'news', role: 'status' });
  const state = { next: undefined, busy: false, lastDay: '', newest: 0, count: 0 };
  const add = (events) => append(rows, h('div', { role: 'none' }, events.map((event) => {
    const heading = day(event.time) === state.lastDay ? null : h('div', { class: 'day', role: 'listitem' }, h('h2', {}, day(event.time)));
    state.lastDay = day(event.time);
    state.newest = Math.max(state.newest, event.id);
    return [heading, row(event)];
  })));
  const more = async () => {
    if (state.busy || state.next === null) return;
    state.busy = true;
    watcher.unobserve(foot);
    if (!state.count) show(foot, loading());
    try {
      const { data } = await call('/v1/events', { query: pageQuery(filters, order, PAGE, state.next), signal });
      state.next = data.next;
      state.count += data.events.length;
      add(data.events);
      ended(data);
      // Observed anew, it tells again where it is: it may not have left the view meanwhile.
      watcher.observe(foot);
    } catch (error) {
      if (!left(error, signal)) show(foot, problem(error, more));
    } finally {
      state.busy = false;
    }
  };
  const ended = (data) => {
    if (data.next) show(foot, data.partial ? partial('There is much to look through. ') : null, button('Show more', more));
    else if (state.count) show(foot, h('p', { class: 'quiet' }, `That is all: ${counted(state.count, 'event')}.`));
    else show(foot, empty(h('p', {}, filters.size ? 'No event matches.' : 'The log is empty.'), hint(filters)));
    if (data.partial && !data.events.length) more();
  };
  const watcher = new IntersectionObserver((seen) => {
    if (seen.some((one) => one.isIntersecting) && state.count) more();
  }, { rootMargin: '800px' });
  signal.addEventListener('abort', () => watcher.disconnect(), { once: true });
  rows.addEventListener('click', (event) => {
    const anchor = event.target.closest('a[data-id]');
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (!anchor || !plain) return;
    event.preventDefault();
    open(anchor.dataset.id);
  });
  more();
  const element = h('div', { class: 'list' }, news, rows, foot);
  if (order === 'desc' && !filters.get('to')) look({ filters, state, news, signal, again });
  return { element, mark: (id) => mark(rows, id) };
}

function pageQuery(filters, order, limit, cursor) {
  const query = new URLSearchParams(filters);
  if (order !== 'desc') query.set('order', order);
  query.set('limit', limit);
  if (cursor) query.set('cursor', cursor);
  return query;
}

function hint(filters) {
  if (filters.size) return h('p', {}, 'Take a filter away, or look at a longer time.');
  return h('p', {}, 'See ', h('a', { href: '/docs#postEvents' }, 'how events are sent'), '.');
}

/** Looks for events that are newer than those in the list, and announces them: nothing moves until one asks. */
function look({ filters, state, news, signal, again }) {
  every(LOOK, signal, async () => {
    if (state.busy) return;
    try {
      const { data } = await call('/v1/events', { query: pageQuery(filters, 'desc', NEW), signal });
      const fresh = data.events.filter((event) => event.id > state.newest).length;
      const words = fresh === NEW ? `${NEW} or more new events` : counted(fresh, 'new event');
      show(news, fresh ? button(words, again, { kind: 'main' }) : null);
    } catch {
      // The next look may find the server again; what is shown stays right.
    }
  });
}

function row(event) {
  const things = [event.project, event.environment].filter(Boolean).map(visible).join(' / ');
  return h('div', { class: 'row', role: 'listitem' },
    h('a', { href: `/events/${event.id}`, 'data-id': event.id },
      h('time', { datetime: event.time, title: event.time }, clock(event.time)),
      badge(tone(event), event.label),
      h('span', { class: 'words' }, summary(event.summary)),
      h('span', { class: 'where' }, things || visible(event.source))));
}

function mark(rows, id) {
  for (const old of rows.querySelectorAll('a[aria-current]')) old.removeAttribute('aria-current');
  const found = id && rows.querySelector(`a[data-id="${CSS.escape(id)}"]`);
  if (found) found.setAttribute('aria-current', 'true');
  return found;
}

/** The panel beside the list that shows one event. `close` is called to leave it. */
export function panel(close) {
  const body = h('div', {});
  const title = h('h2', {}, 'Event');
  const whole = h('a', { href: '/' }, 'Open as a page');
  const leave = button('×', close, { kind: 'x', 'aria-label': 'Close the event' });
  const element = h('aside', { class: 'panel', 'aria-label': 'Event', hidden: true, tabindex: '-1' },
    h('header', {}, title, whole, leave), body);
  element.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !event.defaultPrevented) close();
  });
  let reading = new AbortController();
  return {
    element,
    async open(id, signal) {
      reading.abort();
      reading = new AbortController();
      const both = AbortSignal.any([signal, reading.signal]);
      element.hidden = !id;
      if (!id) return;
      whole.href = `/events/${encodeURIComponent(id)}`;
      show(body, loading());
      element.focus({ preventScroll: true });
      try {
        const { element: read } = await readEvent(id, both, 3);
        show(body, read);
        element.scrollTop = 0;
      } catch (error) {
        if (!left(error, both)) show(body, problem(error, () => this.open(id, signal)));
      }
    },
  };
}
