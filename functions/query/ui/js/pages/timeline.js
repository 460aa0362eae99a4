// What happened within two days, drawn along the time.

import { every, h, link, show, uid } from '../dom.js';
import { call, left } from '../api.js';
import { clock, counted, day, minutes, number, short, summary } from '../format.js';
import { tone } from '../parts/event.js';
import { filterForm, filtersOf, quoted } from '../parts/filters.js';
import { button, copy, field, select, whenChosen } from '../parts/forms.js';
import { picked } from '../parts/manage.js';
import { badge, empty, loading, partial, problem } from '../parts/table.js';

/** The windows that can be chosen: as the API names them, in minutes, and in words. */
const SPANS = [['30m', 30, '30 minutes'], ['1h', 60, '1 hour'], ...[3, 6, 12, 24, 48].map((n) => [`${n}h`, n * 60, `${n} hours`])];
const MINUTE = 60_000;

/** The most events that a group lists. */
const SHOWN = 20;

/** The width of a mark in pixels: what is nearer than that to the first event of a group belongs to it. */
const MARK = 30;

/** Where the reader's clock is; filters by day are in UTC. */
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** What the address has besides filters. */
const OWN = ['span', 'until', 'lanes'];

const LANES = [['', 'Kind'], ['environment', 'Environment'], ['project', 'Project'], ['source', 'Source']];

/** The most lanes of a field; what has other values shares the last. */
const MOST_LANES = 8;

export async function page({ query, signal, go, path }) {
  let state = query;
  let asked = new AbortController();
  const place = h('div');
  const span = field('Window', select(SPANS.map(([key, , words]) => [key, words])));
  const lanes = field('Lanes', select(LANES));
  const end = field(`Until (${ZONE})`, h('input', { type: 'datetime-local', step: '1' }));
  const having = (changes) => {
    const next = new URLSearchParams(state);
    for (const [name, value] of Object.entries(changes)) {
      if (value) next.set(name, value);
      else next.delete(name);
    }
    return next;
  };
  const set = (changes, options) => go(path, having(changes), options);
  span.input.addEventListener('change', () => set({ span: span.input.value }));
  lanes.input.addEventListener('change', () => set({ lanes: lanes.input.value }));
  whenChosen(end.input, (options) => set({ until: end.input.value && iso(end.input.value) }, options));
  const form = filterForm({
    query: state, signal, range: false, without: ['q'],
    changed: (next) => go(path, [...next, ...picked(state, OWN)]),
  });

  const move = (by) => {
    const { to, length } = windowOf(state);
    const until = to + by * length / 2;
    set({ until: until >= Date.now() ? '' : iso(until) });
  };
  const zoom = (step) => {
    const at = SPANS.findIndex(([key]) => key === spanOf(state)) + step;
    if (!SPANS[at]) return;
    // What was in the middle stays there.
    const { from, to } = windowOf(state);
    const until = (from + to) / 2 + SPANS[at][1] * MINUTE / 2;
    set({ span: SPANS[at][0], until: state.get('until') && until < Date.now() ? iso(until) : state.get('until') });
  };
  const exact = () => `${location.origin}${path}?${having({ span: spanOf(state), until: iso(windowOf(state).to) })}`;
  const closer = button('+', () => zoom(-1), { 'aria-label': 'Zoom in' });
  const wider = button('−', () => zoom(1), { 'aria-label': 'Zoom out' });
  const controls = h('div.line', span.element, end.element, lanes.element,
    h('div.buttons', { role: 'group', 'aria-label': 'Move and zoom' },
      button('←', () => move(-1), { 'aria-label': 'Earlier' }), button('→', () => move(1), { 'aria-label': 'Later' }),
      closer, wider,
      button('Now', () => set({ until: '' }))), copy(exact, 'Copy a link to this'));

  let data = null;
  let marks = 0;
  async function draw({ quiet = false } = {}) {
    asked.abort();
    asked = new AbortController();
    const both = AbortSignal.any([signal, asked.signal]);
    const { from, to } = windowOf(state);
    data = null;
    if (!quiet) show(place, loading());
    try {
      ({ data } = await call('/v1/timeline', { query: request(state, from, to), signal: both }));
      paint();
    } catch (error) {
      if (!left(error, both)) show(place, problem(error, draw));
    }
  }

  const room = () => Math.max(Math.floor((place.clientWidth - 66) / MARK), 4);

  function paint() {
    marks = room();
    const zoom = spanOf(state) !== SPANS[0][0] && ((start, stop) => set(around(start, stop)));
    show(place, picture(data, { by: state.get('lanes'), marks, filters: filtersOf(state), zoom }));
  }

  const watcher = new ResizeObserver(() => { if (data && room() !== marks) paint(); });
  watcher.observe(place);
  signal.addEventListener('abort', () => watcher.disconnect());
  document.addEventListener('keydown', (event) => { if (event.key === 'Escape') opened?.(false); }, { signal });

  const update = ({ query: next }) => {
    state = next;
    span.input.value = spanOf(state);
    closer.ariaDisabled = spanOf(state) === SPANS[0][0] || null;
    wider.ariaDisabled = spanOf(state) === SPANS.at(-1)[0] || null;
    if (end.input.value !== local(state.get('until'))) end.input.value = local(state.get('until'));
    lanes.input.value = state.get('lanes') ?? '';
    form.set(state);
    draw();
  };
  update({ query });
  // The picture follows the time while nobody is reading in it.
  every(30, signal, () => {
    const reading = place.contains(document.activeElement) || place.querySelector('.group:hover');
    if (!state.get('until') && !reading) draw({ quiet: true });
  });
  const content = h('div.page.wide', h('h1', 'Timeline'), controls, form.element, place);
  return { title: 'Timeline', content, update };
}

