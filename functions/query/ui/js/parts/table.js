// Tables and lists of facts, and what stands where there is nothing to show yet, or ever.

import { h } from '../dom.js';
import { button } from './forms.js';

/**
 * A table: `columns` are `[heading, row => cell]`, in the order shown. It scrolls sideways where there is no room, and
 * on a narrow screen each row becomes a block with its headings.
 */
export function table(caption, columns, rows) {
  const head = h('tr', columns.map(([name]) => h('th', { scope: 'col' }, name)));
  return h('table', caption && h('caption', caption), h('thead', head), h('tbody', lines(columns, rows)));
}

export const lines = (columns, rows) => rows.map((row) =>
  h('tr', columns.map(([name, cell], at) =>
    h(at ? 'td' : 'th', { scope: at ? null : 'row', 'data-name': name }, cell(row)))));

/** Facts: `[name, value]`; those without a value are left out. */
export function facts(pairs) {
  return h('dl.facts', pairs.filter(([, value]) => value).map(([name, value]) => h('div', h('dt', name), h('dd', value))));
}

/** A word in a coloured box: `good`, `bad`, `warn`, `plain`. */
export const badge = (kind, words) => h(`span.badge.${kind}`, { title: words }, words);

/** Something is on its way. Requests end after 35 s, so this does too. */
export const loading = () => h('p.state', { role: 'status' }, 'Loading…');

/** There is nothing, and what one can do about it. */
export const empty = (...words) => h('div.state', words);

/** What went wrong; `again` tries once more. `heading` is the level of its title. */
export function problem(error, again, heading = 'h2') {
  const title = h(heading, error.body?.title ?? 'Something went wrong');
  const id = error.requestId && h('p.quiet', 'Request ', h('code', error.requestId));
  // What is not there will not come by asking again.
  if (error.status === 404) return empty(title, h('p', error.message));
  return h('div.state.problem', { role: 'alert' }, title, h('p', error.message), id, again && button('Try again', again));
}

/** An answer is not the whole. */
export const partial = (...words) => h('p.note', { role: 'status' }, words);
