// The replays of a target, and the dialog that starts one.

import { announce, h, poll, render, url } from '../dom.js';
import { request } from '../api.js';
import { loadDefaults } from '../defaults.js';
import { formatNumber, pluralize, timeElement } from '../format.js';
import { asyncView } from './async-view.js';
import { openDialog } from './dialogs.js';
import { filterForm, filtersOf } from './filter-form.js';
import { button, field, runBusy } from './forms.js';
import { matchPreview } from './match-preview.js';
import { problemState } from './states.js';
import { badge, table } from './table.js';

/** Interval of updates while a replay is running. */
const POLL_SECONDS = 2;

const MAX_REPLAYS = 10;
const DAY_MS = 86_400_000;

const CONTENTS = { log: 'Events from the log', held: 'Held events', failed: 'Failed deliveries' };
const STATES = { running: ['info', 'Running'], done: ['good', 'Done'], cancelled: ['plain', 'Cancelled'] };

/** Creates the table of the latest replays with their progress. It updates itself while a replay is running. */
export function replayTable(target, signal) {
  let running = false;
  let shown = '';
  const progressByName = new Map();
  const list = asyncView(signal, async () => {
    const { data } = await request('/v1/replays', { signal });
    const replays = data.replays.filter((replay) => replay.target === target).slice(0, MAX_REPLAYS);
    running = replays.some((replay) => replay.state === 'running');
    const current = replays.map((replay) => replay.name + replay.state).join();
    if (!replays.length) return h('p.muted', 'No replays yet.');
    for (const replay of replays) {
      progressByName.set(replay.name, render(progressByName.get(replay.name) ?? h('div'), progress(replay)));
    }
    // If only the progress has changed, keep the table: the user may be about to press its cancel button.
    if (current === shown) return null;
    shown = current;
    return table('Latest replays', replayColumns(cancel, progressByName), replays);
  });
  const cancel = (name) => (event) => runBusy(event.target, async () => {
    await request(url`/v1/replays/${name}/cancel`, { method: 'POST', signal });
    announce('Replay cancelled.');
    list.refresh();
  }, (error) => announce(error.message));
  poll(POLL_SECONDS, signal, () => { if (running) list.refresh(); });
  return list;
}

const progress = (replay) => [`${formatNumber(replay.sent)} of ${formatNumber(replay.total)}`,
  h('progress', { max: Math.max(replay.total, 1), value: Math.min(replay.sent, replay.total), 'aria-label': 'Sent' })];

function replayColumns(cancel, progressByName) {
  const cancelButton = (replay) => button('Cancel', cancel(replay.name), { 'aria-label': `Cancel replay ${replay.name}` });
  return [
    ['Started', (replay) => [timeElement(replay.created_at), ` by ${replay.created_by}`]],
    ['Events', (replay) => [CONTENTS[replay.of] ?? replay.of, replay.from && [' since ', timeElement(replay.from)]]],
    ['State', (replay) => badge(...(STATES[replay.state] ?? ['plain', replay.state]))],
    ['Sent', (replay) => progressByName.get(replay.name)],
    ['Actions', (replay) => (replay.state === 'running' ? cancelButton(replay) : replay.ended_at && ['Ended ', timeElement(replay.ended_at)])],
  ];
}

/** Opens the dialog that selects events, counts them, and starts a replay. Resolves to whether a replay was started. */
export async function openReplayDialog(target) {
  const { replay, limits } = await loadDefaults();
  const abort = new AbortController();
  return openDialog(`Replay to ${target}`, (close) => {
    let filters = new URLSearchParams({ from: new Date(Date.now() - DAY_MS).toISOString().slice(0, 10) });
    const rate = field('Maximum events per second', h('input', { type: 'number', min: 1, max: limits.replay_rate, value: replay.rate }));
    const result = h('div', { role: 'status' });
    const requestReplay = (dryRun) => request(url`/v1/targets/${target}/replay`, {
      method: 'POST', signal: abort.signal,
      query: new URLSearchParams([...filters, ['rate', rate.input.value], ...(dryRun ? [['dry_run', 'true']] : [])]),
    });
    const showError = (error) => {
      const rateError = error.body?.parameter === 'rate' && error.message;
      rate.error(rateError);
      render(result, !rateError && problemState(error));
    };
    const count = button('Count events', (event) => runBusy(event.target, async () => {
      const countedFilters = filters;
      rate.error('');
      const { data } = await requestReplay(true);
      // The user changed the filters during the request.
      if (countedFilters !== filters) return;
      render(result, matchPreview(data));
      start.disabled = data.events === 0;
    }, showError));
    const form = filterForm({ query: filters, signal: abort.signal, open: true, onChange: (next) => {
      filters = filtersOf(next);
      start.disabled = true;
      render(result);
    } });
    const start = button('Start replay', async () => {
      const started = await runBusy(start, () => requestReplay(false), showError);
      if (!started) return;
      announce(`Replay started: ${pluralize(started.data.total, 'event')}.`);
      close(true);
    }, { kind: 'primary', disabled: true });
    const help = 'Sends the events that match these filters and the filters of the target again, oldest first, including '
      + 'events that were already delivered. Receivers can detect duplicates by the webhook-id header.';
    return h('div', h('p', help), form.element, rate.element, result,
      h('div.actions', button('Cancel', () => close()), count, start));
  }, { wide: true }).finally(() => abort.abort());
}
