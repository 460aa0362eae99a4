// The filters of a search, as a form whose state is a query.

import { h, render, uniqueId } from '../dom.js';
import { isAborted, request } from '../api.js';
import { loadDefaults } from '../defaults.js';
import { formatNumber } from '../format.js';
import { parseValues, pickParams, quoteValue } from './filter-values.js';
import { button, field, input as textInput, onValueChange } from './forms.js';

/** Filters whose values are suggested from the log. */
const FACETS = ['type', 'subject', 'actor', 'project', 'environment', 'source'];

/** Filters with a fixed set of values, and how to find them in the defaults of the API. */
const FIXED_VALUES = {
  scope: ({ scopes }) => scopes,
  level: ({ levels }) => levels,
  catalog: ({ catalogs }) => catalogs.map(({ name }) => name),
};

/** Filters that accept lists of values, in the order of the form. */
const LIST_FILTERS = [...FACETS, 'entity', ...Object.keys(FIXED_VALUES)];

/** Returns the filters in a query. */
export const filtersOf = (query) => pickParams(query, [...LIST_FILTERS, 'from', 'to', 'q']);

/**
 * Creates the form and returns `{ element, set(query) }`. `onChange(filters, { replace })` is called after each change;
 * `replace` is true while the user is still typing the same value. `without` names filters that the page sets itself,
 * `range` adds date fields, and `open` expands all filters.
 */
export function filterForm({ query, signal, onChange, without = [], range = true, open = false }) {
  const state = new Map(filtersOf(query));
  const notify = (options) => onChange(new URLSearchParams([...state].filter(([, value]) => value)), options);
  const set = (name, value, options) => {
    if ((state.get(name) ?? '') === value) return;
    if (value) state.set(name, value);
    else state.delete(name);
    notify(options);
  };
  const lists = LIST_FILTERS.filter((name) => !without.includes(name)).map((name) => listFilter(name, state, set, signal));
  const text = without.includes('q') ? [] : [textFilter(state, set)];
  const dates = range ? [dateFilter('from', 'From', state, set), dateFilter('to', 'To', state, set)] : [];
  const all = [...lists, ...text, ...dates];
  const clear = button('Clear filters', () => {
    state.clear();
    for (const filter of all) filter.refresh(true);
    notify();
  }, { kind: 'link' });
  const more = h('details.more', { open: open || lists.some(({ hasValue }) => hasValue()) }, h('summary', 'Filters'),
    h('div.filter-fields', lists.map(({ element }) => element)));
  const element = h('form.filters', { role: 'search', 'aria-label': 'Event filters', onsubmit: (event) => event.preventDefault() },
    h('div.toolbar', [...text, ...dates].map((filter) => filter.element), clear), more);
  return {
    element,
    set(next) {
      state.clear();
      for (const [name, value] of filtersOf(next)) state.set(name, value);
      for (const filter of all) filter.refresh();
      if (lists.some(({ hasValue }) => hasValue())) more.open = true;
    },
  };
}

