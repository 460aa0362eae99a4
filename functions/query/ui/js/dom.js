// Elements from data. Children are text unless they are nodes, so nothing that an event carries becomes markup.

const SVG = 'http://www.w3.org/2000/svg';

/**
 * Makes an element: `h('a', { href: '/', class: 'quiet', onclick: go }, 'Home')`.
 * Properties that begin with `on` are listeners; `true` sets an attribute, `false`, `null` and `undefined` leave it out.
 */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value' || name === 'checked') element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  append(element, children);
  return element;
}

/** Adds children: nodes, texts, numbers, or lists of them. */
export function append(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** Replaces what is in an element. */
export function show(element, ...children) {
  element.replaceChildren();
  return append(element, children);
}

let count = 0;

/** An id that no other element has. */
export function uid(prefix = 'e') {
  count += 1;
  return `${prefix}${count}`;
}

/** A link within these pages: they are followed without a reload. Never made from what an event says. */
export function link(path, query, ...children) {
  return h('a', { href: address(path, query) }, ...children);
}

/** Path and query as an address. Parts of a path are to be encoded by who makes them. */
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

/** Says something to those who listen and do not look, and shows it for a while. */
export function say(text) {
  const line = h('p', {}, text);
  document.getElementById('says').append(line);
  setTimeout(() => line.remove(), 6000);
}
