// The deliveries of a target: where each stands, every attempt, and another try.

import { every, h, link, say, show, url } from '../dom.js';
import { call } from '../api.js';
import { clock, counted, day, duration, number, when } from '../format.js';
import { attempts, status } from '../parts/deliveries.js';
import { eventLink } from '../parts/event.js';
import { busy, button, confirm, field, select } from '../parts/forms.js';
import { filterLine, loaded, outcome, paged, picked } from '../parts/manage.js';
import * as session from '../session.js';

/** Seconds between two looks at what is tried again, and milliseconds for which that is looked at. */
const LOOK = 5;
const WATCHED = 120_000;

const NONE = 'There is none that matches. A delivery stands here from its first attempt on, or from when it was held.';

const STATES = [['', 'any'], ...['failed', 'waiting', 'held', 'delivered'].map((word) => [word, word])];

export async function page({ params, query, signal, note }) {
  const fields = {
    status: field('Status', select(STATES)),
    from: field('Events from (UTC)', h('input', { type: 'date' })),
    to: field('to (UTC)', h('input', { type: 'date' })),
  };
  const state = picked(query, Object.keys(fields));
  const filters = filterLine('Deliveries', fields, state, () => {
    note(state);
    again();
  });
  const { result, failed } = outcome();
  let retried = 0;

  const columns = [
    ['Event', (one) => eventLink(one.event)],
    ['Status', (one) => status(one.status)],
    ['Last attempt', (one) => (one.last_attempt_at ? [when(one.last_attempt_at, [day(one.last_attempt_at), h('br'), clock(one.last_attempt_at)]), ' ', h('span.quiet', duration(one.last_duration_ms))] : '–')],
    ['Answer', (one) => [one.last_error ?? one.last_status ?? '–', one.next_attempt_at && [h('br'), 'next ', when(one.next_attempt_at)]]],
    ['Attempts', (one) => (one.attempts ? history(one, params.name, signal) : '0')],
  ];
  // What is held is delivered when its target is resumed.
  if (session.may('manage')) columns.push(['Actions', (one) => one.status !== 'held' && button('Retry', retry(one), { 'aria-label': `Retry event ${one.event}` })]);
  const retry = (one) => (event) => busy(event.target, async () => {
    await call(url`/v1/deliveries/${one.event}/${params.name}/retry`, { method: 'POST', signal });
    say(`Event ${one.event} is tried again.`);
    watch();
  }, failed);
  const watch = () => {
    retried = Date.now();
    again(true);
  };
  // Not while somebody reads its attempts.
  every(LOOK, signal, () => { if (Date.now() < retried + WATCHED && !places[0].querySelector('[open]')) again(true); });
  const retryAll = button('Retry all failed…', (event) => busy(event.target, async () => {
    const ask = (more) => call('/v1/deliveries/retry', { method: 'POST', signal, query: [...[...state].filter(([name]) => name !== 'status'), ['target', params.name], ...more] });
    const { data } = await ask([['dry_run', 'true']]);
    if (!data.failed) return say('None has failed.');
    if (!await confirm('Retry all failed?', `${counted(data.failed, 'delivery', 'deliveries')} failed: each gets all its attempts anew, the oldest first.`, { yes: 'Retry' })) return null;
    await ask([]);
    show(result, h('p.note', `${number(data.failed)} are tried again: see `, link(url`/targets/${params.name}`, 'the replays of the target'), '.'));
    return watch();
  }, failed));
  const { places, again } = paged({ signal, columns, words: ['delivery', 'deliveries'], none: NONE, read: async (cursor, both, limit) => {
    const asked = [...state, ['target', params.name], ...(cursor ? [['cursor', cursor]] : [['limit', limit ?? 50]])];
    const { data } = await call('/v1/deliveries', { query: asked, scope: 'either', signal: both });
    return [data.deliveries, data.next];
  } });
  const name = session.may('manage') ? link(url`/targets/${params.name}`, params.name) : params.name;
  const content = h('div.page.wide',
    h('div.head', h('h1', 'Deliveries to ', name), session.may('manage') && retryAll),
    filters, result, places);
  return { title: `Deliveries to ${params.name}`, content };
}

/** How many attempts there were; each of them once that is opened. */
function history(delivery, target, signal) {
  if (!session.may('read')) return number(delivery.attempts);
  const read = async () => {
    const { data } = await call(`/v1/events/${delivery.event}/deliveries`, { signal });
    const found = data.deliveries.find((one) => one.target === target);
    return found?.attempts.length ? attempts(found.attempts) : 'They are not on record any more.';
  };
  const box = h('details', h('summary', number(delivery.attempts)));
  box.addEventListener('toggle', () => box.append(loaded(signal, read).place), { once: true });
  return box;
}
