// What the pages that change things share.

import { append, focus, h, say, show } from '../dom.js';
import { call, left } from '../api.js';
import { counted } from '../format.js';
import { asking, busy, button, confirm, copy, dialog, whenChosen } from './forms.js';
import { raw } from './json.js';
import { empty, lines, loading, problem, table } from './table.js';

/**
 * Shows what the API says is wrong at the fields it concerns, by their names in the body. What concerns none of them
 * stands in `place`. The first wrong field gets the focus.
 */
export function showViolations(error, fields, place) {
  for (const one of Object.values(fields)) one.error('');
  const wrong = [];
  const others = [];
  const taken = error.status === 409 ? [{ pointer: '/name', message: 'This name is taken: choose another.' }] : [];
  for (const { pointer, message } of [...taken, ...(error.violations ?? [])]) {
    const found = fields[pointer.split('/')[1]];
    found?.error(message);
    if (found) wrong.push(found);
    else others.push(h('li', pointer ? `${pointer}: ${message}` : message));
  }
  show(place, others.length ? h('ul.error', { role: 'alert' }, others) : !wrong.length && problem(error));
  wrong[0]?.element.closest('details')?.setAttribute('open', '');
  wrong[0]?.input.focus();
}

/** Asks for something new with `fields`, and posts `body()`. Answers what the API made of it. */
export const creating = (title, yes, path, fields, body) => dialog(title, (close) => {
  const wrong = h('div');
  return asking(close, [Object.values(fields).map(({ element }) => element), wrong], yes, async (submit) => {
    const made = await busy(submit, () => call(path, { method: 'POST', body: body() }), (error) => showViolations(error, fields, wrong));
    if (made) close(made.data);
  });
});

/** A place for what comes of an action, and what shows there that it failed. */
export function outcome() {
  const result = h('div', { role: 'status' });
  return { result, failed: (error) => show(result, problem(error)) };
}

/** A secret that is shown this once: only who says so closes it. */
export function shownOnce(title, secret, words) {
  return dialog(title, (close) => h('div', h('p', words),
    raw(secret),
    h('div.actions', copy(secret), button('I have kept it', () => close(), { kind: 'main' }))), { firm: true });
}

/** A button that removes what stands at an address, once that is confirmed. */
export const remover = (address, name, words, list) => button('Remove', async (event) => {
  if (!await confirm(`Remove ${name}?`, words, { yes: 'Remove', danger: true })) return;
  const done = await busy(event.target, () => call(address, { method: 'DELETE' }), (error) => say(error.message));
  // Not at the next one's button.
  if (done) focus(document.querySelector('h1'));
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
 * A table that is read page by page: `read(cursor, signal, limit)` answers `[rows, next]`, `words` are one and many of them, and
 * `none` is said where there is nothing. Answers its places, and `again(keep)` to read it anew: `keep` leaves what is there
 * until then.
 */
export function paged({ signal, columns, words, read, none }) {
  const rows = h('div');
  const foot = h('div.foot');
  let listing = new AbortController();
  const shown = () => rows.querySelectorAll('tbody > tr').length;
  const fill = async (cursor, limit) => {
    const both = AbortSignal.any([signal, listing.signal]);
    if (cursor || !rows.hasChildNodes()) show(foot, loading());
    try {
      const [found, next] = await read(cursor, both, limit);
      if (cursor) append(rows.querySelector('tbody'), lines(columns, found));
      else show(rows, found.length > 0 && table(words[1], columns, found));
      const length = shown();
      if (length) show(rows.querySelector('caption'), counted(length, ...words), next && ', and more');
      show(foot, next ? button('Show more', () => fill(next)) : length ? null : empty(none));
    } catch (error) {
      if (!left(error, both)) show(foot, problem(error, () => fill(cursor)));
    }
  };
  const again = (keep) => {
    if (!keep) show(rows);
    listing.abort();
    listing = new AbortController();
    fill(null, Math.min(Math.max(shown(), 50), 1000));
  };
  fill();
  return { places: [rows, foot], again };
}

/** A line of filters: `fields` are by the name of their parameter in `state`; `changed` is told of each change. */
export function filterLine(label, fields, state, changed) {
  for (const [name, { input }] of Object.entries(fields)) {
    input.value = state.get(name) ?? '';
    // What cannot be chosen could not be taken away either.
    if (input.value !== state.get(name)) state.delete(name);
    whenChosen(input, () => {
      if (input.value.trim()) state.set(name, input.value.trim());
      else state.delete(name);
      changed();
    });
  }
  return h('form.filters', { role: 'search', 'aria-label': label, onsubmit: (event) => event.preventDefault() },
    h('div.line', Object.values(fields).map(({ element }) => element)));
}

/** The parameters of these names that a query has. */
export const picked = (query, names) =>
  new URLSearchParams(names.map((name) => [name, query.get(name)]).filter(([, value]) => value));
