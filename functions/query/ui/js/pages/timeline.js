// What happened within two days, drawn along the time.

import { every, h, show, uid } from '../dom.js';
import { call, left } from '../api.js';
import { clock, counted, day, minutes, number, summary, visible } from '../format.js';
import { tone } from '../parts/event.js';
import { filterForm, filtersOf } from '../parts/filters.js';
import { button, copy, field, select } from '../parts/forms.js';
import { empty, loading, partial, problem } from '../parts/states.js';
import { badge } from '../parts/table.js';

/** The windows that can be chosen, as the API names them, in minutes. */
const SPANS = [['30m', 30], ['1h', 60], ['3h', 180], ['6h', 360], ['12h', 720], ['24h', 1440], ['48h', 2880]];
const MINUTE = 60_000;

/** The most events that a group lists. */
const SHOWN = 20;

/** What the address has besides filters. */
const OWN = ['span', 'until', 'lanes'];

/** What lanes can be made of: the kind of an event, or one of its fields. */
const LANES = [['', 'Kind'], ['environment', 'Environment'], ['project', 'Project'], ['source', 'Source']];

/** The most lanes of a field; what has other values shares the last. */
const MOST_LANES = 8;

export async function page({ query, signal, go, path }) {
  let state = new URLSearchParams(query);
  let asked = new AbortController();
  const place = h('div', {});
  const span = field('Window', select({ options: SPANS.map(([key]) => [key, words(key)]), value: spanOf(state) }));
  const lanes = field('Lanes', select({ options: LANES, value: state.get('lanes') ?? '' }));
  const end = field('Until', h('input', { type: 'datetime-local', step: '1' }));
  const set = (changes) => {
    const next = new URLSearchParams(state);
    for (const [name, value] of Object.entries(changes)) {
      if (value) next.set(name, value);
      else next.delete(name);
    }
    go(path, next);
  };
  span.input.addEventListener('change', () => set({ span: span.input.value }));
  lanes.input.addEventListener('change', () => set({ lanes: lanes.input.value }));
  end.input.addEventListener('change', () => set({ until: end.input.value ? new Date(end.input.value).toISOString() : '' }));
  const form = filterForm({
    query: state, signal, range: false, open: true, without: ['q'],
    changed: (next) => go(path, new URLSearchParams([...next, ...OWN.filter((name) => state.get(name)).map((name) => [name, state.get(name)])])),
  });

  const move = (by) => {
    const { to, length } = windowOf(state, Date.now());
    const until = to + by * length / 2;
    set({ until: until >= Date.now() ? '' : new Date(until).toISOString() });
  };
  const zoom = (step) => {
    const at = SPANS.findIndex(([key]) => key === spanOf(state)) + step;
    if (!SPANS[at]) return;
    // What was in the middle stays there.
    const { from, to } = windowOf(state, Date.now());
    const until = (from + to) / 2 + SPANS[at][1] * MINUTE / 2;
    set({ span: SPANS[at][0], until: state.get('until') && until < Date.now() ? new Date(until).toISOString() : state.get('until') });
  };
  const exact = () => {
    const { from, to } = windowOf(state, Date.now());
    const next = new URLSearchParams(state);
    next.set('span', spanOf(state));
    next.set('until', new Date(to).toISOString());
    return from && `${location.origin}${path}?${next}`;
  };
  const controls = h('div', { class: 'line' }, span.element, end.element, lanes.element,
    h('div', { class: 'buttons', role: 'group', 'aria-label': 'Move and zoom' },
      button('←', () => move(-1), { 'aria-label': 'Earlier' }), button('→', () => move(1), { 'aria-label': 'Later' }),
      button('+', () => zoom(-1), { 'aria-label': 'Zoom in' }), button('−', () => zoom(1), { 'aria-label': 'Zoom out' }),
      button('Now', () => set({ until: '' }))), copy(exact, 'Copy a link to this'));

  async function draw({ quiet = false } = {}) {
    asked.abort();
    asked = new AbortController();
    const both = AbortSignal.any([signal, asked.signal]);
    const { from, to } = windowOf(state, Date.now());
    if (!quiet) show(place, loading());
    try {
      const { data } = await call('/v1/timeline', { query: request(state, from, to), signal: both });
      show(place, picture(data, state.get('lanes') ?? '', (start, stop) => set(around(start, stop))));
    } catch (error) {
      if (!left(error, both)) show(place, problem(error, draw));
    }
  }

  const update = ({ query: next }) => {
    state = next;
    span.input.value = spanOf(state);
    end.input.value = local(state.get('until'));
    lanes.input.value = state.get('lanes') ?? '';
    form.set(state);
    draw();
  };
  end.input.value = local(state.get('until'));
  draw();
  // The picture follows the time while nobody is reading in it.
  every(30, signal, () => {
    const reading = place.contains(document.activeElement) || place.querySelector('.group:hover');
    if (!state.get('until') && !reading) draw({ quiet: true });
  });
  const content = h('div', { class: 'page wide' }, h('h1', {}, 'Timeline'), controls, form.element, place);
  return { title: 'Timeline', content, update };
}