const iso = (time) => new Date(time).toISOString();

const spanOf = (state) => (SPANS.some(([key]) => key === state.get('span')) ? state.get('span') : '24h');

/** A time for an input, in this browser's zone. */
function local(time) {
  if (!time || Number.isNaN(Date.parse(time))) return '';
  const date = new Date(time);
  return new Date(date - date.getTimezoneOffset() * MINUTE).toISOString().slice(0, 19);
}

function windowOf(state) {
  const length = SPANS.find(([key]) => key === spanOf(state))[1] * MINUTE;
  const until = Date.parse(state.get('until') ?? '');
  const to = Number.isNaN(until) ? Date.now() : until;
  return { from: to - length, to, length };
}

/** The smallest window that shows a group well: a group is far narrower than the window it is in. */
function around(start, stop) {
  const [key, size] = SPANS.find(([, size]) => size * MINUTE >= (stop - start) * 3) ?? SPANS.at(-1);
  return { span: key, until: iso((start + stop) / 2 + size * MINUTE / 2) };
}

/** What the API is asked: the filter by type is called `types` there. */
function request(state, from, to) {
  const query = filtersOf(state);
  for (const name of ['from', 'to', 'q']) query.delete(name);
  if (query.get('type')) query.set('types', query.get('type'));
  query.delete('type');
  query.set('from', iso(from));
  query.set('to', iso(to));
  return query;
}

function picture(data, { by, marks, filters, zoom }) {
  const [from, to] = [Date.parse(data.from), Date.parse(data.to)];
  const at = (time) => Math.min(Math.max((Date.parse(time) - from) / (to - from), 0), 1);
  const all = data.groups.flatMap((group) => group.events);
  const drawn = lanesOf(all, by).map(([name, has, filter]) => {
    const events = all.filter(has);
    const query = new URLSearchParams([...filters, ...Object.entries(filter ?? {})]);
    return h('section.lane', { 'aria-label': name },
      h('h2', name, h('span.quiet', ` ${number(events.length)}`)),
      h('div.track', grouped(events, at, 1 / marks).map((group) => mark(group, { at: at(group[0].time) * 100, query, zoom, exact: filter }))));
  });
  const since = data.partial && all.length ? all[0].time : data.from;
  const note = data.partial && partial('There is more than can be drawn: these are the newest. Zoom in, or filter.');
  const ends = [since, data.to].map((time) => `${day(time)}, ${minutes(time)}`);
  const words = h('p.quiet', { role: 'status' }, `${counted(data.count, 'event')} from ${ends.join(' to ')} (${ZONE}). A “!” counts errors; a box has a signal.`);
  const below = data.count ? null : empty('Nothing happened here that matches.');
  return [note, words, scale(from, to, drawn), below];
}

/** Events that one mark stands for: those within its width from the first of them, however many follow closely. */
function grouped(events, at, width) {
  const groups = [];
  for (const event of events) {
    const group = groups.at(-1);
    if (group && at(event.time) - at(group[0].time) < width) group.push(event);
    else groups.push([event]);
  }
  return groups;
}

