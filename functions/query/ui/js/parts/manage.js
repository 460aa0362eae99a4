// What the pages that change things share.

import { append, h, show } from '../dom.js';
import { left } from '../api.js';
import { button, copy, dialog } from './forms.js';
import { empty, loading, problem } from './states.js';

/**
 * Shows what the API says is wrong at the fields it concerns: `fields` are by JSON Pointer (`/name`). What concerns none
 * of them stands in `place`. The first wrong field gets the focus.
 */
export function showViolations(error, fields, place) {
  for (const one of Object.values(fields)) one.error('');
  const others = [];
  let first = null;
  for (const { pointer, message } of error.violations ?? []) {
    const found = Object.entries(fields).find(([at]) => pointer === at || pointer.startsWith(`${at}/`))?.[1];
    if (found) {
      found.error(message);
      first ??= found;
    } else {
      others.push(pointer ? `${pointer}: ${message}` : message);
    }
  }
  if (others.length) show(place, h('ul', { class: 'error', role: 'alert' }, others.map((text) => h('li', {}, text))));
  else show(place, first ? null : problem(error));
  if (first) {
    first.element.closest('details')?.setAttribute('open', '');
    first.input.focus();
  }
}

/** A secret that is shown this once. */
export function shownOnce(title, secret, words) {
  return dialog(title, (close) => h('div', {}, h('p', {}, words),
    h('pre', { class: 'code', tabindex: '0' }, secret),
    h('div', { class: 'actions' }, copy(secret), h('button', { type: 'button', class: 'main', onclick: () => close() }, 'I have kept it'))));
}

/** A place that is filled by a request, again whenever `refresh` is called. */
export function loaded(signal, read) {
  const place = h('div', {}, loading());
  const refresh = async () => {
    try {
      const made = await read();
      if (!signal.aborted) show(place, made);
    } catch (error) {
      if (!left(error, signal)) show(place, problem(error, refresh));
    }
  };
  refresh();
  return { place, refresh };
}

/**
 * A list that is read page by page: `read(cursor, signal)` answers `{ part, next }`, and `none` is said where there is
 * nothing. Answers its places, and `again` to read it anew.
 */
export function paged({ signal, read, none }) {
  const rows = h('div', {});
  const foot = h('div', { class: 'foot' });
  let listing = new AbortController();
  const fill = async (cursor) => {
    const both = AbortSignal.any([signal, listing.signal]);
    show(foot, loading());
    try {
      const { part, next } = await read(cursor, both);
      append(rows, part);
      if (next) show(foot, button('Show more', () => fill(next)));
      else show(foot, rows.hasChildNodes() ? null : empty(none));
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
    input.addEventListener('change', () => {
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
