// Elements from data. Children are text unless they are nodes, so nothing that an event carries becomes markup.

/**
 * Makes an element: `h('a', { href: '/', onclick: go }, 'Home')`, or `h('p.quiet', 'Hello')`, with classes behind dots.
 * Properties that begin with `on` are listeners; `true` sets an attribute, `false`, `null` and `undefined` leave it out.
 */
export function h(kind, props, ...children) {
  const [tag, ...classes] = kind.split('.');
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(' ');
  if (props?.constructor !== Object) return append(element, [props, children]);
  for (const [name, value] of Object.entries(props)) {
    if (isNothing(value)) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value' || name === 'checked') element[name] = value;
    else element.setAttribute(name, value === true ? '' : visible(value));
  }
  return append(element, children);
}

const isNothing = (value) => [false, null, undefined].includes(value);

/** A text in which signs that would hide others or turn them around are written out. */
export function visible(text) {
  return String(text).replace(/[\0-\x08\v-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (sign) =>
    `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Adds children: nodes, texts, numbers, or lists of them. */
export function append(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (!isNothing(child)) element.append(child instanceof Node ? child : visible(child));
  }
  return element;
}

const REACHED = 'a, button, input, summary';

/**
 * Replaces what is in an element. Where that had the focus, what has the same name now gets it, or what is at the same
 * place, or the element itself: who uses the keyboard goes on from there.
 */
export function show(element, ...children) {
  const old = document.activeElement;
  const name = (one) => one.ariaLabel ?? one.textContent;
  const at = old === element ? -1 : [...element.querySelectorAll(REACHED)].indexOf(old);
  element.replaceChildren();
  append(element, children);
  if (at >= 0 && document.activeElement === document.body) {
    const now = [...element.querySelectorAll(REACHED)];
    focus(now.find((one) => name(one) && name(one) === name(old)) ?? now[at] ?? element);
  }
  return element;
}

/** Puts the focus on an element, which need not be one that takes it by itself. */
export function focus(element) {
  if (element.tabIndex < 0) element.tabIndex = -1;
  element.focus({ preventScroll: true });
}

let count = 0;

/** An id that no other element has. */
export function uid(prefix = 'e') {
  count += 1;
  return `${prefix}${count}`;
}

/** A link within these pages: they are followed without a reload. */
export const link = (path, words, query) => h('a', { href: address(path, query) }, words);

/** A path in which what is put in is encoded: url`/events/${id}`. */
export const url = (texts, ...values) => String.raw({ raw: texts }, ...values.map(encodeURIComponent));

/** Path and query as an address. */
export function address(path, query) {
  const text = query ? new URLSearchParams(query).toString().replaceAll('%2C', ',').replaceAll('%3A', ':') : '';
  return text ? `${path}?${text}` : path;
}

/** Calls a task every so many seconds while the page is looked at, until the signal. */
export function every(seconds, signal, task) {
  const timer = setInterval(() => {
    if (!document.hidden) task();
  }, seconds * 1000);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}

/** Where things are said. It moves into the dialog that is open: what is outside is not heard. */
export const says = document.getElementById('says');

/** Says something to those who listen and do not look, and shows it for a while. */
export function say(text) {
  const line = h('p', text);
  says.append(line);
  setTimeout(() => line.remove(), 6000);
}
