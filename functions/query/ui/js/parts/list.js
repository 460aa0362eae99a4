// Events in a list that grows while one scrolls, and in which one can be opened.

import { append, every, h, show, url } from '../dom.js';
import { call, left } from '../api.js';
import { clock, counted, day, summary, when } from '../format.js';
import { button } from './forms.js';
import { places, readEvent, tone } from './event.js';
import { badge, empty, loading, partial, problem } from './table.js';

/** Events of a page of the list, and the most that the API gives at once. */
const PAGE = 50;
const MOST = 1000;

/** Seconds between two looks for new events, and the most that one look finds. */
const LOOK = 10;
const NEW = 20;

/**
 * The list of what matches. `filters` is the query of the search, `open(id)` is called when an event is chosen,
 * `again` to have the list made anew. `back` is how many events it had when it was left: it has them again, and shows the
 * marked one. Answers `{ element, mark(id) }`; it ends with the signal.
 */
export function eventList({ filters, order, back, signal, open, again }) {
  const rows = h('div.events', { role: 'list', 'aria-label': 'Events' });
  const foot = h('div.foot');
  const news = h('div.news', { role: 'status' });
  const state = { next: undefined, busy: false, lastDay: '', listed: new Set() };
  let marked = null;
  const mark = (id) => {
    marked = id;
    for (const old of rows.querySelectorAll('a[aria-current]')) old.removeAttribute('aria-current');
    const found = id && rows.querySelector(`a[data-id="${CSS.escape(id)}"]`);
    found?.setAttribute('aria-current', 'true');
    return found;
  };
  const add = (events) => {
    let part = null;
    for (const event of events) {
      const today = day(event.time);
      if (today !== state.lastDay) append(rows, h('div.day', { role: 'listitem' }, h('h2', today)));
      if (!part || today !== state.lastDay) append(rows, part = h('div', { role: 'none' }));
      state.lastDay = today;
      state.listed.add(event.id);
      append(part, row(event));
      part.style.setProperty('--rows', part.childElementCount);
    }
    mark(marked);
  };
  const more = async () => {
    if (state.busy || state.next === null) return;
    state.busy = true;
    watcher.unobserve(foot);
    if (!state.listed.size) show(foot, loading());
    let data;
    try {
      const size = state.next ? PAGE : Math.min(Math.max(PAGE, back), MOST);
      ({ data } = await call('/v1/events', { query: pageQuery(filters, order, size, state.next), signal }));
      add(data.events);
      if (back && !state.next) mark(marked)?.scrollIntoView({ block: 'center' });
      state.next = data.next;
      ended(data);
      // Observed anew, it tells again where it is: it may not have left the view meanwhile.
      watcher.observe(foot);
    } catch (error) {
      if (!left(error, signal)) show(foot, problem(error, more));
    } finally {
      state.busy = false;
    }
    // Nothing among what was looked through: what one waits for is further on.
    if (data?.partial && !data.events.length) await more();
  };
  const ended = (data) => {
    if (data.next) show(foot, data.partial && partial('There is much to look through. '), button('Show more', more));
    else if (state.listed.size) show(foot, h('p.quiet', `That is all: ${counted(state.listed.size, 'event')}.`));
    else show(foot, empty(h('p', filters.size ? 'No event matches.' : 'The log is empty.'), hint(filters)));
  };
  const watcher = new IntersectionObserver((seen) => {
    if (seen.some((one) => one.isIntersecting) && state.listed.size) more();
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
  const element = h('div', news, rows, foot);
  if (order === 'desc' && !filters.get('to')) look({ filters, state, news, signal, again });
  return { element, mark };
}

const pageQuery = (filters, order, limit, cursor) =>
  [...filters, ['order', order], ['limit', limit], ...(cursor ? [['cursor', cursor]] : [])];

function hint(filters) {
  if (filters.size) return h('p', 'See whether the filters, the time and the spelling are right.');
  return h('p', 'See ', h('a', { href: '/docs#postEvents' }, 'how events are sent'), '.');
}

/** Looks for events that the list does not have, and announces them: nothing moves until one asks. */
function look({ filters, state, news, signal, again }) {
  let live = new Date();
  let said = '';
  const tell = (words, make) => {
    if (words !== said) show(news, words && make(words));
    said = words;
  };
  every(LOOK, signal, async () => {
    if (state.busy) return;
    try {
      const { data } = await call('/v1/events', { query: pageQuery(filters, 'desc', NEW), signal });
      live = new Date();
      const fresh = data.events.filter((event) => !state.listed.has(event.id)).length;
      const words = fresh === NEW ? `${NEW} or more new events` : counted(fresh, 'new event');
      tell(fresh ? words : '', () => button(words, again, { kind: 'main' }));
    } catch (error) {
      if (!left(error, signal)) tell(`Not live since ${clock(live)}: ${error.message}`, (words) => h('span.note', words));
    }
  });
}

function row(event) {
  return h('div.row', { role: 'listitem' },
    h('a', { href: `/events/${event.id}`, 'data-id': event.id },
      when(event.time, clock(event.time)),
      badge(tone(event), event.label),
      h('span.words', summary(event.summary)),
      h('span.where', places(event) ?? event.source)));
}

/** Below this width the panel covers the page; `css/events.css` says so too. */
const COVERS = matchMedia('(max-width: 64rem)');

/** The panel beside the list that shows one event. `close` is called to leave it. */
export function panel(close, signal) {
  const body = h('div');
  const whole = h('a', { href: '/' }, 'Open as a page');
  const element = h('aside.panel', { 'aria-label': 'Event', hidden: true, tabindex: '-1' },
    h('header', h('h2', 'Event'), whole, button('×', close, { kind: 'x', 'aria-label': 'Close the event' })), body);
  // What is covered cannot be reached either; what is announced is heard.
  const cover = () => {
    const yes = COVERS.matches && !element.hidden && !signal.aborted;
    for (let at = element; at.parentElement && at !== document.body; at = at.parentElement) {
      for (const other of at.parentElement.children) other.inert = yes && other !== at && other.id !== 'says';
    }
  };
  COVERS.addEventListener('change', cover, { signal });
  signal.addEventListener('abort', cover);
  document.addEventListener('keydown', (event) => {
    const elsewhere = element.hidden || event.defaultPrevented || event.target.closest('input, dialog');
    if (event.key === 'Escape' && !elsewhere) close();
  }, { signal });
  let reading = new AbortController();
  const open = async (id) => {
    reading.abort();
    reading = new AbortController();
    const both = AbortSignal.any([signal, reading.signal]);
    element.hidden = !id;
    cover();
    if (!id) return;
    whole.href = url`/events/${id}`;
    show(body, loading());
    element.focus({ preventScroll: true });
    try {
      const { element: read } = await readEvent(id, both, 3);
      show(body, read);
      element.scrollTop = 0;
    } catch (error) {
      if (!left(error, both)) show(body, problem(error, () => open(id)));
    }
    // The page has come now, where the panel was there first.
    cover();
  };
  return { element, open };
}
