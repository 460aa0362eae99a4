// JSON as readable text, with marked values.

import { h, render } from '../dom.js';
import { button } from './forms.js';

/** Maximum characters shown at first: longer texts slow down the page. */
const MAX_SHOWN_LENGTH = 100_000;

/** Parses JSON and keeps numbers that a double cannot represent exactly, or would format differently, as they were sent. */
export const parseJson = (text) => JSON.parse(text, (_, value, { source } = {}) =>
  (typeof value === 'number' && source && String(value) !== source ? JSON.rawJSON(source) : value));

/** Returns whether a value is an object or an array. */
export const isTree = (value) => value !== null && typeof value === 'object' && !JSON.isRawJSON?.(value);

export function rawText(text) {
  const box = h('pre.code', { tabindex: '0' }, text.slice(0, MAX_SHOWN_LENGTH));
  if (text.length <= MAX_SHOWN_LENGTH) return box;
  const more = button(`Show all ${text.length.toLocaleString()} characters`, () => {
    render(box, text);
    more.remove();
  });
  return h('div', box, more);
}

/**
 * Pretty-prints a value. `violations` are marked: `[{ pointer, message }]` with JSON Pointers. Each message appears next
 * to its value, or next to the nearest existing ancestor.
 */
export function jsonView(value, violations = []) {
  const box = h('pre.code', { tabindex: '0' });
  const messages = new Map();
  for (const { pointer, message } of violations) {
    const existing = nearestPointer(value, pointer);
    messages.set(existing, [...(messages.get(existing) ?? []), message]);
  }
  const budget = { remaining: MAX_SHOWN_LENGTH };
  writeValue(box, value, '', '', messages, budget);
  if (budget.remaining <= 0) box.append('\n… (truncated)');
  return box;
}

/** Unescapes a segment of a JSON Pointer (RFC 6901). */
export const unescapeSegment = (segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~');

/** Returns the longest prefix of a pointer that exists in the value. */
function nearestPointer(value, pointer) {
  let node = value;
  let existing = '';
  for (const segment of (pointer ?? '').split('/').slice(1)) {
    const key = unescapeSegment(segment);
    if (!isTree(node) || !Object.hasOwn(node, key)) break;
    node = node[key];
    existing += `/${segment}`;
  }
  return existing;
}

function writeValue(box, value, pointer, indent, violations, budget) {
  const messages = violations.get(pointer);
  // Messages about the whole value follow it without a mark, which would cover everything.
  const parent = messages && pointer ? h('mark') : box;
  if (parent !== box) box.append(parent);
  const isList = Array.isArray(value);
  const entries = isTree(value) ? Object.entries(value) : [];
  if (entries.length === 0) {
    const text = JSON.stringify(value) ?? 'null';
    budget.remaining -= text.length;
    parent.append(h('span', { class: leafClass(value) }, text.slice(0, MAX_SHOWN_LENGTH)));
  } else {
    parent.append(isList ? '[' : '{');
    for (const [index, [key, child]] of entries.entries()) {
      if (budget.remaining <= 0) break;
      budget.remaining -= key.length + indent.length + 4;
      parent.append(`${index ? ',' : ''}\n${indent}  `);
      if (!isList) parent.append(h('span.key', JSON.stringify(key)), ': ');
      const childPointer = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      writeValue(parent, child, childPointer, `${indent}  `, violations, budget);
    }
    parent.append(`\n${indent}${isList ? ']' : '}'}`);
  }
  if (messages) box.append(h('strong.violation', ` ← ${messages.join('; ')}`));
}

function leafClass(value) {
  if (typeof value === 'string') return 'text';
  return isTree(value) ? undefined : 'plain';
}
