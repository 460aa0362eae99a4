// The filters of a search, as a form whose state is a query.

import { h, show, uid } from '../dom.js';
import { call, left } from '../api.js';
import { number } from '../format.js';
import { button, field, input as textInput, whenChosen } from './forms.js';
import { picked } from './manage.js';

/** The filters whose values the log can suggest, and those that have few. */
const FACETS = ['type', 'subject', 'actor', 'project', 'environment', 'source'];
const FIXED = {
  scope: ['lifecycle', 'logging', 'signal'],
  level: ['ERROR', 'WARN', 'INFO', 'DEBUG'],
  catalog: ['unleash', 'migration-manager', 'signal', 'tidings'],
};

/** All that take values, as they stand in the form. */
const VALUES = [...FACETS, 'entity', ...Object.keys(FIXED)];

/** The filters that a query has. */
export const filtersOf = (query) => picked(query, [...VALUES, 'from', 'to', 'q']);

/** A value as it stands in a list: in quotation marks where it could be read as something else. */
export const quoted = (value) => (/[,"]|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

const read = (list) => [...list.matchAll(/"((?:[^"]|"")*)"|[^,]+/g)].map(([value, inner]) => inner?.replaceAll('""', '"') ?? value);

/**
 * The form. `changed(query, { replace })` is called with the filters as they are now; `replace` says that it is still the
 * same change, as of a text that is being typed. `without` names filters that the page has decided itself; `range` is
 * whether there are dates, `open` whether all is shown from the beginning. Answers `{ element, set(query) }`.
 */
export function filterForm({ query, signal, changed, without = [], range = true, open = false }) {
  const state = new Map(filtersOf(query));
  const tell = (options) => changed(new URLSearchParams([...state].filter(([, value]) => value)), options);
  const set = (name, value, options) => {
    if ((state.get(name) ?? '') === value) return;
    if (value) state.set(name, value);
    else state.delete(name);
    tell(options);
  };
  const chips = VALUES.filter((name) => !without.includes(name)).map((name) => values(name, state, set, signal));
  const text = without.includes('q') ? [] : [textField(state, set)];
  const dates = range ? [date('from', 'From', state, set), date('to', 'To', state, set)] : [];
  const all = [...chips, ...text, ...dates];
  const clear = button('Clear', () => {
    state.clear();
    for (const one of all) one.refresh(true);
    tell();
  }, { kind: 'link' });
  const more = h('details.more', { open: open || chips.some(({ given }) => given()) }, h('summary', 'Filters'),
    h('div.chips', chips.map(({ element }) => element)));
  const element = h('form.filters', { role: 'search', 'aria-label': 'Search', onsubmit: (event) => event.preventDefault() },
    h('div.line', [...text, ...dates].map((one) => one.element), clear), more);
  return {
    element,
    set(next) {
      state.clear();
      for (const [name, value] of filtersOf(next)) state.set(name, value);
      for (const one of all) one.refresh();
      if (chips.some(({ given }) => given())) more.open = true;
    },
  };
}

/** A filter with any number of values. */
function values(name, state, set, signal) {
  const fixed = FIXED[name];
  const list = h('datalist', { id: uid('l') });
  const input = textInput({ list: list.id });
  const chosen = h('ul.chosen');
  const made = field(name[0].toUpperCase() + name.slice(1), input);
  const current = () => read(state.get(name) ?? '');
  const put = (given) => set(name, [...new Set(given)].map(quoted).join(','));
  const refresh = (all) => {
    if (all) {
      input.value = '';
      made.error('');
    }
    show(chosen, current().map((value) => {
      const remove = button('×', () => {
        put(current().filter((other) => other !== value));
        refresh();
        input.focus();
      }, { kind: 'x', 'aria-label': `Remove ${name} ${value}` });
      return h('li', h('span', value), remove);
    }));
  };
  const add = () => {
    const typed = input.value.trim();
    const value = fixed?.find((one) => one.toLowerCase() === typed.toLowerCase()) ?? typed;
    made.error('');
    if (!value) return;
    if (fixed && !fixed.includes(value)) made.error(`One of ${fixed.join(', ')}.`);
    else {
      input.value = '';
      put([...current(), value]);
      refresh();
    }
  };
  input.addEventListener('change', add);
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') { event.preventDefault(); add(); }
    else if (event.key === 'Backspace' && !input.value && current().length) {
      put(current().slice(0, -1));
      refresh();
    }
  });
  if (fixed) show(list, fixed.map((value) => h('option', { value })));
  if (FACETS.includes(name)) suggest(name, input, list, state, signal);
  refresh();
  made.element.insertBefore(chosen, input.nextSibling);
  made.element.append(list);
  return { element: made.element, refresh, given: () => current().length > 0 };
}

/** Suggests what the log has, a moment after one has stopped typing. */
function suggest(name, input, list, state, signal) {
  let asked = null;
  let timer = 0;
  const ask = async () => {
    const others = [...state].filter(([other, value]) => other !== name && other !== 'q' && value);
    const query = `${new URLSearchParams([['field', name], ['limit', '12'], ['prefix', input.value.trim()], ...others])}`;
    if (asked === query) return;
    asked = query;
    try {
      const { data } = await call(`/v1/facets?${query}`, { signal });
      if (asked !== query) return;
      show(list, data.values.map(({ value, count }) =>
        h('option', { value, label: `${value} (${number(count)})` })));
    } catch (error) {
      // Suggestions are a help: without them one types. What is really wrong, the search will say.
      if (!left(error, signal)) asked = null;
    }
  };
  input.addEventListener('focus', ask);
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 200);
  });
}

function textField(state, set) {
  const input = h('input', { type: 'search', placeholder: 'Any part of an event', maxlength: '1000' });
  const { element } = field('Text', input);
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
    // A space at the end is one that is being typed.
    if (input.value.trim() !== (state.get('q') ?? '')) input.value = state.get('q') ?? '';
  };
  refresh();
  return { element, refresh };
}

/** A day, in UTC as the API takes it. An exact time that an address brought is told, and stays until it is changed. */
function date(name, words, state, set) {
  const input = h('input', { type: 'date', max: '9999-12-31' });
  const made = field(`${words} (UTC)`, input);
  const refresh = () => {
    const value = state.get(name) ?? '';
    if (input.value !== value.slice(0, 10)) input.value = value.slice(0, 10);
    made.error('');
    show(made.hint, value.length > 10 && `at ${value.slice(11, 19)}`);
  };
  whenChosen(input, (options) => {
    show(made.hint);
    const { from, to } = { ...Object.fromEntries(state), [name]: input.value };
    const wrong = from && to && from.slice(0, 10) > to.slice(0, 10);
    made.error(wrong && 'The range ends before it begins.');
    if (!wrong) set(name, input.value, options);
  });
  refresh();
  return { element: made.element, refresh };
}
