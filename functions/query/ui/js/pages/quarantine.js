// What was refused, why, and what to do about it.

import { h, link, say, show, url } from '../dom.js';
import { call } from '../api.js';
import { counted, number, when } from '../format.js';
import { busy, button, confirm, copy, field, input } from '../parts/forms.js';
import { eventLink } from '../parts/event.js';
import { json, parse, raw } from '../parts/json.js';
import { filterLine, outcome, paged, picked } from '../parts/manage.js';
import { badge, facts, table } from '../parts/table.js';

const NONE = 'Nothing is in the quarantine that matches. What producers send and fits no schema stands here until it is replayed or discarded.';

const GONE = 'It is gone for good: producers do not send it again.';

export async function page({ query, signal, note }) {
  const text = (words, type = 'text') => field(words, input({ type }));
  const fields = { source: text('Source'), type: text('Type'), reason: text('Reason (keyword)'), from: text('From (UTC)', 'date'), to: text('To (UTC)', 'date') };
  const state = picked(query, Object.keys(fields));
  const { result, failed } = outcome();
  const filters = filterLine('Quarantine', fields, state, () => {
    note(state);
    again();
  });
  const { places, again } = paged({ signal, columns, words: ['body', 'bodies'], none: NONE, read: async (before, both) => {
    const asked = [...state, ...(before ? [['before', before]] : [])];
    const { data } = await call('/v1/quarantine', { query: asked, signal: both });
    if (!before) all.hidden = !data.quarantined.length;
    return [data.quarantined, data.next];
  } });
  const act = (verb, words, options) => async (event) => {
    const what = [...state].map((one) => one.join(' ')).join(', ') || 'everything in the quarantine';
    if (!await confirm(`${options.yes} all that match?`, `This concerns ${what}. ${words}`, options)) return;
    await busy(event.target, () => bulk(verb, state, result, signal), failed);
    again();
  };
  const all = h('div.buttons',
    button('Replay all that match', act('replay', 'What fits its schema now goes into the log, as of when it was received. The rest stays here.', { yes: 'Replay' })),
    button('Discard all that match', act('discard', GONE, { yes: 'Discard', danger: true, type: 'discard' }), { kind: 'danger' }));
  const content = h('div.page.wide',
    h('div.head', h('h1', 'Quarantine'), all),
    filters, result, places);
  return { title: 'Quarantine', content };
}

const path = (one) => url`/quarantine/${one.source}/${one.id}`;

const columns = [
  ['Received', (one) => link(path(one), when(one.received_at))],
  ['Source', (one) => one.source],
  ['Type', (one) => (one.type ?? h('span.quiet', 'cannot be read'))],
  ['Why', (one) => why(one.violations)],
];

function why(violations) {
  const shown = violations.slice(0, 3).map(({ pointer, message }) =>
    h('li', pointer && [h('code', pointer), ' '], message));
  const more = violations.length > 3 && h('li.quiet', `and ${number(violations.length - 3)} more`);
  return h('ul.plain', shown, more);
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
    show(result, h('p.note', words, before ? ' …' : '.'));
  } while (before);
}

export async function one({ params, signal, go }) {
  const at = url`/v1/quarantine/${params.source}/${params.id}`;
  const { data } = await call(at, { signal });
  const { result, failed } = outcome();
  const replay = button('Replay', (event) => busy(event.target, async () => {
    const { data: done } = await call(`${at}/replay`, { method: 'POST', signal });
    const words = done.status === 'duplicate' ? 'It was in the log already' : 'It is in the log now';
    show(result, h('p.note', words, ': ', eventLink(done.id, `event ${done.id}`), '.'));
    replay.remove();
    discard.remove();
  }, (error) => {
    failed(error);
    if (error.violations?.length) result.append(reasons(error.violations));
  }), { kind: 'main' });
  const discard = button('Discard', async (event) => {
    if (!await confirm('Discard it?', GONE, { yes: 'Discard', danger: true })) return;
    const done = await busy(event.target, () => call(at, { method: 'DELETE', signal }), failed);
    if (!done) return;
    say('It is discarded.');
    go('/quarantine');
  }, { kind: 'danger' });
  const attributes = Object.entries(data.attributes ?? {}).filter(([, value]) => value);
  const content = h('div.page',
    h('div.head', h('h1', 'Refused ', data.type ?? 'body'), h('div.buttons', replay, discard)),
    result,
    facts([['Received', when(data.received_at)], ['Source', data.source], ['Sent as', data.form], ['Id', h('code', data.id)],
      ...attributes.map(([name, value]) => [name.replaceAll('_', ' '), typeof value === 'string' ? value : JSON.stringify(value)])]),
    h('h2', counted(data.violations.length, 'thing'), ' wrong when it came'), reasons(data.violations),
    h('h2', 'What was sent'), data.truncated && h('p.note', 'Only its beginning is shown.'), sent(data));
  return { title: `Refused ${data.type ?? 'body'}`, content };
}

function reasons(violations) {
  return table('', [
    ['Where', ({ pointer }) => h('code', pointer || 'the whole')],
    ['Rule', ({ keyword }) => badge('plain', keyword)],
    ['What', ({ message }) => message],
  ], violations);
}

function sent(data) {
  if (data.body_base64 !== undefined) return h('div', h('p.note', 'It is no text. In Base64:'), raw(data.body_base64), copy(data.body_base64));
  let value;
  try {
    value = parse(data.body);
  } catch {
    return h('div', raw(data.body), copy(data.body));
  }
  return h('div', json(value, data.violations), h('details', h('summary', 'As it was sent'), raw(data.body)), copy(data.body, 'Copy the body'));
}
