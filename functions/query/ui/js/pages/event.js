// One event as a page.

import { h } from '../dom.js';
import { readEvent } from '../parts/event.js';

export async function page({ params, signal }) {
  const { event, element } = await readEvent(params.id, signal, 2);
  const content = h('div', { class: 'page' }, h('h1', event.label), element);
  return { title: `${event.label}, event ${event.id}`, content };
}
