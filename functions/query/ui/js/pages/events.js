// The event log, the newest first.

import { focus, h, show } from '../dom.js';
import { eventList, panel } from '../parts/list.js';
import { readEvent } from '../parts/event.js';
import { exportDialog } from '../parts/export.js';
import { filterForm, filtersOf } from '../parts/filters.js';
import { button, field, select } from '../parts/forms.js';

const ORDERS = [['desc', 'Newest first'], ['asc', 'Oldest first']];

export async function page(route) {
  return browse(route, { title: 'Events', heading: h('h1', 'Events') });
}

/** One of them as a page. */
export async function one({ params, signal }) {
  const { event, element } = await readEvent(params.id, signal, 2);
  return { title: `${event.label}, event ${event.id}`, content: h('div.page', h('h1', event.label), element) };
}

/**
 * The list with its filters, and the opened event beside it; the address has it all. `fixed` are filters that the page
 * has decided.
 */
export function browse({ path, query, signal, go }, { title, heading, fixed = {}, intro = null }) {
  let listed = new AbortController();
  let list = null;
  let shown = null;
  let back = history.state?.rows ?? 0;
  const place = h('div');
  const side = panel(() => openEvent(null), signal);
  let state = query;

  const order = field('Order', select(ORDERS, orderOf(state)));
  order.input.addEventListener('change', () => change(filtersOf(state)));
  const form = filterForm({ query, signal, without: Object.keys(fixed), changed: change });
  form.element.querySelector('.line').insertBefore(order.element, form.element.querySelector('.line').lastChild);
  const save = button('Export…', () => exportDialog(searched()));

  function searched() {
    return new URLSearchParams([...filtersOf(state), ...Object.entries(fixed)]);
  }

  function change(next, options) {
    if (order.input.value === 'asc') next.set('order', 'asc');
    go(path, next, options);
  }

  function draw() {
    listed.abort();
    listed = new AbortController();
    shown = searched() + orderOf(state);
    list = eventList({ filters: searched(), order: orderOf(state), back, signal: AbortSignal.any([signal, listed.signal]), open: openEvent, again });
    back = 0;
    list.mark(state.get('open'));
    show(place, list.element);
    side.open(state.get('open'));
  }

  function again() {
    draw();
    scrollTo(0, 0);
  }

  function openEvent(id) {
    const next = new URLSearchParams(state);
    if (id) next.set('open', id);
    else next.delete('open');
    go(path, next);
  }

  function update({ query: next }) {
    const before = state.get('open');
    const here = document.activeElement;
    state = next;
    const now = state.get('open');
    order.input.value = orderOf(state);
    if (searched() + orderOf(state) !== shown) {
      form.set(state);
      draw();
    } else if (now !== before) {
      side.open(now);
    }
    if (before && !now && (side.element.contains(here) || here === document.body)) focus(list.mark(before) ?? place);
    list.mark(now);
  }

  draw();
  const content = h('div.browse', h('div.head', heading, save), intro, form.element,
    h('div.split', place, side.element));
  return { title, content, update };
}

const orderOf = (query) => (query.get('order') === 'asc' ? 'asc' : 'desc');
