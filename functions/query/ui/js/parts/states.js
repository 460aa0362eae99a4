// What stands where there is nothing to show yet, or ever.

import { h } from '../dom.js';

/** Something is on its way. Requests end after 35 s, so this does too. */
export const loading = (words = 'Loading…') => h('p', { class: 'state', role: 'status' }, words);

/** There is nothing, and what one can do about it. */
export const empty = (...words) => h('div', { class: 'state' }, words);

/** What went wrong; `again` tries once more. */
export function problem(error, again) {
  const title = error.body?.title ?? 'Something went wrong';
  const id = error.requestId && h('p', { class: 'quiet' }, 'Request ', h('code', error.requestId));
  const retry = again && h('button', { type: 'button', onclick: again }, 'Try again');
  // What is not there will not come by asking again.
  if (error.status === 404) return empty(h('h2', title), h('p', error.message));
  return h('div', { class: 'state problem', role: 'alert' }, h('h2', title), h('p', error.message), id, retry);
}

/** An answer is not the whole. */
export const partial = (...words) => h('p', { class: 'note', role: 'status' }, words);
