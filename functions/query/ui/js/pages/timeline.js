// The timeline: events along the time axis, in a range of up to 48 hours.

import { h, poll, render } from '../dom.js';
import { isAborted, request } from '../api.js';
import { filterForm, filtersOf } from '../components/filter-form.js';
import { pickParams } from '../components/filter-values.js';
import { button, copyButton, field, onValueChange, select } from '../components/forms.js';
import { loadingState, problemState } from '../components/states.js';
import { MARK_WIDTH_PX, TIME_ZONE, closeOpenGroup, timelineChart } from '../components/timeline-chart.js';

const MINUTE_MS = 60_000;
const POLL_SECONDS = 30;

/** The time ranges: their names in the API, their minutes, and their labels. */
const SPANS = [['30m', 30, '30 minutes'], ['1h', 60, '1 hour'], ...[3, 6, 12, 24, 48].map((hours) => [`${hours}h`, hours * 60, `${hours} hours`])];
const DEFAULT_SPAN = '24h';

/** Width of the page that the chart cannot use, and the minimum number of marks. */
const CHART_MARGIN_PX = 66;
const MIN_MARKS = 4;

/** Parameters of the URL that are not filters. */
const VIEW_PARAMS = ['span', 'until', 'lanes'];

const LANE_FIELDS = [['', 'Kind'], ['environment', 'Environment'], ['project', 'Project'], ['source', 'Source']];

export async function page({ query, signal, go, path }) {
  let state = query;
  let loading = new AbortController();
  const chart = h('div');
  const span = field('Time range', select(SPANS.map(([key, , label]) => [key, label])));
  const lanes = field('Group by', select(LANE_FIELDS));
  const end = field(`Until (${TIME_ZONE})`, h('input', { type: 'datetime-local', step: '1' }));
  const withParams = (changes) => {
    const next = new URLSearchParams(state);
    for (const [name, value] of Object.entries(changes)) {
      if (value) next.set(name, value);
      else next.delete(name);
    }
    return next;
  };
  const setParams = (changes, options) => go(path, withParams(changes), options);
  span.input.addEventListener('change', () => setParams({ span: span.input.value }));
  lanes.input.addEventListener('change', () => setParams({ lanes: lanes.input.value }));
  onValueChange(end.input, (options) => setParams({ until: end.input.value && toIso(end.input.value) }, options));
  const form = filterForm({
    query: state, signal, range: false, without: ['q'],
    onChange: (next) => go(path, [...next, ...pickParams(state, VIEW_PARAMS)]),
  });

  const moveBy = (direction) => {
    const { to, length } = windowOf(state);
    const until = to + direction * length / 2;
    setParams({ until: until >= Date.now() ? '' : toIso(until) });
  };
  const zoomBy = (step) => {
    const index = SPANS.findIndex(([key]) => key === spanOf(state)) + step;
    if (!SPANS[index]) return;
    // The middle of the window stays where it is.
    const { from, to } = windowOf(state);
    const until = (from + to) / 2 + SPANS[index][1] * MINUTE_MS / 2;
    const isPast = state.get('until') && until < Date.now();
    setParams({ span: SPANS[index][0], until: isPast ? toIso(until) : state.get('until') });
  };
  const permalink = () => `${location.origin}${path}?${withParams({ span: spanOf(state), until: toIso(windowOf(state).to) })}`;
  const zoomIn = button('+', () => zoomBy(-1), { 'aria-label': 'Zoom in' });
  const zoomOut = button('−', () => zoomBy(1), { 'aria-label': 'Zoom out' });
  const controls = h('div.toolbar', span.element, end.element, lanes.element,
    h('div.buttons', { role: 'group', 'aria-label': 'Move and zoom' },
      button('←', () => moveBy(-1), { 'aria-label': 'Earlier' }), button('→', () => moveBy(1), { 'aria-label': 'Later' }),
      zoomIn, zoomOut, button('Now', () => setParams({ until: '' }))),
    copyButton(permalink, 'Copy link'));

  let data = null;
  let drawnMarks = 0;
  async function load({ quiet = false } = {}) {
    loading.abort();
    loading = new AbortController();
    const signals = AbortSignal.any([signal, loading.signal]);
    const { from, to } = windowOf(state);
    data = null;
    if (!quiet) render(chart, loadingState());
    try {
      ({ data } = await request('/v1/timeline', { query: timelineQuery(state, from, to), signal: signals }));
      draw();
    } catch (error) {
      if (!isAborted(error, signals)) render(chart, problemState(error, load));
    }
  }

  const maxMarks = () => Math.max(Math.floor((chart.clientWidth - CHART_MARGIN_PX) / MARK_WIDTH_PX), MIN_MARKS);

  function draw() {
    drawnMarks = maxMarks();
    const zoomTo = spanOf(state) !== SPANS[0][0] && ((start, stop) => setParams(windowAround(start, stop)));
    render(chart, timelineChart(data, { laneField: state.get('lanes'), marks: drawnMarks, filters: filtersOf(state), zoomTo }));
  }

  const observer = new ResizeObserver(() => { if (data && maxMarks() !== drawnMarks) draw(); });
  observer.observe(chart);
  signal.addEventListener('abort', () => observer.disconnect());
  document.addEventListener('keydown', (event) => { if (event.key === 'Escape') closeOpenGroup(); }, { signal });

  const update = ({ query: next }) => {
    state = next;
    span.input.value = spanOf(state);
    zoomIn.ariaDisabled = spanOf(state) === SPANS[0][0] || null;
    zoomOut.ariaDisabled = spanOf(state) === SPANS.at(-1)[0] || null;
    const until = toLocalInput(state.get('until'));
    if (end.input.value !== until) end.input.value = until;
    lanes.input.value = state.get('lanes') ?? '';
    form.set(state);
    load();
  };
  update({ query });
  // A window that ends now follows the clock, except while the user reads a group.
  poll(POLL_SECONDS, signal, () => {
    const reading = chart.contains(document.activeElement) || chart.querySelector('.group:hover');
    if (!state.get('until') && !reading) load({ quiet: true });
  });
  const content = h('div.page.wide', h('h1', 'Timeline'), controls, form.element, chart);
  return { title: 'Timeline', content, update };
}