/** The lanes, from top to bottom: `[name, event => whether it belongs there, the filter that says the same]`. */
function lanesOf(events, by) {
  if (!by) {
    return [['Signals', isSignal, { scope: 'signal' }], ['Errors', isError, { level: 'ERROR' }],
      ['Events', (event) => !isSignal(event) && !isError(event)]];
  }
  const counts = new Map();
  for (const event of events) counts.set(event[by], (counts.get(event[by]) ?? 0) + 1);
  const named = [...counts.keys()].filter((value) => value !== null).sort((a, b) => counts.get(b) - counts.get(a));
  const own = named.slice(0, MOST_LANES).map((value) => [value, (event) => event[by] === value, { [by]: quoted(value) }]);
  const others = new Set(named.slice(MOST_LANES));
  if (others.size) own.push([counted(others.size, `other ${by}`), (event) => others.has(event[by])]);
  if (counts.has(null) || !own.length) own.push([`No ${by}`, (event) => event[by] === null]);
  return own;
}

const isSignal = (event) => event.scope === 'signal';
const isError = (event) => event.level === 'ERROR';

/** Closes the group that is open: there is one at most. */
let opened = null;

/** One group: a mark that opens to what is in it, on hover, on focus and on a click. */
function mark(events, { at, query, zoom, exact }) {
  const id = uid('g');
  const [first, last] = [events[0], events.at(-1)];
  const several = events.length > 1;
  const [errors, signals] = [isError, isSignal].map((is) => events.filter(is).length);
  const name = [counted(events.length, 'event'), !several && first.label,
    errors && counted(errors, 'error'), signals && counted(signals, 'signal'),
    several ? `${clock(first.time)} to ${clock(last.time)}` : clock(first.time)].filter(Boolean).join(', ');
  const items = events.slice(-SHOWN).map((event) =>
    h('li', h('span.quiet', clock(event.time)), ' ', badge(tone(event), event.label), ' ',
      h('a', { href: `/events/${event.id}` }, summary(event.summary))));
  const more = events.length > SHOWN && h('p.quiet', `The last ${SHOWN} of ${number(events.length)}.`);
  const log = link('/', exact ? 'Show this time in the log' : 'Show all of this time in the log', [...query, ['from', first.time], ['to', last.time]]);
  const box = h('div.pop', { id }, h('p', h('b', name)), h('ul', items), more,
    several && h('p', log, ' ', zoom && button('Zoom to these', () => zoom(Date.parse(first.time), Date.parse(last.time)))));
  const handle = h('button', { type: 'button', 'aria-expanded': 'false', 'aria-controls': id, 'aria-label': name, class: errors ? 'bad' : signals ? 'warn' : 'info' },
    errors ? '!' : '', short(errors || events.length));
  const element = h('div', { class: `group${at > 60 ? ' right' : ''}` }, handle, box);
  element.style.left = `${at}%`;
  const open = (yes) => {
    if (!yes && box.contains(document.activeElement)) handle.focus();
    if (yes && opened !== open) opened?.(false);
    opened = yes ? open : null;
    element.classList.toggle('open', yes);
    handle.setAttribute('aria-expanded', String(yes));
  };
  // A tap puts the focus here first, which opens it: whether the tap is to close it shows before.
  let closes = false;
  handle.addEventListener('pointerdown', (event) => { closes = event.pointerType === 'touch' && opened === open; });
  handle.addEventListener('click', () => open(!closes));
  element.addEventListener('mouseenter', () => open(true));
  element.addEventListener('mouseleave', () => { if (!element.contains(document.activeElement)) open(false); });
  element.addEventListener('focusin', () => {
    open(true);
    box.scrollIntoView({ block: 'nearest' });
  });
  element.addEventListener('focusout', (event) => { if (!element.contains(event.relatedTarget)) open(false); });
  return element;
}

function scale(from, to, lanes) {
  const steps = 6;
  const ticks = Array.from({ length: steps + 1 }, (_, at) => {
    const time = from + (to - from) * at / steps;
    const tick = h('span.tick', minutes(time), at % 3 === 0 && h('small', day(time)));
    tick.style.left = `${at / steps * 100}%`;
    return tick;
  });
  return h('div.timeline', lanes, h('div.scale', { 'aria-hidden': 'true' }, ticks));
}
