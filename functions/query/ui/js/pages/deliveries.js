// The deliveries of a target: where each stands, every attempt, and another try.

import { h, link, say, show } from '../dom.js';
import { call, left } from '../api.js';
import { counted, duration, number, visible, when } from '../format.js';
import { attempts, status } from '../parts/deliveries.js';
import { busy, button, confirm, field, select } from '../parts/forms.js';
import { filterLine, paged, picked } from '../parts/manage.js';
import { loading, problem } from '../parts/states.js';
import { table } from '../parts/table.js';
import * as session from '../session.js';

const NONE = 'There is none that matches. A delivery stands here from its first attempt on, or from when it was held.';

const STATES = [['', 'any'], ['failed', 'failed'], ['waiting', 'waiting'], ['held', 'held'], ['delivered', 'delivered']];

export async function page({ params, query, signal, note }) {
  const fields = {
    status: field('Status', select({ options: STATES })),
    from: field('Events from (UTC)', h('input', { type: 'date' })),
    to: field('to (UTC)', h('input', { type: 'date' })),
  };
  const state = picked(query, Object.keys(fields));
  const result = h('div', { role: 'status' });

  const columns = [
    ['Event', (one) => (session.may('read') ? link(`/events/${one.event}`, null, one.event) : one.event)],
    ['Status', (one) => status(one.status)],
    ['Last attempt', (one) => (one.last_attempt_at ? [when(one.last_attempt_at), `, ${duration(one.last_duration_ms)}`] : '–')],
    ['What came', (one) => [one.last_error ? visible(one.last_error) : (one.last_status ?? '–'), one.next_attempt_at ? [h('br'), 'next ', when(one.next_attempt_at)] : null]],
    ['Attempts', (one) => (one.attempts ? history(one, params.name, signal) : '0')],
    ['Actions', (one) => (session.may('manage') ? button('Retry', retry(one), { 'aria-label': `Retry event ${one.event}` }) : null)],
  ];
  const retry = (one) => (event) => busy(event.target, async () => {
    await call(`/v1/deliveries/${one.event}/${encodeURIComponent(params.name)}/retry`, { method: 'POST', scope: 'manage', signal });
    say(`Event ${one.event} is tried again.`);
    event.target.textContent = 'Retried';
  }, (error) => show(result, problem(error)));
  const retryAll = button('Retry all failed…', (event) => busy(event.target, async () => {
    const ask = (more) => call('/v1/deliveries/retry', { method: 'POST', scope: 'manage', signal, query: [...[...state].filter(([name]) => name !== 'status'), ['target', params.name], ...more] });
    const { data } = await ask([['dry_run', 'true']]);
    if (!data.failed) return say('None has failed.');
    if (!await confirm('Retry all failed?', `${counted(data.failed, 'delivery', 'deliveries')} failed: each gets all its attempts anew, the oldest first.`, { yes: 'Retry' })) return null;
    await ask([]);
    show(result, h('p', { class: 'note' }, `${number(data.failed)} are tried again: see `, link(`/targets/${encodeURIComponent(params.name)}`, null, 'the replays of the target'), '.'));
    return null;
  }, (error) => show(result, problem(error))));
  const { places, again } = paged({ signal, none: NONE, read: async (cursor, both) => {
    const asked = [...state, ['target', params.name], ...(cursor ? [['cursor', cursor]] : [])];
    const { data } = await call('/v1/deliveries', { query: asked, scope: 'either', signal: both });
    const found = data.deliveries;
    return { part: found.length ? table(counted(found.length, 'delivery', 'deliveries'), columns, found) : null, next: data.next };
  } });
  const filters = filterLine('Deliveries', fields, state, () => {
    note(state);
    again();
  });
  const name = session.may('manage') ? link(`/targets/${encodeURIComponent(params.name)}`, null, params.name) : params.name;
  const content = h('div', { class: 'page wide' },
    h('div', { class: 'head' }, h('h1', {}, 'Deliveries to ', name), session.may('manage') ? retryAll : null),
    filters, result, places);
  return { title: `Deliveries to ${params.name}`, content };
}

/** How many attempts there were; each of them once that is opened. */
function history(delivery, target, signal) {
  if (!session.may('read')) return number(delivery.attempts);
  const place = h('div', {});
  const box = h('details', {}, h('summary', {}, number(delivery.attempts)), place);
  box.addEventListener('toggle', async () => {
    if (!box.open || place.hasChildNodes()) return;
    show(place, loading());
    try {
      const { data } = await call(`/v1/events/${delivery.event}/deliveries`, { signal });
      const found = data.deliveries.find((one) => one.target === target);
      show(place, found?.attempts.length ? attempts(found.attempts) : 'They are not on record any more.');
    } catch (error) {
      if (!left(error, signal)) show(place, problem(error));
    }
  });
  return box;
}