const toIso = (time) => new Date(time).toISOString();

const spanOf = (state) => (SPANS.some(([key]) => key === state.get('span')) ? state.get('span') : DEFAULT_SPAN);

/** Formats a time for a `datetime-local` input, in the browser's time zone. */
function toLocalInput(time) {
  if (!time || Number.isNaN(Date.parse(time))) return '';
  const date = new Date(time);
  return new Date(date - date.getTimezoneOffset() * MINUTE_MS).toISOString().slice(0, 19);
}

function windowOf(state) {
  const length = SPANS.find(([key]) => key === spanOf(state))[1] * MINUTE_MS;
  const until = Date.parse(state.get('until') ?? '');
  const to = Number.isNaN(until) ? Date.now() : until;
  return { from: to - length, to, length };
}

/** Returns the smallest time range that is at least three times as long as a group, centred on the group. */
function windowAround(start, stop) {
  const [key, size] = SPANS.find(([, size]) => size * MINUTE_MS >= (stop - start) * 3) ?? SPANS.at(-1);
  return { span: key, until: toIso((start + stop) / 2 + size * MINUTE_MS / 2) };
}

/** Returns the query for the API, which calls the filter by type `types` here. */
function timelineQuery(state, from, to) {
  const query = filtersOf(state);
  for (const name of ['from', 'to', 'q']) query.delete(name);
  if (query.get('type')) query.set('types', query.get('type'));
  query.delete('type');
  query.set('from', toIso(from));
  query.set('to', toIso(to));
  return query;
}
