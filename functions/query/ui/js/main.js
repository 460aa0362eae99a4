// Start, the table of pages, navigation, and the bar above them.

import { address, h, link, say, show, visible } from './dom.js';
import { left } from './api.js';
import * as session from './session.js';
import { loading, problem } from './parts/table.js';
import * as events from './pages/events.js';
import * as thing from './pages/thing.js';
import * as timeline from './pages/timeline.js';
import * as signin from './pages/signin.js';
import * as deliveries from './pages/deliveries.js';
import * as keys from './pages/keys.js';
import * as quarantine from './pages/quarantine.js';
import * as schemas from './pages/schemas.js';
import * as sources from './pages/sources.js';
import * as target from './pages/target.js';
import * as targets from './pages/targets.js';

/** Every page: its path, the scope of the key it needs, what makes it, and its word in the bar. */
const PAGES = [
  ['/', 'read', events.page, 'Events'],
  ['/timeline', 'read', timeline.page, 'Timeline'],
  ['/events/{id}', 'read', events.one],
  ['/subjects/{name}', 'read', thing.subject],
  ['/actors/{name}', 'read', thing.actor],
  ['/targets', 'manage', targets.page, 'Targets'],
  ['/targets/{name}', 'manage', target.page],
  ['/targets/{name}/deliveries', 'either', deliveries.page],
  ['/quarantine', 'manage', quarantine.page, 'Quarantine'],
  ['/quarantine/{source}/{id}', 'manage', quarantine.one],
  ['/sources', 'manage', sources.page, 'Sources'],
  ['/keys', 'manage', keys.page, 'Keys'],
  ['/schemas', 'read', schemas.page, 'Schemas'],
  ['/schemas/{catalog}/{type}', 'read', schemas.type],
  ['/signin', null, signin.page],
].map(([path, scope, page, word]) => ({ path, scope, page, word }));

const main = document.getElementById('main');
let current = null;

/** Ends what the shown page has under way. */
function drop() {
  current?.leave.abort();
  current = null;
}

/** Goes to a page. `replace` leaves no step back to this one; otherwise that shows as many events as are shown now. */
function go(path, query, { replace = false } = {}) {
  if (!replace) history.replaceState({ rows: document.querySelectorAll('.row').length }, '');
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
  for (const dialog of document.querySelectorAll('dialog')) dialog.close();
  if (current?.update && current.path === path) {
    if (current.query === location.search) return;
    current.query = location.search;
    current.update({ query: new URLSearchParams(location.search) });
    return;
  }
  drop();
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
    if (!entry) throw Object.assign(new Error(`There is none at ${path}.`), { status: 404, body: { title: 'No such page' } });
    const made = await entry.page(route);
    if (signal.aborted) return;
    mine.update = made.update;
    document.title = visible(`${made.title} – Tidings`);
    settle(made);
  } catch (error) {
    if (left(error, signal)) return;
    document.title = 'Problem – Tidings';
    show(main, problem(error, () => { drop(); draw(); }, 'h1'));
  } finally {
    clearTimeout(wait);
  }
}

/** Shows a page from its beginning, and has the focus there, or where the page wants it. */
function settle({ content, focus = main }) {
  main.replaceChildren(content);
  scrollTo(0, 0);
  focus.focus({ preventScroll: true });
}

function bar(entry) {
  const here = (page) => (page === entry || entry?.path.startsWith(`${page.path}/`) ? 'page' : null);
  const pages = PAGES.filter((page) => page.word && session.may(page.scope));
  const links = pages.map((page) => h('li', h('a', { href: page.path, 'aria-current': here(page) }, page.word)));
  show(
    document.getElementById('bar'),
    h('a', { href: '/', class: 'brand' }, h('span.mark', { 'aria-hidden': 'true' }), 'Tidings'),
    h('nav', { 'aria-label': 'Pages' }, h('ul', links)),
    h('div.end', h('a', { href: '/docs' }, 'API'), account()),
  );
  document.querySelector('.bar [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

/** Who is signed in, and the way out. */
function account() {
  if (!session.may('either')) return null;
  const keys = session.keys();
  const scopes = ['read', 'manage'].map((scope) => h('li', keys[scope]
    ? [h('b', keys[scope].name), ` may ${scope}`]
    : link('/signin', `Add a key that may ${scope}`, { to: location.pathname })));
  const out = h('button', { type: 'button', onclick: signOut }, 'Sign out');
  return h('details.menu', h('summary', 'Signed in'), h('ul', scopes, h('li', out)));
}

function signOut() {
  session.forget();
  drop();
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
  if (anchor.pathname === location.pathname && anchor.search === location.search) drop();
  go(anchor.pathname, new URLSearchParams(anchor.search));
});

document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  const menu = document.querySelector('details.menu[open]');
  if (!menu) return;
  event.preventDefault();
  menu.open = false;
  menu.querySelector('summary').focus();
});

window.addEventListener('popstate', draw);
window.addEventListener('signed-out', function out() {
  const form = document.querySelector('dialog.wide');
  if (location.pathname === '/signin') return;
  say('The key is not valid any more.');
  // What is typed stays until its dialog is left.
  if (form) return form.addEventListener('close', out, { once: true });
  drop();
  go('/signin', { to: location.pathname + location.search, ended: 1 }, { replace: true });
});

draw();
