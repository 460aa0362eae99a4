// Replays of a target: those there are, and a new one.

import { every, h, say, show, url } from '../dom.js';
import { call } from '../api.js';
import { counted, number, when } from '../format.js';
import { filterForm, filtersOf } from './filters.js';
import { busy, button, dialog, field } from './forms.js';
import { loaded } from './manage.js';
import { matching } from './matching.js';
import { badge, problem, table } from './table.js';

/** Seconds between two looks at a replay that runs. */
const LOOK = 2;

const DAY = 86_400_000;

const OF = { log: 'events of the log', held: 'what was held', failed: 'what failed' };
const KINDS = { running: 'info', done: 'good', cancelled: 'plain' };

/** The replays of a target, the latest first, with how far they are. They are looked at as long as one runs. */
export function replays(target, signal) {
  let runs = false;
  let shown = '';
  const sent = new Map();
  const list = loaded(signal, async () => {
    const { data } = await call('/v1/replays', { signal });
    const mine = data.replays.filter((one) => one.target === target).slice(0, 10);
    runs = mine.some((one) => one.state === 'running');
    const now = mine.map((one) => one.name + one.state).join();
    if (!mine.length) return h('p.quiet', 'No replays yet.');
    for (const one of mine) sent.set(one.name, show(sent.get(one.name) ?? h('div'), progress(one)));
    // Where only the numbers have changed, the rest stays: one may be about to cancel it.
    if (now === shown) return null;
    shown = now;
    return table('The latest of them', columns(cancel, sent), mine);
  });
  const cancel = (name) => (event) => busy(event.target, async () => {
    await call(url`/v1/replays/${name}/cancel`, { method: 'POST', signal });
    say('It is cancelled.');
    list.refresh();
  }, (error) => say(error.message));
  every(LOOK, signal, () => { if (runs) list.refresh(); });
  return list;
}

const progress = (one) => [`${number(one.sent)} of ${number(one.total)}`,
  h('progress', { max: Math.max(one.total, 1), value: Math.min(one.sent, one.total), 'aria-label': 'Sent' })];

function columns(cancel, sent) {
  return [
    ['Started', (one) => [when(one.created_at), ` by ${one.created_by}`]],
    ['Of', (one) => [OF[one.of] ?? one.of, one.from && [' from ', when(one.from)]]],
    ['State', (one) => badge(KINDS[one.state] ?? 'plain', one.state)],
    ['Sent', (one) => sent.get(one.name)],
    ['Actions', (one) => (one.state === 'running' ? button('Cancel', cancel(one.name), { 'aria-label': `Cancel the replay ${one.name}` }) : one.ended_at && ['ended ', when(one.ended_at)])],
  ];
}

/** Asks which events are to be sent again, says how many there are, and starts. Answers whether it did. */
export function replayDialog(target) {
  const leave = new AbortController();
  return dialog(`Replay to ${target}`, (close) => {
    let filters = new URLSearchParams({ from: new Date(Date.now() - DAY).toISOString().slice(0, 10) });
    const rate = field('Events a second, at most', h('input', { type: 'number', min: 1, max: 1000, value: 100 }));
    const result = h('div', { role: 'status' });
    const ask = (dry) => call(url`/v1/targets/${target}/replay`, {
      method: 'POST', signal: leave.signal,
      query: new URLSearchParams([...filters, ['rate', rate.input.value], ...(dry ? [['dry_run', 'true']] : [])]),
    });
    const failed = (error) => {
      const ofRate = error.body?.parameter === 'rate' && error.message;
      rate.error(ofRate);
      show(result, !ofRate && problem(error));
    };
    const count = button('Count first', (event) => busy(event.target, async () => {
      const of = filters;
      rate.error('');
      const { data } = await ask(true);
      // They have been changed meanwhile.
      if (of !== filters) return;
      show(result, matching(data));
      start.disabled = data.events === 0;
    }, failed));
    const form = filterForm({ query: filters, signal: leave.signal, open: true, changed: (next) => {
      filters = filtersOf(next);
      start.disabled = true;
      show(result);
    } });
    const start = button('Start', async () => {
      const done = await busy(start, () => ask(false), failed);
      if (!done) return;
      say(`The replay is started: ${counted(done.data.total, 'event')}.`);
      close(true);
    }, { kind: 'main', disabled: true });
    const words = 'Events that match, and that the target wants, are sent again, the oldest first, whether they were delivered before or not. Receivers know repeats by their webhook-id.';
    return h('div', h('p', words), form.element, rate.element, result,
      h('div.actions', button('Cancel', () => close()), count, start));
  }, { wide: true }).finally(() => leave.abort());
}
