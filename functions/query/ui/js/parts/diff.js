// What changed between two values, leaf by leaf.

import { h } from '../dom.js';
import { counted } from '../format.js';
import { isTree } from './json.js';

/** More changes than this are counted, not shown. */
const SHOWN = 500;

/** Finds changes: `{ path, before, after }`; `before` or `after` is missing where there was nothing. */
function walk(before, after, path, found) {
  if (isFull(before) && isFull(after) && Array.isArray(before) === Array.isArray(after)) {
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

const isFull = (value) => isTree(value) && Object.keys(value).length > 0;

/** The changes as a table; a sentence where there is none. */
export function diff(before, after) {
  const found = [];
  walk(before, after, '', found);
  if (found.length === 0) return h('p', { class: 'quiet' }, 'Nothing differs.');
  const cell = (tag, change, side) =>
    h('td', side in change ? h(tag, printed(change[side])) : h('span', { class: 'quiet' }, '–'));
  const rows = found.slice(0, SHOWN).map((change) =>
    h('tr', h('th', { scope: 'row' }, h('code', change.path || 'the whole')),
      cell('del', change, 'before'), cell('ins', change, 'after')));
  const more = found.length > SHOWN && h('p', { class: 'note' }, `${counted(found.length - SHOWN, 'further change')} not shown.`);
  const heads = ['Field', 'Before', 'After'].map((name) => h('th', { scope: 'col' }, name));
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Changes' },
    h('table', { class: 'diff' }, h('thead', h('tr', heads)), h('tbody', rows)), more);
}

function printed(value) {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 1);
  return text.length > 2000 ? `${text.slice(0, 2000)}…` : text;
}
