// The panel next to the event list that shows one event.

import { h, render, url } from '../dom.js';
import { isAborted } from '../api.js';
import { loadEvent } from './event-detail.js';
import { button } from './forms.js';
import { loadingState, problemState } from './states.js';

/** Below this width the panel covers the page. Keep it in sync with `css/events.css`. */
const COVERS_PAGE = matchMedia('(max-width: 64rem)');

/** Creates the panel: `{ element, open(id) }`, where a missing ID hides it. `onClose` is called when the user closes it. */
export function eventPanel(onClose, signal) {
  const body = h('div');
  const pageLink = h('a', { href: '/' }, 'Open full page');
  const element = h('aside.panel', { 'aria-label': 'Event', hidden: true, tabindex: '-1' },
    h('header', h('h2', 'Event'), pageLink, button('×', onClose, { kind: 'close', 'aria-label': 'Close event' })), body);
  // Covered elements must not take the focus. Announcements stay audible.
  const updateCover = () => {
    const covers = COVERS_PAGE.matches && !element.hidden && !signal.aborted;
    for (let node = element; node.parentElement && node !== document.body; node = node.parentElement) {
      for (const sibling of node.parentElement.children) sibling.inert = covers && sibling !== node && sibling.id !== 'announcements';
    }
  };
  COVERS_PAGE.addEventListener('change', updateCover, { signal });
  signal.addEventListener('abort', updateCover);
  document.addEventListener('keydown', (event) => {
    const isElsewhere = element.hidden || event.defaultPrevented || event.target.closest('input, dialog');
    if (event.key === 'Escape' && !isElsewhere) onClose();
  }, { signal });
  let loading = new AbortController();
  const open = async (id) => {
    loading.abort();
    loading = new AbortController();
    const signals = AbortSignal.any([signal, loading.signal]);
    element.hidden = !id;
    updateCover();
    if (!id) return;
    pageLink.href = url`/events/${id}`;
    render(body, loadingState());
    element.focus({ preventScroll: true });
    try {
      const { element: detail } = await loadEvent(id, signals, 3);
      render(body, detail);
      element.scrollTop = 0;
    } catch (error) {
      if (!isAborted(error, signals)) render(body, problemState(error, () => open(id)));
    }
    // If the panel was opened before the page was attached, its siblings exist only now.
    updateCover();
  };
  return { element, open };
}
