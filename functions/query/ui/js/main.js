// Start, the table of pages, navigation, and the bar above them.

import { address, h, say, show } from './dom.js';
import { left } from './api.js';
import * as session from './session.js';
import { loading, problem } from './parts/states.js';
import * as events from './pages/events.js';
import * as event from './pages/event.js';
import * as thing from './pages/thing.js';
import * as timeline from './pages/timeline.js';
import * as signin from './pages/signin.js';
import { managing } from './pages/managing.js';

/** Every page: its path, the scope of the key it needs, its module, and its word in the bar. */
const PAGES = [
  { path: '/', scope: 'read', page: events.page, word: 'Events' },
  { path: '/timeline', scope: 'read', page: timeline.page, word: 'Timeline' },
  { path: '/events/{id}', scope: 'read', page: event.page },
  { path: '/subjects/{name}', scope: 'read', page: thing.subject },
  { path: '/actors/{name}', scope: 'read', page: thing.actor },
  ...managing,
  { path: '/signin', page: signin.page },
];

const main = document.getElementById('main');
let current = null;

/** Goes to a page. `replace` leaves no step back to this one. */
function go(path, query, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState'](null, '', address(path, query));
  return draw();
}

/** Changes the query of the address, and nothing else. */
function note(query) {
  history.replaceState(null, '', address(location.pathname, query));
  if (current) current.query = location.search;
}

/** The page for an address: its entry and the parts of its path, decoded. */
function find(path) {
  for (const entry of PAGES) {
    const names = [...entry.path.matchAll(/\{(\w+)\}/g)].map((found) => found[1]);
    const pattern = new RegExp(`^${entry.path.replace(/\{\w+\}/g, '([^/]+)')}$`);
    const parts = pattern.exec(path)?.slice(1);
    if (parts) return { entry, params: Object.fromEntries(names.map((name, at) => [name, decoded(parts[at])])) };
  }
  return null;
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

async function draw() {
  const path = location.pathname;
  if (current?.update && current.path === path) {
    if (current.query === location.search) return;
    current.query = location.search;
    current.update({ query: new URLSearchParams(location.search) });
    return;
  }
  current?.leave.abort();
  const found = find(path);
  const mine = { path, query: location.search, leave: new AbortController() };
  current = mine;
  const needs = found?.entry.scope;
  const entry = needs && !session.may(needs) ? PAGES.at(-1) : found?.entry;
  bar(found?.entry);
  const wait = setTimeout(() => show(main, loading()), 150);
  const { signal } = mine.leave;
  const route = { path, params: found?.params ?? {}, query: new URLSearchParams(location.search), signal, go, note, needs };
  try {
    if (!entry) throw new Error(`There is no page at ${path}.`);
    const made = await entry.page(route);
    if (signal.aborted) return;
    mine.update = made.update;
    document.title = `${made.title} – Tidings`;
    show(main, made.content);
    settle(made);
  } catch (error) {
    if (left(error, signal)) return;
    document.title = 'Problem – Tidings';
    show(main, problem(error, () => { current = null; draw(); }));
  } finally {
    clearTimeout(wait);
  }
}

/** Where reading starts after a page has come: its heading, unless it has put the focus somewhere itself. */
function settle(made) {
  if (main.contains(document.activeElement)) return;
  scrollTo(0, 0);
  if (made.focus) made.focus.focus();
  else main.focus({ preventScroll: true });
}

function bar(entry) {
  const here = (page) => (page.word && (page === entry || page.path === entry?.under) ? 'page' : undefined);
  const pages = PAGES.filter((page) => page.word && (page.scope ? session.may(page.scope) : true));
  const links = pages.map((page) => h('li', {}, h('a', { href: page.path, 'aria-current': here(page) }, page.word)));
  show(
    document.getElementById('bar'),
    h('a', { href: '/', class: 'brand' }, h('span', { class: 'mark', 'aria-hidden': 'true' }), 'Tidings'),
    h('nav', { 'aria-label': 'Pages' }, h('ul', {}, links)),
    h('div', { class: 'end' }, h('a', { href: '/docs' }, 'API'), account()),
  );
}

/** Who is signed in, and the way out. */
function account() {
  const keys = session.keys();
  const scopes = ['read', 'manage'];
  if (!scopes.some((scope) => keys[scope])) return null;
  const names = scopes.filter((scope) => keys[scope]).map((scope) =>
    h('li', {}, h('b', {}, keys[scope].name), ` may ${scope}`));
  const missing = scopes.filter((scope) => !keys[scope]).map((scope) =>
    h('li', {}, h('a', { href: address('/signin', { to: location.pathname }) }, `Add a key that may ${scope}`)));
  const out = h('button', { type: 'button', onclick: signOut }, 'Sign out');
  return h('details', { class: 'menu' }, h('summary', {}, 'Signed in'), h('ul', {}, names, missing, h('li', {}, out)));
}

function signOut() {
  session.forget();
  current = null;
  go('/signin');
  say('You are signed out.');
}

/** Whether a click on a link is ours to follow: within these pages, and as one that means "here". */
function ours(event, anchor) {
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  const within = anchor.origin === location.origin && !anchor.target && !anchor.hasAttribute('download');
  return plain && within && !event.defaultPrevented && find(anchor.pathname) !== null;
}

document.addEventListener('click', (event) => {
  const menu = document.querySelector('details.menu[open]');
  if (menu && (!menu.contains(event.target) || event.target.closest('a'))) menu.open = false;
  const anchor = event.target.closest('a[href]');
  if (!anchor || !ours(event, anchor) || anchor.hash) return;
  event.preventDefault();
  if (anchor.pathname === location.pathname && anchor.search === location.search) current = null;
  go(anchor.pathname, new URLSearchParams(anchor.search));
});

document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  const menu = document.querySelector('details.menu[open]');
  if (!menu) return;
  menu.open = false;
  menu.querySelector('summary').focus();
});

window.addEventListener('popstate', draw);
window.addEventListener('signed-out', () => {
  say('The key is not valid any more.');
  current = null;
  go('/signin', { to: location.pathname + location.search }, { replace: true });
});

draw();
