// What was refused, why, and what to do about it.

import { h, link, say, show, url } from '../dom.js';
import { call } from '../api.js';
import { counted, number, when } from '../format.js';
import { busy, button, confirm, copy, field, input } from '../parts/forms.js';
import { eventLink } from '../parts/event.js';
import { json, parse, raw } from '../parts/json.js';
import { filterLine, paged, picked } from '../parts/manage.js';
import { problem } from '../parts/states.js';
import { badge, facts, table } from '../parts/table.js';

const NONE = 'Nothing is in the quarantine that matches. What producers send and fits no schema stands here until it is replayed or discarded.';

const GONE = 'It is gone for good: producers do not send it again.';

/** The list, its filters, and what can be done with all of it. */
export async function page({ query, signal, note }) {
  const text = (words, type = 'text') => field(words, input({ type }));
  const fields = { source: text('Source'), type: text('Type'), reason: text('Reason (keyword)'), from: text('From (UTC)', 'date'), to: text('To (UTC)', 'date') };
  const state = picked(query, Object.keys(fields));
  const result = h('div', { role: 'status' });
  const failed = (error) => show(result, problem(error));
  const { places, again } = paged({ signal, columns, words: ['body', 'bodies'], none: NONE, read: async (before, both) => {
    const asked = [...state, ...(before ? [['before', before]] : [])];
    const { data } = await call('/v1/quarantine', { query: asked, signal: both });
    return [data.quarantined, data.next];
  } });
  const filters = filterLine('Quarantine', fields, state, () => {
    note(state);
    again();
  });
  const all = (verb, title, words, options) => async (event) => {
    if (!await confirm(title, words, options)) return;
    await busy(event.target, () => bulk(verb, state, result, signal), failed);
    again();
  };
  const replayAll = button('Replay all that match', all('replay', 'Replay all that match?',
    'What fits its schema now goes into the log, as of when it was received. The rest stays here.', { yes: 'Replay' }));
  const discardAll = button('Discard all that match', all('discard', 'Discard all that match?', GONE, { yes: 'Discard', danger: true, type: 'discard' }), { kind: 'danger' });
  const content = h('div', { class: 'page wide' },
    h('div', { class: 'head' }, h('h1', 'Quarantine'), h('div', { class: 'buttons' }, replayAll, discardAll)),
    filters, result, places);
  return { title: 'Quarantine', content };
}

const path = (one) => url`/quarantine/${one.source}/${one.id}`;

const columns = [
  ['Received', (one) => link(path(one), when(one.received_at))],
  ['Source', (one) => one.source],
  ['Type', (one) => (one.type ?? h('span', { class: 'quiet' }, 'cannot be read'))],
  ['Why', (one) => why(one.violations)],
];

function why(violations) {
  const shown = violations.slice(0, 3).map(({ pointer, message }) =>
    h('li', pointer && [h('code', pointer), ' '], message));
  const more = violations.length > 3 && h('li', { class: 'quiet' }, `and ${number(violations.length - 3)} more`);
  return h('ul', { class: 'plain' }, shown, more);
}

/** Replays or discards everything that matches, call after call until all is looked at. */
async function bulk(verb, filters, result, signal) {
  const sum = { stored: 0, duplicates: 0, refused: 0, discarded: 0 };
  let before = null;
  do {
    const query = before ? [...filters, ['before', before]] : filters;
    const { data } = await call(`/v1/quarantine/${verb}`, { method: 'POST', query, signal });
    for (const name of Object.keys(sum)) sum[name] += data[name] ?? 0;
    before = data.next;
    const words = verb === 'discard'
      ? `${number(sum.discarded)} discarded`
      : `${number(sum.stored)} stored, ${number(sum.duplicates)} there already, ${number(sum.refused)} still refused`;
    show(result, h('p', { class: 'note' }, words, before ? ' …' : '.'));
  } while (before);
}

/** One body, with what is wrong marked in it. */
export async function one({ params, signal, go }) {
  const at = url`/v1/quarantine/${params.source}/${params.id}`;
  const { data } = await call(at, { signal });
  const result = h('div', { role: 'status' });
  const failed = (error) => show(result, problem(error));
  const replay = button('Replay', (event) => busy(event.target, async () => {
    const { data: done } = await call(`${at}/replay`, { method: 'POST', signal });
    const words = done.status === 'duplicate' ? 'It was in the log already' : 'It is in the log now';
    show(result, h('p', { class: 'note' }, words, ': ', eventLink(done.id, `event ${done.id}`), '.'));
    replay.remove();
    discard.remove();
  }, failed), { kind: 'main' });
  const discard = button('Discard', async (event) => {
    if (!await confirm('Discard it?', GONE, { yes: 'Discard', danger: true })) return;
    const done = await busy(event.target, () => call(at, { method: 'DELETE', signal }), failed);
    if (!done) return;
    say('It is discarded.');
    go('/quarantine');
  }, { kind: 'danger' });
  const attributes = Object.entries(data.attributes ?? {}).filter(([, value]) => value);
  const content = h('div', { class: 'page' },
    h('div', { class: 'head' }, h('h1', 'Refused ', data.type ?? 'body'), h('div', { class: 'buttons' }, replay, discard)),
    result,
    facts([['Received', when(data.received_at)], ['Source', data.source], ['Sent as', data.form], ['Id', h('code', data.id)],
      ...attributes.map(([name, value]) => [name.replaceAll('_', ' '), typeof value === 'string' ? value : JSON.stringify(value)])]),
    h('h2', counted(data.violations.length, 'thing'), ' wrong'), reasons(data.violations),
    h('h2', 'What was sent'), data.truncated && h('p', { class: 'note' }, 'Only its beginning is shown.'), sent(data));
  return { title: `Refused ${data.type ?? 'body'}`, content };
}

function reasons(violations) {
  return table('', [
    ['Where', ({ pointer }) => h('code', pointer || 'the whole')],
    ['Rule', ({ keyword }) => badge('plain', keyword)],
    ['What', ({ message }) => message],
  ], violations);
}

/** The body: as JSON with what is wrong marked, or as it is. */
function sent(data) {
  if (data.body_base64 !== undefined) return h('div', h('p', { class: 'note' }, 'It is no text. In Base64:'), raw(data.body_base64), copy(data.body_base64));
  let value;
  try {
    value = parse(data.body);
  } catch {
    return h('div', raw(data.body), copy(data.body));
  }
  return h('div', json(value, data.violations), h('details', h('summary', 'As it was sent'), raw(data.body)), copy(data.body, 'Copy the body'));
}
