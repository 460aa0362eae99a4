// A container whose content is loaded with a request.

import { h, render } from '../dom.js';
import { isAborted } from '../api.js';
import { loadingState, problemState } from './states.js';

/**
 * Creates a container and fills it with the result of `load`, again after each call of `refresh`. The content stays
 * unchanged if `load` returns nothing.
 */
export function asyncView(signal, load) {
  const container = h('div', loadingState());
  const refresh = async () => {
    try {
      const content = await load();
      if (content && !signal.aborted) render(container, content);
    } catch (error) {
      if (!isAborted(error, signal)) render(container, problemState(error, refresh));
    }
  };
  refresh();
  return { container, refresh };
}
