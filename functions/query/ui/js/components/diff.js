// The differences between two JSON values, leaf by leaf.

import { h } from '../dom.js';
import { pluralize } from '../format.js';
import { isTree } from './json-view.js';

/** Maximum number of changes in the table. */
const MAX_CHANGES = 500;

/** Maximum characters shown of a value, and the characters of context before its first difference. */
const MAX_VALUE_LENGTH = 2000;
const CONTEXT_LENGTH = 200;

/** Collects changes as `{ path, before, after }`. An added value has no `before`, a removed value no `after`. */
function collectChanges(before, after, path, changes) {
  if (isNonEmptyTree(before) && isNonEmptyTree(after) && Array.isArray(before) === Array.isArray(after)) {
    if (Array.isArray(before)) [before, after] = withoutCommonEnd(before, after);
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    for (const key of keys) {
      const childPath = Array.isArray(before) ? `${path}[${key}]` : path ? `${path}.${key}` : key;
      const inBefore = Object.hasOwn(before, key);
      const inAfter = Object.hasOwn(after, key);
      if (inBefore && inAfter) collectChanges(before[key], after[key], childPath, changes);
      else if (inBefore) changes.push({ path: childPath, before: before[key] });
      else changes.push({ path: childPath, after: after[key] });
    }
  } else if (JSON.stringify(before) !== JSON.stringify(after)) {
    changes.push({ path, before, after });
  }
}

/** Returns two lists without their common end, so that items inserted at the start do not mark all others as changed. */
function withoutCommonEnd(before, after) {
  const fromEnd = (list, n) => JSON.stringify(list.at(-1 - n));
  const limit = before.length === after.length ? 0 : Math.min(before.length, after.length);
  let common = 0;
  while (common < limit && fromEnd(before, common) === fromEnd(after, common)) common += 1;
  return [before, after].map((list) => list.slice(0, list.length - common));
}

const isNonEmptyTree = (value) => isTree(value) && Object.keys(value).length > 0;

export function diffTable(before, after) {
  const changes = [];
  collectChanges(before, after, '', changes);
  if (changes.length === 0) return h('p.muted', 'No differences.');
  const cell = (tag, change, side) =>
    h('td', side in change ? h(tag, excerpt(change[side], change)) : h('span.muted', '–'));
  const rows = changes.slice(0, MAX_CHANGES).map((change) =>
    h('tr', h('th', { scope: 'row' }, h('code', change.path || '(root)')),
      cell('del', change, 'before'), cell('ins', change, 'after')));
  const hidden = changes.length - MAX_CHANGES;
  const more = hidden > 0 && h('p.note', `${pluralize(hidden, 'more change')} not shown.`);
  const headings = ['Field', 'Before', 'After'].map((name) => h('th', { scope: 'col' }, name));
  return h('div.scroll', { tabindex: '0', role: 'region', 'aria-label': 'Changed fields' },
    h('table.diff', h('thead', h('tr', headings)), h('tbody', rows)), more);
}

/** Returns the JSON of one side of a change. A long text is cut around its first difference from the other side. */
function excerpt(value, { before = '', after = '' }) {
  const [text, left, right] = [value, before, after].map((side) => JSON.stringify(side, null, 1));
  let start = 0;
  if (text.length > MAX_VALUE_LENGTH) while (start < text.length && left[start] === right[start]) start += 1;
  start = Math.max(start - CONTEXT_LENGTH, 0);
  const end = start + MAX_VALUE_LENGTH;
  return (start ? '…' : '') + text.slice(start, end) + (text.length > end ? '…' : '');
}
