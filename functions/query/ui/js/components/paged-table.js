// A table that is loaded page by page.

import { append, h, render } from '../dom.js';
import { isAborted } from '../api.js';
import { pluralize } from '../format.js';
import { button } from './forms.js';
import { emptyState, loadingState, problemState } from './states.js';
import { table, tableRows } from './table.js';

const MIN_RELOAD = 50;
const MAX_RELOAD = 1000;

/**
 * Creates the table. `load(cursor, signal, limit)` returns `[rows, next]`, `nouns` are the singular and plural of a row,
 * and `emptyText` is shown if the list is empty. Returns its elements and `reload(keep)`, which loads as many rows again as
 * are shown; with `keep` the old rows stay visible until then.
 */
export function pagedTable({ signal, columns, nouns, load, emptyText }) {
  const body = h('div');
  const footer = h('div.list-footer');
  let loading = new AbortController();
  const countShown = () => body.querySelectorAll('tbody > tr').length;
  const loadPage = async (cursor, limit) => {
    const signals = AbortSignal.any([signal, loading.signal]);
    if (cursor || !body.hasChildNodes()) render(footer, loadingState());
    try {
      const [rows, next] = await load(cursor, signals, limit);
      if (cursor) append(body.querySelector('tbody'), tableRows(columns, rows));
      else render(body, rows.length > 0 && table(nouns[1], columns, rows));
      const count = countShown();
      if (count) render(body.querySelector('caption'), pluralize(count, ...nouns), next && ' shown');
      render(footer, next ? button('Load more', () => loadPage(next)) : count ? null : emptyState(emptyText));
    } catch (error) {
      if (!isAborted(error, signals)) render(footer, problemState(error, () => loadPage(cursor)));
    }
  };
  const reload = (keep) => {
    if (!keep) render(body);
    loading.abort();
    loading = new AbortController();
    loadPage(null, Math.min(Math.max(countShown(), MIN_RELOAD), MAX_RELOAD));
  };
  loadPage();
  return { elements: [body, footer], reload };
}
