// Replays of a target: those there are, and a new one.

import { every, h, say, show } from '../dom.js';
import { call } from '../api.js';
import { counted, number, when } from '../format.js';
import { filterForm, filtersOf } from './filters.js';
import { busy, button, dialog, field } from './forms.js';
import { loaded } from './manage.js';
import { matching } from './matching.js';
import { problem } from './states.js';
import { badge, table } from './table.js';

/** Seconds between two looks at a replay that runs. */
const LOOK = 2;

const DAY = 86_400_000;

const OF = { log: 'events of the log', held: 'what was held', failed: 'what failed' };
const KINDS = { running: 'info', done: 'good', cancelled: 'plain' };

/** The replays of a target, the latest first, with how far they are. They are looked at as long as one runs. */
export function replays(target, signal) {
  let runs = false;
  const list = loaded(signal, async () => {
    const { data } = await call('/v1/replays', { scope: 'manage', signal });
    const mine = data.replays.filter((one) => one.target === target).slice(0, 10);
    runs = mine.some((one) => one.state === 'running');
    if (!mine.length) return h('p', { class: 'quiet' }, 'There was none.');
    return table('The latest of them', columns(cancel), mine);
  });
  const cancel = (name) => (event) => busy(event.target, async () => {
    await call(`/v1/replays/${encodeURIComponent(name)}/cancel`, { method: 'POST', scope: 'manage', signal });
    say('It is cancelled.');
    list.refresh();
  }, (error) => say(error.message));
  every(LOOK, signal, () => { if (runs) list.refresh(); });
  return list;
}

function columns(cancel) {
  return [
    ['Started', (one) => [when(one.created_at), ` by ${one.created_by}`]],
    ['Of', (one) => [OF[one.of] ?? one.of, one.from ? [' from ', when(one.from)] : null]],
    ['State', (one) => badge(KINDS[one.state] ?? 'plain', one.state)],
    ['Sent', (one) => [`${number(one.sent)} of ${number(one.total)}`, h('progress', { max: Math.max(one.total, 1), value: Math.min(one.sent, one.total), 'aria-label': 'Sent' })]],
    ['Actions', (one) => (one.state === 'running' ? button('Cancel', cancel(one.name), { 'aria-label': 'Cancel the replay' }) : one.ended_at ? ['ended ', when(one.ended_at)] : null)],
  ];
}

/** Asks which events are to be sent again, says how many there are, and starts. Answers whether it did. */
export function replayDialog(target) {
  const leave = new AbortController();
  return dialog(`Replay to ${target}`, (close) => {
    let filters = new URLSearchParams({ from: new Date(Date.now() - DAY).toISOString().slice(0, 10) });
    const rate = field('Events a second, at most', h('input', { type: 'number', min: 1, max: 1000, value: 100 }));
    const result = h('div', { role: 'status' });
    const start = h('button', { class: 'main', disabled: true }, 'Start');
    const ask = (dry) => call(`/v1/targets/${encodeURIComponent(target)}/replay`, {
      method: 'POST', scope: 'manage', signal: leave.signal,
      query: new URLSearchParams([...filters, ['rate', rate.input.value], ...(dry ? [['dry_run', 'true']] : [])]),
    });
    const failed = (error) => show(result, problem(error));
    const count = button('Count first', (event) => busy(event.target, async () => {
      const { data } = await ask(true);
      show(result, matching(data));
      start.disabled = data.events === 0;
    }, failed));
    const form = filterForm({ query: filters, signal: leave.signal, open: true, changed: (next) => {
      filters = filtersOf(next);
      start.disabled = true;
      show(result);
    } });
    const onstart = async () => {
      const done = await busy(start, () => ask(false), failed);
      if (!done) return;
      say(`The replay is started: ${counted(done.data.total, 'event')}.`);
      close(true);
    };
    start.addEventListener('click', onstart);
    const words = 'What matches and the target wants is sent again, the oldest first, whether it was delivered before or not. Receivers know repeats by their webhook-id.';
    return h('div', {}, h('p', {}, words), form.element, rate.element, result,
      h('div', { class: 'actions' }, button('Cancel', () => close()), count, start));
  }, { wide: true }).then((value) => {
    leave.abort();
    return value;
  });
}
