// What changed between two values, leaf by leaf.

import { h } from '../dom.js';
import { counted } from '../format.js';
import { isTree } from './json.js';

/** More changes than this are counted, not shown. */
const SHOWN = 500;

/** Finds changes: `{ path, before, after }`; `before` or `after` is missing where there was nothing. */
function walk(before, after, path, found) {
  if (isFull(before) && isFull(after) && Array.isArray(before) === Array.isArray(after)) {
    if (Array.isArray(before)) [before, after] = beginnings(before, after);
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    for (const key of keys) {
      const at = Array.isArray(before) ? `${path}[${key}]` : path ? `${path}.${key}` : key;
      const had = Object.hasOwn(before, key);
      const has = Object.hasOwn(after, key);
      if (had && has) walk(before[key], after[key], at, found);
      else if (had) found.push({ path: at, before: before[key] });
      else found.push({ path: at, after: after[key] });
    }
  } else if (JSON.stringify(before) !== JSON.stringify(after)) {
    found.push({ path, before, after });
  }
}

/** Two lists without the end that both have: what is put in front of items changes none of them. */
function beginnings(before, after) {
  const last = (list, n) => JSON.stringify(list.at(-1 - n));
  const least = before.length === after.length ? 0 : Math.min(before.length, after.length);
  let same = 0;
  while (same < least && last(before, same) === last(after, same)) same += 1;
  return [before, after].map((list) => list.slice(0, list.length - same));
}

const isFull = (value) => isTree(value) && Object.keys(value).length > 0;

export function diff(before, after) {
  const found = [];
  walk(before, after, '', found);
  if (found.length === 0) return h('p.quiet', 'Nothing differs.');
  const cell = (tag, change, side) =>
    h('td', side in change ? h(tag, printed(change[side], change)) : h('span.quiet', '–'));
  const rows = found.slice(0, SHOWN).map((change) =>
    h('tr', h('th', { scope: 'row' }, h('code', change.path || 'the whole')),
      cell('del', change, 'before'), cell('ins', change, 'after')));
  const more = found.length > SHOWN && h('p.note', `${counted(found.length - SHOWN, 'further change')} not shown.`);
  const heads = ['Field', 'Before', 'After'].map((name) => h('th', { scope: 'col' }, name));
  return h('div.scroll', { tabindex: '0', role: 'region', 'aria-label': 'Changes' },
    h('table.diff', h('thead', h('tr', heads)), h('tbody', rows)), more);
}

/** A side of a change. A long text is cut around the first place where it differs from the other. */
function printed(value, { before = '', after = '' }) {
  const [text, one, other] = [value, before, after].map((side) => JSON.stringify(side, null, 1));
  let from = 0;
  if (text.length > 2000) while (from < text.length && one[from] === other[from]) from += 1;
  from = Math.max(from - 200, 0);
  return (from ? '…' : '') + text.slice(from, from + 2000) + (text.length > from + 2000 ? '…' : '');
}