const words = (key) => (key.endsWith('m') ? `${parseInt(key, 10)} minutes` : `${parseInt(key, 10)} ${key === '1h' ? 'hour' : 'hours'}`);

const spanOf = (state) => (SPANS.some(([key]) => key === state.get('span')) ? state.get('span') : '24h');

/** A time for an input, in this browser's zone. */
function local(time) {
  if (!time || Number.isNaN(Date.parse(time))) return '';
  const date = new Date(time);
  return new Date(date - date.getTimezoneOffset() * MINUTE).toISOString().slice(0, 19);
}

/** The window: its ends and its length in milliseconds. */
function windowOf(state, now) {
  const length = SPANS.find(([key]) => key === spanOf(state))[1] * MINUTE;
  const until = Date.parse(state.get('until') ?? '');
  const to = Number.isNaN(until) ? now : until;
  return { from: to - length, to, length };
}

/** The smallest window that shows a group well. */
function around(start, stop) {
  const length = Math.max((stop - start) * 3, 30 * MINUTE);
  const [key, size] = SPANS.find(([, size]) => size * MINUTE >= length) ?? SPANS.at(-1);
  return { span: key, until: new Date((start + stop) / 2 + size * MINUTE / 2).toISOString() };
}

/** What the API is asked: the filter by type is called `types` there. */
function request(state, from, to) {
  const query = filtersOf(state);
  for (const name of ['from', 'to', 'q']) query.delete(name);
  if (query.get('type')) query.set('types', query.get('type'));
  query.delete('type');
  query.set('from', new Date(from).toISOString());
  query.set('to', new Date(to).toISOString());
  return query;
}

/** The lanes with their groups, and the scale below. */
function picture(data, by, zoomTo) {
  const [from, to] = [Date.parse(data.from), Date.parse(data.to)];
  const at = (time) => Math.min(Math.max((Date.parse(time) - from) / (to - from), 0), 1) * 100;
  const drawn = lanesOf(data, by).map(([name, has]) => {
    const groups = data.groups.map((group) => group.events.filter(has)).filter((events) => events.length);
    const count = groups.reduce((sum, events) => sum + events.length, 0);
    return h('section', { class: 'lane', 'aria-label': visible(name) },
      h('h2', {}, visible(name), h('span', { class: 'quiet' }, ` ${number(count)}`)),
      h('div', { class: 'track' }, groups.map((events) => mark(events, at, zoomTo))));
  });
  const note = data.partial ? partial('There is more than can be drawn: these are the newest. Zoom in, or filter.') : null;
  const ends = [data.from, data.to].map((time) => `${day(time)}, ${minutes(time)}`);
  const words = h('p', { class: 'quiet', role: 'status' }, `${counted(data.count, 'event')} from ${ends.join(' to ')}`);
  const below = data.count ? null : empty('Nothing happened here that matches.');
  return [note, words, scale(from, to, drawn), below];
}

