// The chart of the timeline: lanes of marks, each of which represents a group of events.

import { h, link, uniqueId } from '../dom.js';
import { formatCompact, formatDate, formatHourMinute, formatNumber, formatTime, pluralize, renderSummary } from '../format.js';
import { button } from './forms.js';
import { badgeKind } from './event-links.js';
import { quoteValue } from './filter-values.js';
import { emptyState, partialNote } from './states.js';
import { badge } from './table.js';

/** Width of a mark. Events that are closer than this to the first event of a group belong to the group. */
export const MARK_WIDTH_PX = 30;

/** The browser's time zone. The date filters use UTC. */
export const TIME_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Maximum events listed in a group. */
const MAX_LISTED_EVENTS = 20;

/** Maximum lanes for the values of a field; all other values share one lane. */
const MAX_LANES = 8;

const TICK_STEPS = 6;

/** Position of a mark in percent beyond which its popover opens to the left. */
const POPOVER_FLIP_PERCENT = 60;

/**
 * Creates the chart. `laneField` is the field of the lanes, or empty for lanes by kind; `marks` is the number of marks
 * that fit next to each other; `zoomTo(start, stop)` is missing if the range cannot get smaller.
 */
export function timelineChart(data, { laneField, marks, filters, zoomTo }) {
  const [from, to] = [Date.parse(data.from), Date.parse(data.to)];
  const position = (time) => Math.min(Math.max((Date.parse(time) - from) / (to - from), 0), 1);
  const all = data.groups.flatMap((group) => group.events);
  const lanes = lanesOf(all, laneField).map(({ name, includes, filter }) => {
    const events = all.filter(includes);
    const query = new URLSearchParams([...filters, ...Object.entries(filter ?? {})]);
    const groups = groupEvents(events, position, 1 / marks);
    return h('section.lane', { 'aria-label': name },
      h('h2', name, h('span.muted', ` ${formatNumber(events.length)}`)),
      h('div.track', groups.map((group) => groupMark(group, { percent: position(group[0].time) * 100, query, zoomTo, exact: filter }))));
  });
  const since = data.partial && all.length ? all[0].time : data.from;
  const note = data.partial && partialNote('Too many events: only the newest are shown. Zoom in or add filters.');
  const ends = [since, data.to].map((time) => `${formatDate(time)}, ${formatHourMinute(time)}`);
  const legend = 'Marks with “!” count errors. Square marks contain signals.';
  const caption = h('p.muted', { role: 'status' }, `${pluralize(data.count, 'event')} from ${ends.join(' to ')} (${TIME_ZONE}). ${legend}`);
  const empty = data.count ? null : emptyState('No matching events in this time range.');
  return [note, caption, axis(from, to, lanes), empty];
}

/** Groups events that one mark can show: those within its width from the first event of the group. */
function groupEvents(events, position, width) {
  const groups = [];
  for (const event of events) {
    const group = groups.at(-1);
    if (group && position(event.time) - position(group[0].time) < width) group.push(event);
    else groups.push([event]);
  }
  return groups;
}

/**
 * Returns the lanes from top to bottom: `{ name, includes(event), filter }`. `filter` is the search filter with the same
 * result, if there is one.
 */
function lanesOf(events, field) {
  if (!field) {
    return [{ name: 'Signals', includes: isSignal, filter: { scope: 'signal' } },
      { name: 'Errors', includes: isError, filter: { level: 'ERROR' } },
      { name: 'Events', includes: (event) => !isSignal(event) && !isError(event) }];
  }
  const counts = new Map();
  for (const event of events) counts.set(event[field], (counts.get(event[field]) ?? 0) + 1);
  const values = [...counts.keys()].filter((value) => value !== null).sort((a, b) => counts.get(b) - counts.get(a));
  const lanes = values.slice(0, MAX_LANES).map((value) =>
    ({ name: value, includes: (event) => event[field] === value, filter: { [field]: quoteValue(value) } }));
  const others = new Set(values.slice(MAX_LANES));
  if (others.size) lanes.push({ name: pluralize(others.size, `other ${field}`), includes: (event) => others.has(event[field]) });
  if (counts.has(null) || !lanes.length) lanes.push({ name: `No ${field}`, includes: (event) => event[field] === null });
  return lanes;
}

