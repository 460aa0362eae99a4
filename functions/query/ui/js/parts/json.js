// JSON as text to read, with places in it marked.

import { h, show } from '../dom.js';
import { button } from './forms.js';

/** What is shown of a text at first, in characters: more would make the page slow. */
const SHOWN = 100_000;

/** What JSON says, with every number that a double cannot hold, or would write differently, as it was sent. */
export const parse = (text) => JSON.parse(text, (_, value, { source } = {}) =>
  (typeof value === 'number' && source && String(value) !== source ? JSON.rawJSON(source) : value));

/** Whether a value has others in it. */
export const isTree = (value) => value !== null && typeof value === 'object' && !JSON.isRawJSON?.(value);

export function raw(text) {
  const box = h('pre.code', { tabindex: '0' }, text.slice(0, SHOWN));
  if (text.length <= SHOWN) return box;
  const more = button(`Show all ${text.length.toLocaleString()} characters`, () => {
    show(box, text);
    more.remove();
  });
  return h('div', box, more);
}

/**
 * A value, pretty-printed. `marks` are places to point out: `[{ pointer, message }]` with JSON Pointers; a message stands
 * beside its place, or beside the nearest that there is.
 */
export function json(value, marks = []) {
  const box = h('pre.code', { tabindex: '0' });
  const byPlace = new Map();
  for (const { pointer, message } of marks) {
    const place = nearest(value, pointer);
    byPlace.set(place, [...(byPlace.get(place) ?? []), message]);
  }
  const budget = { left: SHOWN };
  write(box, value, '', '', byPlace, budget);
  if (budget.left <= 0) box.append('\n… the rest is left out here.');
  return box;
}

/** A part of a JSON Pointer as the name it stands for. */
export const unescaped = (part) => part.replaceAll('~1', '/').replaceAll('~0', '~');

/** The pointer's longest beginning that there is in the value. */
function nearest(value, pointer) {
  let at = value;
  let found = '';
  for (const part of (pointer ?? '').split('/').slice(1)) {
    const key = unescaped(part);
    if (!isTree(at) || !Object.hasOwn(at, key)) break;
    at = at[key];
    found += `/${part}`;
  }
  return found;
}

function write(box, value, pointer, indent, marks, budget) {
  const messages = marks.get(pointer);
  // What is wrong with the whole is said behind it; marking it would mark everything.
  const into = messages && pointer ? h('mark') : box;
  if (into !== box) box.append(into);
  const isList = Array.isArray(value);
  const entries = isTree(value) ? Object.entries(value) : [];
  if (entries.length === 0) {
    const text = JSON.stringify(value) ?? 'null';
    budget.left -= text.length;
    into.append(h('span', { class: kind(value) }, text.slice(0, SHOWN)));
  } else {
    into.append(isList ? '[' : '{');
    for (const [at, [key, one]] of entries.entries()) {
      if (budget.left <= 0) break;
      budget.left -= key.length + indent.length + 4;
      into.append(`${at ? ',' : ''}\n${indent}  `);
      if (!isList) into.append(h('span.key', JSON.stringify(key)), ': ');
      write(into, one, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, `${indent}  `, marks, budget);
    }
    into.append(`\n${indent}${isList ? ']' : '}'}`);
  }
  if (messages) box.append(h('strong.why', ` ← ${messages.join('; ')}`));
}

function kind(value) {
  if (typeof value === 'string') return 'text';
  return isTree(value) ? undefined : 'plain';
}
