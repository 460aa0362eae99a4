// Loading, empty, error, and partial states.

import { h } from '../dom.js';
import { button } from './forms.js';

/** The loading state. Requests time out after 35 s, so it always ends. */
export const loadingState = () => h('p.state', { role: 'status' }, 'Loading…');

/** The empty state: what is missing, and what the user can do about it. */
export const emptyState = (...children) => h('div.state', children);

/** The state after an error. `retry` is called by the button "Try again"; `heading` is the element of the title. */
export function problemState(error, retry, heading = 'h2') {
  const title = h(heading, error.body?.title ?? 'Something went wrong');
  const requestId = error.requestId && h('p.muted', 'Request ID: ', h('code', error.requestId));
  // A retry does not help if the resource does not exist.
  if (error.status === 404) return emptyState(title, h('p', error.message));
  return h('div.state.problem', { role: 'alert' }, title, h('p', error.message), requestId, retry && button('Try again', retry));
}

/** The note that a result is incomplete. */
export const partialNote = (...children) => h('p.note', { role: 'status' }, children);
