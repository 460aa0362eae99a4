// Entry point: the routes, navigation, and the bar at the top.

import { announce, buildHref, escapeInvisible, h, link, render } from './dom.js';
import { isAborted } from './api.js';
import * as session from './session.js';
import { loadingState, problemState } from './components/states.js';
import * as deliveries from './pages/deliveries.js';
import * as events from './pages/events.js';
import * as historyPages from './pages/history.js';
import * as keys from './pages/keys.js';
import * as quarantine from './pages/quarantine.js';
import * as schemas from './pages/schemas.js';
import * as signIn from './pages/sign-in.js';
import * as sources from './pages/sources.js';
import * as target from './pages/target.js';
import * as targets from './pages/targets.js';
import * as timeline from './pages/timeline.js';

/** All pages: the path, the required key scope, the function that builds the page, and the label in the navigation. */
const ROUTES = [
  ['/', 'read', events.page, 'Events'],
  ['/timeline', 'read', timeline.page, 'Timeline'],
  ['/events/{id}', 'read', events.eventPage],
  ['/subjects/{name}', 'read', historyPages.subjectPage],
  ['/actors/{name}', 'read', historyPages.actorPage],
  ['/targets', 'manage', targets.page, 'Targets'],
  ['/targets/{name}', 'manage', target.page],
  ['/targets/{name}/deliveries', 'either', deliveries.page],
  ['/quarantine', 'manage', quarantine.page, 'Quarantine'],
  ['/quarantine/{source}/{id}', 'manage', quarantine.quarantinedEventPage],
  ['/sources', 'manage', sources.page, 'Sources'],
  ['/keys', 'manage', keys.page, 'API keys'],
  ['/schemas', 'read', schemas.page, 'Schemas'],
  ['/schemas/{catalog}/{type}', 'read', schemas.typePage],
  ['/signin', null, signIn.page],
].map(([path, scope, page, label]) => ({ path, scope, page, label }));

const main = document.getElementById('main');
let current = null;

/** Aborts the requests and timers of the current page. */
function leaveCurrentPage() {
  current?.leave.abort();
  current = null;
}

/** Navigates to a page. `replace` adds no history entry; otherwise the entry of this page remembers its number of rows. */
function go(path, query, { replace = false } = {}) {
  if (!replace) history.replaceState({ rows: document.querySelectorAll('.row').length }, '');
  history[replace ? 'replaceState' : 'pushState'](null, '', buildHref(path, query));
  return draw();
}

/** Changes the query of the URL without drawing the page again. */
function setQuery(query) {
  history.replaceState(null, '', buildHref(location.pathname, query));
  if (current) current.query = location.search;
}

/** Returns the route of a path, with its decoded parameters. */
function findRoute(path) {
  for (const route of ROUTES) {
    const names = [...route.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    const pattern = new RegExp(`^${route.path.replace(/\{\w+\}/g, '([^/]+)')}$`);
    const values = pattern.exec(path)?.slice(1);
    if (values) return { route, params: Object.fromEntries(names.map((name, index) => [name, decode(values[index])])) };
  }
  return null;
}

function decode(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
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
  leaveCurrentPage();
  const found = findRoute(path);
  const opened = { path, query: location.search, leave: new AbortController() };
  current = opened;
  const requiredScope = found?.route.scope;
  const route = requiredScope && !session.hasKey(requiredScope) ? ROUTES.at(-1) : found?.route;
  drawBar(found?.route);
  const showLoading = setTimeout(() => render(main, loadingState()), 150);
  const { signal } = opened.leave;
  const context = { path, params: found?.params ?? {}, query: new URLSearchParams(location.search), signal, go, setQuery, requiredScope };
  try {
    if (!route) throw Object.assign(new Error(`No page exists at ${path}.`), { status: 404, body: { title: 'Page not found' } });
    const page = await route.page(context);
    if (signal.aborted) return;
    opened.update = page.update;
    document.title = escapeInvisible(`${page.title} – Tidings`);
    showPage(page);
  } catch (error) {
    if (isAborted(error, signal)) return;
    document.title = 'Error – Tidings';
    render(main, problemState(error, () => { leaveCurrentPage(); draw(); }, 'h1'));
  } finally {
    clearTimeout(showLoading);
  }
}

/** Shows a page scrolled to its top, with the focus on it or on the element that the page names. */
function showPage({ content, focus = main }) {
  main.replaceChildren(content);
  scrollTo(0, 0);
  focus.focus({ preventScroll: true });
}

function drawBar(route) {
  const currentIn = (page) => (page === route || route?.path.startsWith(`${page.path}/`) ? 'page' : null);
  const pages = ROUTES.filter((page) => page.label && session.hasKey(page.scope));
  const links = pages.map((page) => h('li', h('a', { href: page.path, 'aria-current': currentIn(page) }, page.label)));
  render(
    document.getElementById('bar'),
    h('a', { href: '/', class: 'brand' }, h('span.logo', { 'aria-hidden': 'true' }), 'Tidings'),
    h('nav', { 'aria-label': 'Pages' }, h('ul', links)),
    h('div.end', h('a', { href: '/docs' }, 'API docs'), accountMenu()),
  );
  document.querySelector('.bar [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

/** Creates the menu with the signed-in keys and the sign-out button. */
function accountMenu() {
  if (!session.hasKey('either')) return null;
  const keys = session.keys();
  const items = ['read', 'manage'].map((scope) => h('li', keys[scope]
    ? [h('b', keys[scope].name), ` (${scope})`]
    : link('/signin', `Add a ${scope} key`, { to: location.pathname })));
  const signOutButton = h('button', { type: 'button', onclick: signOut }, 'Sign out');
  return h('details.menu', h('summary', 'Signed in'), h('ul', items, h('li', signOutButton)));
}

function signOut() {
  session.removeKeys();
  leaveCurrentPage();
  go('/signin');
  announce('Signed out.');
}

/** Returns whether the router follows a click: a plain click on a link to a page of this UI. */
function isRouted(event, anchor) {
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  const internal = anchor.origin === location.origin && !anchor.target && !anchor.hasAttribute('download');
  return plain && internal && !event.defaultPrevented && findRoute(anchor.pathname) !== null;
}

document.addEventListener('click', (event) => {
  const menu = document.querySelector('details.menu[open]');
  if (menu && (!menu.contains(event.target) || event.target.closest('a'))) menu.open = false;
  const anchor = event.target.closest('a[href]');
  if (!anchor || !isRouted(event, anchor) || anchor.hash) return;
  event.preventDefault();
  if (anchor.pathname === location.pathname && anchor.search === location.search) leaveCurrentPage();
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
window.addEventListener('signed-out', function onSignedOut() {
  const form = document.querySelector('dialog.wide');
  if (location.pathname === '/signin') return;
  announce('Your API key is no longer valid.');
  // The user's input stays visible until the dialog is closed.
  if (form) return form.addEventListener('close', onSignedOut, { once: true });
  leaveCurrentPage();
  go('/signin', { to: location.pathname + location.search, ended: 1 }, { replace: true });
});

draw();