/** Creates a filter that accepts any number of values. */
function listFilter(name, state, set, signal) {
  let fixedValues = null;
  const suggestions = h('datalist', { id: uniqueId('l') });
  const input = textInput({ list: suggestions.id });
  const selected = h('ul.selected-values');
  const inputField = field(name[0].toUpperCase() + name.slice(1), input);
  const currentValues = () => parseValues(state.get(name) ?? '');
  const setValues = (values) => set(name, [...new Set(values)].map(quoteValue).join(','));
  const refresh = (clearInput) => {
    if (clearInput) {
      input.value = '';
      inputField.error('');
    }
    render(selected, currentValues().map((value) => {
      const remove = button('×', () => {
        setValues(currentValues().filter((other) => other !== value));
        refresh();
        input.focus();
      }, { kind: 'close', 'aria-label': `Remove ${name} ${value}` });
      return h('li', h('span', value), remove);
    }));
  };
  const addValue = () => {
    const typed = input.value.trim();
    const value = fixedValues?.find((known) => known.toLowerCase() === typed.toLowerCase()) ?? typed;
    inputField.error('');
    if (!value) return;
    if (fixedValues && !fixedValues.includes(value)) inputField.error(`Choose one of: ${fixedValues.join(', ')}.`);
    else {
      input.value = '';
      setValues([...currentValues(), value]);
      refresh();
    }
  };
  input.addEventListener('change', addValue);
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') { event.preventDefault(); addValue(); }
    else if (event.key === 'Backspace' && !input.value && currentValues().length) {
      setValues(currentValues().slice(0, -1));
      refresh();
    }
  });
  // Until the values are loaded, or if that fails, the API itself reports invalid ones.
  if (FIXED_VALUES[name]) onDefaults((defaults) => {
    fixedValues = FIXED_VALUES[name](defaults);
    render(suggestions, fixedValues.map((value) => h('option', { value })));
  });
  if (FACETS.includes(name)) suggestValues(name, input, suggestions, state, signal);
  refresh();
  inputField.element.insertBefore(selected, input.nextSibling);
  inputField.element.append(suggestions);
  return { element: inputField.element, refresh, hasValue: () => currentValues().length > 0 };
}

/** Calls `apply` with the defaults of the API. Without them the form still works, so errors are ignored. */
function onDefaults(apply) {
  loadDefaults().then(apply, () => {});
}

/** Suggests values from the log shortly after the user stops typing. */
function suggestValues(name, input, suggestions, state, signal) {
  let lastQuery = null;
  let timer = 0;
  const load = async () => {
    const others = [...state].filter(([other, value]) => other !== name && other !== 'q' && value);
    const query = `${new URLSearchParams([['field', name], ['limit', '12'], ['prefix', input.value.trim()], ...others])}`;
    if (lastQuery === query) return;
    lastQuery = query;
    try {
      const { data } = await request(`/v1/facets?${query}`, { signal });
      if (lastQuery !== query) return;
      render(suggestions, data.values.map(({ value, count }) =>
        h('option', { value, label: `${value} (${formatNumber(count)})` })));
    } catch (error) {
      // Suggestions are optional. The search itself reports invalid filters.
      if (!isAborted(error, signal)) lastQuery = null;
    }
  };
  input.addEventListener('focus', load);
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(load, 200);
  });
}

function textFilter(state, set) {
  const input = h('input', { type: 'search', placeholder: 'Search in all event data' });
  onDefaults(({ limits }) => { input.maxLength = limits.search_text_length; });
  const { element } = field('Search text', input);
  let timer = 0;
  const apply = () => {
    clearTimeout(timer);
    set('q', input.value.trim(), { replace: true });
  };
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(apply, 400);
  });
  input.addEventListener('change', apply);
  element.classList.add('grow');
  const refresh = () => {
    // The user may still be typing after a trailing space.
    if (input.value.trim() !== (state.get('q') ?? '')) input.value = state.get('q') ?? '';
  };
  refresh();
  return { element, refresh };
}

/** Creates a date filter in UTC, as the API reads it. A time of day in the URL is shown and kept until the date changes. */
function dateFilter(name, label, state, set) {
  const input = h('input', { type: 'date', max: '9999-12-31' });
  const dateField = field(`${label} (UTC)`, input);
  const refresh = () => {
    const value = state.get(name) ?? '';
    if (input.value !== value.slice(0, 10)) input.value = value.slice(0, 10);
    dateField.error('');
    render(dateField.hint, value.length > 10 && `at ${value.slice(11, 19)}`);
  };
  onValueChange(input, (options) => {
    render(dateField.hint);
    const { from, to } = { ...Object.fromEntries(state), [name]: input.value };
    const reversed = from && to && from.slice(0, 10) > to.slice(0, 10);
    dateField.error(reversed && 'The end date is before the start date.');
    if (!reversed) set(name, input.value, options);
  });
  refresh();
  return { element: dateField.element, refresh };
}