const isSignal = (event) => event.scope === 'signal';
const isError = (event) => event.level === 'ERROR';

/** The function that opens or closes the open group; at most one group is open. */
let openGroup = null;

export const closeOpenGroup = () => openGroup?.(false);

/** Creates the mark of a group. It opens a popover with the events on hover, focus, and click. */
function groupMark(events, { percent, query, zoomTo, exact }) {
  const id = uniqueId('g');
  const [errors, signals] = [isError, isSignal].map((matches) => events.filter(matches).length);
  const label = groupLabel(events, errors, signals);
  const popover = h('div.popover', { id }, popoverContent(events, label, { query, zoomTo, exact }));
  const kind = errors ? 'bad' : signals ? 'warn' : 'info';
  const mark = h('button', { type: 'button', 'aria-expanded': 'false', 'aria-controls': id, 'aria-label': label, class: kind },
    errors ? '!' : '', formatCompact(errors || events.length));
  const element = h('div', { class: `group${percent > POPOVER_FLIP_PERCENT ? ' right' : ''}` }, mark, popover);
  element.style.left = `${percent}%`;
  const setOpen = (open) => {
    if (!open && popover.contains(document.activeElement)) mark.focus();
    if (open && openGroup !== setOpen) closeOpenGroup();
    openGroup = open ? setOpen : null;
    element.classList.toggle('open', open);
    mark.setAttribute('aria-expanded', String(open));
  };
  // A tap moves the focus to the mark first, which opens it. So the state before the tap decides whether the tap closes it.
  let tapCloses = false;
  mark.addEventListener('pointerdown', (event) => { tapCloses = event.pointerType === 'touch' && openGroup === setOpen; });
  mark.addEventListener('click', () => setOpen(!tapCloses));
  element.addEventListener('mouseenter', () => setOpen(true));
  element.addEventListener('mouseleave', () => { if (!element.contains(document.activeElement)) setOpen(false); });
  element.addEventListener('focusin', () => {
    setOpen(true);
    popover.scrollIntoView({ block: 'nearest' });
  });
  element.addEventListener('focusout', (event) => { if (!element.contains(event.relatedTarget)) setOpen(false); });
  return element;
}

function groupLabel(events, errors, signals) {
  const [first, last] = [events[0], events.at(-1)];
  const several = events.length > 1;
  return [pluralize(events.length, 'event'), !several && first.label,
    errors && pluralize(errors, 'error'), signals && pluralize(signals, 'signal'),
    several ? `${formatTime(first.time)} to ${formatTime(last.time)}` : formatTime(first.time)].filter(Boolean).join(', ');
}

function popoverContent(events, label, { query, zoomTo, exact }) {
  const [first, last] = [events[0], events.at(-1)];
  const items = events.slice(-MAX_LISTED_EVENTS).map((event) =>
    h('li', h('span.muted', formatTime(event.time)), ' ', badge(badgeKind(event), event.label), ' ',
      h('a', { href: `/events/${event.id}` }, renderSummary(event.summary))));
  const more = events.length > MAX_LISTED_EVENTS && h('p.muted', `Latest ${MAX_LISTED_EVENTS} of ${formatNumber(events.length)} events.`);
  const logLabel = exact ? 'Show these events in the log' : 'Show all events of this period in the log';
  const logLink = link('/', logLabel, [...query, ['from', first.time], ['to', last.time]]);
  const zoomButton = zoomTo && button('Zoom to these events', () => zoomTo(Date.parse(first.time), Date.parse(last.time)));
  return [h('p', h('b', label)), h('ul', items), more, events.length > 1 && h('p', logLink, ' ', zoomButton)];
}

/** Creates the time axis below the lanes. */
function axis(from, to, lanes) {
  const ticks = Array.from({ length: TICK_STEPS + 1 }, (_, index) => {
    const time = from + (to - from) * index / TICK_STEPS;
    const tick = h('span.tick', formatHourMinute(time), index % 3 === 0 && h('small', formatDate(time)));
    tick.style.left = `${index / TICK_STEPS * 100}%`;
    return tick;
  });
  return h('div.timeline', lanes, h('div.scale', { 'aria-hidden': 'true' }, ticks));
}
