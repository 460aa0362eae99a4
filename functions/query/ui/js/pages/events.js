// The event log.

import { focusElement, h, render } from '../dom.js';
import { loadEvent } from '../components/event-detail.js';
import { eventList } from '../components/event-list.js';
import { eventPanel } from '../components/event-panel.js';
import { openExportDialog } from '../components/export-dialog.js';
import { filterForm, filtersOf } from '../components/filter-form.js';
import { button, field, select } from '../components/forms.js';

const ORDERS = [['desc', 'Newest first'], ['asc', 'Oldest first']];

export async function page(context) {
  return browseEvents(context, { title: 'Events', heading: h('h1', 'Events') });
}

/** The page of one event. */
export async function eventPage({ params, signal }) {
  const { event, element } = await loadEvent(params.id, signal, 2);
  return { title: `${event.label}, event ${event.id}`, content: h('div.page', h('h1', event.label), element) };
}

/**
 * Creates a page with a filtered event list and the opened event next to it. The URL contains the whole state.
 * `fixedFilters` are filters that the page sets itself; `overview` is an element above the filters.
 */
export function browseEvents({ path, query, signal, go }, { title, heading, fixedFilters = {}, overview = null }) {
  let listController = new AbortController();
  let list = null;
  let listedQuery = null;
  let restoreCount = history.state?.rows ?? 0;
  const listContainer = h('div');
  const panel = eventPanel(() => openEvent(null), signal);
  let state = query;

  const order = field('Sort by', select(ORDERS, orderOf(state)));
  order.input.addEventListener('change', () => applyFilters(filtersOf(state)));
  const form = filterForm({ query, signal, without: Object.keys(fixedFilters), onChange: applyFilters });
  const toolbar = form.element.querySelector('.toolbar');
  toolbar.insertBefore(order.element, toolbar.lastChild);
  const exportButton = button('Export…', () => openExportDialog(searchQuery()));

  function searchQuery() {
    return new URLSearchParams([...filtersOf(state), ...Object.entries(fixedFilters)]);
  }

  function applyFilters(filters, options) {
    if (order.input.value === 'asc') filters.set('order', 'asc');
    go(path, filters, options);
  }

  function drawList() {
    listController.abort();
    listController = new AbortController();
    listedQuery = searchQuery() + orderOf(state);
    list = eventList({
      filters: searchQuery(), order: orderOf(state), restoreCount, signal: AbortSignal.any([signal, listController.signal]),
      onOpen: openEvent, reload,
    });
    restoreCount = 0;
    list.mark(state.get('open'));
    render(listContainer, list.element);
    panel.open(state.get('open'));
  }

  function reload() {
    drawList();
    scrollTo(0, 0);
  }

  function openEvent(id) {
    const next = new URLSearchParams(state);
    if (id) next.set('open', id);
    else next.delete('open');
    go(path, next);
  }

  function update({ query: next }) {
    const previousId = state.get('open');
    const focused = document.activeElement;
    state = next;
    const openId = state.get('open');
    order.input.value = orderOf(state);
    if (searchQuery() + orderOf(state) !== listedQuery) {
      form.set(state);
      drawList();
    } else if (openId !== previousId) {
      panel.open(openId);
    }
    const focusWasInPanel = panel.element.contains(focused) || focused === document.body;
    if (previousId && !openId && focusWasInPanel) focusElement(list.mark(previousId) ?? listContainer);
    list.mark(openId);
  }

  drawList();
  const content = h('div.browse', h('div.page-header', heading, exportButton), overview, form.element,
    h('div.split', listContainer, panel.element));
  return { title, content, update };
}

const orderOf = (query) => (query.get('order') === 'asc' ? 'asc' : 'desc');
