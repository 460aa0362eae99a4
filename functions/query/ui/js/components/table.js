// Tables, fact lists, and badges.

import { h } from '../dom.js';

/**
 * Creates a table. `columns` are `[heading, row => cell]` in display order. On narrow screens each row becomes a block
 * with its headings.
 */
export function table(caption, columns, rows) {
  const head = h('tr', columns.map(([name]) => h('th', { scope: 'col' }, name)));
  return h('table', caption && h('caption', caption), h('thead', head), h('tbody', tableRows(columns, rows)));
}

export const tableRows = (columns, rows) => rows.map((row) =>
  h('tr', columns.map(([name, cell], index) =>
    h(index ? 'td' : 'th', { scope: index ? null : 'row', 'data-name': name }, cell(row)))));

/** Creates a list of `[name, value]` pairs; pairs without a value are left out. */
export function facts(pairs) {
  return h('dl.facts', pairs.filter(([, value]) => value).map(([name, value]) => h('div', h('dt', name), h('dd', value))));
}

/** Creates a badge; `kind` is `good`, `bad`, `warn`, `info`, or `plain`. */
export const badge = (kind, label) => h(`span.badge.${kind}`, { title: label }, label);
