// The event log, the newest first.

import { h, show } from '../dom.js';
import { eventList, panel } from '../parts/list.js';
import { exportDialog } from '../parts/export.js';
import { filterForm, filtersOf } from '../parts/filters.js';
import { button, field, select } from '../parts/forms.js';

const ORDERS = [['desc', 'Newest first'], ['asc', 'Oldest first']];

export async function page(route) {
  return browse(route, { title: 'Events', heading: h('h1', {}, 'Events') });
}

/**
 * The list with its filters, and the opened event beside it; the address has it all. `fixed` are filters that the page
 * has decided.
 */
export function browse({ path, query, signal, go, note }, { title, heading, fixed = {}, intro = null }) {
  let listed = new AbortController();
  let list = null;
  let shown = null;
  const place = h('div', {});
  const side = panel(() => openEvent(null));
  let state = new URLSearchParams(query);

  const order = field('Order', select({ options: ORDERS, value: state.get('order') ?? 'desc' }));
  order.input.addEventListener('change', () => change(filtersOf(state), order.input.value));
  const form = filterForm({ query, signal, without: Object.keys(fixed), changed: (next) => change(next, order.input.value) });
  form.element.querySelector('.line').insertBefore(order.element, form.element.querySelector('.line').lastChild);
  const save = button('Export…', () => exportDialog(searched(state)));

  function searched(from) {
    return new URLSearchParams([...filtersOf(from), ...Object.entries(fixed)]);
  }

  function change(filters, direction) {
    const next = new URLSearchParams(filters);
    if (direction === 'asc') next.set('order', 'asc');
    state = next;
    note(next);
    draw();
  }

  function draw() {
    listed.abort();
    listed = new AbortController();
    shown = searched(state).toString() + order.input.value;
    list = eventList({ filters: searched(state), order: order.input.value, signal: AbortSignal.any([signal, listed.signal]), open: openEvent, again });
    show(place, list.element);
    side.open(state.get('open'), signal);
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
    state = next;
    order.input.value = state.get('order') ?? 'desc';
    if (searched(state).toString() + order.input.value !== shown) {
      form.set(state);
      draw();
    } else if (state.get('open') !== before) {
      side.open(state.get('open'), signal);
    }
    const found = list.mark(state.get('open'));
    if (!state.get('open')) (list.mark(before) ?? found)?.focus({ preventScroll: true });
    list.mark(state.get('open'));
  }

  draw();
  const content = h('div', { class: 'browse' }, h('div', { class: 'head' }, heading, save), intro, form.element,
    h('div', { class: 'split' }, place, side.element));
  return { title, content, update };
}
