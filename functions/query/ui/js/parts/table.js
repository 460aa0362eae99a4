// Tables and lists of facts.

import { h } from '../dom.js';

/**
 * A table: `columns` are `[heading, row => cell]`, in the order shown. It scrolls sideways where there is no room, and
 * on a narrow screen each row becomes a block with its headings.
 */
export function table(caption, columns, rows) {
  const head = h('tr', columns.map(([name]) => h('th', { scope: 'col' }, name)));
  return h('table', h('caption', caption), h('thead', head), h('tbody', lines(columns, rows)));
}

export const lines = (columns, rows) => rows.map((row) =>
  h('tr', columns.map(([name, cell], at) =>
    h(at ? 'td' : 'th', { scope: at ? null : 'row', 'data-name': name }, cell(row)))));

/** Facts: `[name, value]`; those without a value are left out. */
export function facts(pairs) {
  const given = pairs.filter(([, value]) => value !== null && value !== undefined && value !== '' && value !== false);
  return h('dl', { class: 'facts' }, given.map(([name, value]) => h('div', h('dt', name), h('dd', value))));
}

/** A word in a coloured box: `good`, `bad`, `warn`, `plain`. */
export const badge = (kind, words) => h('span', { class: `badge ${kind}`, title: words }, words);
