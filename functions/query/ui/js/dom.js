// Creates and updates DOM elements. Children are text nodes unless they are elements, so event data never becomes markup.

/**
 * Creates an element: `h('a', { href: '/', onclick: go }, 'Home')`, or `h('p.muted', 'Hello')` with classes after dots.
 * Properties that start with `on` are event listeners. `true` sets an attribute; `false`, `null`, and `undefined` omit it.
 */
export function h(selector, props, ...children) {
  const [tag, ...classes] = selector.split('.');
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(' ');
  if (props?.constructor !== Object) return append(element, [props, children]);
  for (const [name, value] of Object.entries(props)) {
    if (isAbsent(value)) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value' || name === 'checked') element[name] = value;
    else element.setAttribute(name, value === true ? '' : escapeInvisible(value));
  }
  return append(element, children);
}

const isAbsent = (value) => [false, null, undefined].includes(value);

/** Returns the text with invisible and direction-changing characters written as escapes. */
export function escapeInvisible(text) {
  return String(text).replace(/[\0-\x08\v-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (character) =>
    `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Appends children: nodes, texts, numbers, or nested lists of them. */
export function append(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (!isAbsent(child)) element.append(child instanceof Node ? child : escapeInvisible(child));
  }
  return element;
}

const FOCUSABLE = 'a, button, input, summary';

/**
 * Replaces the children of an element. If a child had the focus, the focus moves to the new child with the same name, to
 * the one at the same position, or to the element itself, so that keyboard users keep their place.
 */
export function render(element, ...children) {
  const focused = document.activeElement;
  const nameOf = (child) => child.ariaLabel ?? child.textContent;
  const index = focused === element ? -1 : [...element.querySelectorAll(FOCUSABLE)].indexOf(focused);
  element.replaceChildren();
  append(element, children);
  if (index >= 0 && document.activeElement === document.body) {
    const candidates = [...element.querySelectorAll(FOCUSABLE)];
    const sameName = candidates.find((child) => nameOf(child) && nameOf(child) === nameOf(focused));
    focusElement(sameName ?? candidates[index] ?? element);
  }
  return element;
}

/** Focuses an element, even one that is not focusable by default. */
export function focusElement(element) {
  if (element.tabIndex < 0) element.tabIndex = -1;
  element.focus({ preventScroll: true });
}

let idCount = 0;

/** Returns an element ID that is unique in the document. */
export function uniqueId(prefix = 'e') {
  idCount += 1;
  return `${prefix}${idCount}`;
}

/** Creates a link to a page of this UI. The router follows it without a reload. */
export const link = (path, label, query) => h('a', { href: buildHref(path, query) }, label);

/** Tags a template whose values are URL-encoded: url`/events/${id}`. */
export const url = (texts, ...values) => String.raw({ raw: texts }, ...values.map(encodeURIComponent));

/** Returns the path with the query, with commas and colons left readable. */
export function buildHref(path, query) {
  const text = query ? new URLSearchParams(query).toString().replaceAll('%2C', ',').replaceAll('%3A', ':') : '';
  return text ? `${path}?${text}` : path;
}

/** Runs a task at an interval in seconds while the tab is visible, until the signal is aborted. */
export function poll(seconds, signal, task) {
  const timer = setInterval(() => {
    if (!document.hidden) task();
  }, seconds * 1000);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}

/** The live region. It moves into the open dialog, because screen readers ignore everything outside a modal dialog. */
export const liveRegion = document.getElementById('announcements');

/** Shows a message for six seconds and announces it to screen readers. */
export function announce(text) {
  const message = h('p', text);
  liveRegion.append(message);
  setTimeout(() => message.remove(), 6000);
}
