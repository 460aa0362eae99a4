// What the pages that change things share.

import { append, h, say, show } from '../dom.js';
import { call, left } from '../api.js';
import { counted } from '../format.js';
import { busy, button, confirm, copy, dialog, whenChosen } from './forms.js';
import { raw } from './json.js';
import { empty, loading, problem } from './states.js';
import { lines, table } from './table.js';

/**
 * Shows what the API says is wrong at the fields it concerns: `fields` are by JSON Pointer (`/name`). What concerns none
 * of them stands in `place`. The first wrong field gets the focus.
 */
export function showViolations(error, fields, place) {
  for (const one of Object.values(fields)) one.error('');
  const wrong = [];
  const others = [];
  for (const { pointer, message } of error.violations ?? []) {
    const found = Object.entries(fields).find(([at]) => pointer === at || pointer.startsWith(`${at}/`))?.[1];
    found?.error(message);
    if (found) wrong.push(found);
    else others.push(h('li', pointer ? `${pointer}: ${message}` : message));
  }
  show(place, others.length ? h('ul', { class: 'error', role: 'alert' }, others) : !wrong.length && problem(error));
  wrong[0]?.element.closest('details')?.setAttribute('open', '');
  wrong[0]?.input.focus();
}

/** A secret that is shown this once: only who says so closes it. */
export function shownOnce(title, secret, words) {
  return dialog(title, (close) => h('div', h('p', words),
    raw(secret),
    h('div', { class: 'actions' }, copy(secret), button('I have kept it', () => close(), { kind: 'main' }))), { firm: true });
}

/** A button that removes what stands at an address, once that is confirmed, and shows the list without it. */
export const remover = (address, name, words, list) => button('Remove', async (event) => {
  if (!await confirm(`Remove ${name}?`, words, { yes: 'Remove', danger: true })) return;
  await busy(event.target, () => call(address, { method: 'DELETE' }), (error) => say(error.message));
  list.refresh();
}, { kind: 'danger', 'aria-label': `Remove ${name}` });

/** A place that is filled by a request, again whenever `refresh` is called. What is there stays where that answers nothing. */
export function loaded(signal, read) {
  const place = h('div', loading());
  const refresh = async () => {
    try {
      const made = await read();
      if (made && !signal.aborted) show(place, made);
    } catch (error) {
      if (!left(error, signal)) show(place, problem(error, refresh));
    }
  };
  refresh();
  return { place, refresh };
}

/**
 * A table that is read page by page: `read(cursor, signal)` answers `[rows, next]`, `words` are one and many of them, and
 * `none` is said where there is nothing. Answers its places, and `again` to read it anew.
 */
export function paged({ signal, columns, words, read, none }) {
  const rows = h('div');
  const foot = h('div', { class: 'foot' });
  let listing = new AbortController();
  const fill = async (cursor) => {
    const both = AbortSignal.any([signal, listing.signal]);
    show(foot, loading());
    try {
      const [found, next] = await read(cursor, both);
      if (!rows.hasChildNodes() && found.length) show(rows, table('', columns, []));
      append(rows.querySelector('tbody') ?? rows, lines(columns, found));
      const { length } = rows.querySelectorAll('tbody > tr');
      if (length) show(rows.querySelector('caption'), counted(length, ...words), next && ', and more');
      show(foot, next ? button('Show more', () => fill(next)) : length ? null : empty(none));
    } catch (error) {
      if (!left(error, both)) show(foot, problem(error, () => fill(cursor)));
    }
  };
  const again = () => {
    listing.abort();
    listing = new AbortController();
    show(rows);
    fill();
  };
  fill();
  return { places: [rows, foot], again };
}

/** A line of filters: `fields` are by the name of their parameter in `state`; `changed` is told of each change. */
export function filterLine(label, fields, state, changed) {
  for (const [name, { input }] of Object.entries(fields)) {
    input.value = state.get(name) ?? '';
    whenChosen(input, () => {
      if (input.value.trim()) state.set(name, input.value.trim());
      else state.delete(name);
      changed();
    });
  }
  return h('form', { class: 'filters', role: 'search', 'aria-label': label, onsubmit: (event) => event.preventDefault() },
    h('div', { class: 'line' }, Object.values(fields).map(({ element }) => element)));
}

/** The parameters of these names that a query has. */
export const picked = (query, names) =>
  new URLSearchParams(names.map((name) => [name, query.get(name)]).filter(([, value]) => value));