/** The lanes, from top to bottom: `[name, event => whether it belongs there]`. */
function lanesOf(data, by) {
  if (!by) {
    const signal = (event) => event.scope === 'signal';
    const error = (event) => event.level === 'ERROR';
    return [['Signals', signal], ['Errors', error], ['Events', (event) => !signal(event) && !error(event)]];
  }
  const counts = new Map();
  for (const { events } of data.groups) {
    for (const event of events) counts.set(event[by], (counts.get(event[by]) ?? 0) + 1);
  }
  const named = [...counts.keys()].filter((value) => value !== null).sort((a, b) => counts.get(b) - counts.get(a));
  const own = named.slice(0, MOST_LANES).map((value) => [value, (event) => event[by] === value]);
  const others = new Set(named.slice(MOST_LANES));
  if (others.size) own.push([`${counted(others.size, `other ${by}`)}`, (event) => others.has(event[by])]);
  if (counts.has(null) || !own.length) own.push([`No ${by}`, (event) => event[by] === null]);
  return own;
}

/** One group: a mark that opens to what is in it, on hover, on focus and on a click. */
function mark(events, at, zoomTo) {
  const id = uid('g');
  const [first, last] = [events[0], events.at(-1)];
  const several = events.length > 1;
  const name = several
    ? `${counted(events.length, 'event')}, ${clock(first.time)} to ${clock(last.time)}`
    : `${first.label}, ${clock(first.time)}`;
  const items = events.slice(-SHOWN).map((event) =>
    h('li', {}, h('span', { class: 'quiet' }, clock(event.time)), ' ', badge(tone(event), event.label), ' ',
      h('a', { href: `/events/${event.id}` }, summary(event.summary))));
  const more = events.length > SHOWN ? h('p', { class: 'quiet' }, `The last ${SHOWN} of ${number(events.length)}.`) : null;
  const zoom = several ? button('Zoom to these', () => zoomTo(Date.parse(first.time), Date.parse(last.time))) : null;
  const box = h('div', { class: 'pop', id }, h('p', {}, h('b', {}, name)), h('ul', {}, items), more, zoom);
  const handle = h('button', { type: 'button', 'aria-expanded': 'false', 'aria-controls': id, 'aria-label': name, class: worst(events) },
    several ? number(events.length) : '');
  const element = h('div', { class: 'group' }, handle, box);
  element.style.left = `${at(first.time)}%`;
  element.classList.toggle('right', at(first.time) > 60);
  const open = (yes) => {
    element.classList.toggle('open', yes);
    handle.setAttribute('aria-expanded', String(yes));
  };
  element.addEventListener('mouseenter', () => open(true));
  element.addEventListener('mouseleave', () => { if (!element.contains(document.activeElement)) open(false); });
  element.addEventListener('focusin', () => open(true));
  element.addEventListener('focusout', (event) => { if (!element.contains(event.relatedTarget)) open(false); });
  element.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    handle.focus();
    open(false);
  });
  return element;
}

/** What a mark is coloured by: an error in it, then a signal. */
function worst(events) {
  if (events.some((event) => event.level === 'ERROR')) return 'bad';
  return events.some((event) => event.scope === 'signal') ? 'signal' : 'info';
}

function scale(from, to, lanes) {
  const steps = 6;
  const ticks = Array.from({ length: steps + 1 }, (_, at) => {
    const time = from + (to - from) * at / steps;
    const tick = h('span', { class: 'tick' }, minutes(time), at % 3 === 0 ? h('small', {}, day(time)) : null);
    tick.style.left = `${at / steps * 100}%`;
    return tick;
  });
  return h('div', { class: 'timeline' }, lanes, h('div', { class: 'scale', 'aria-hidden': 'true' }, ticks));
}
