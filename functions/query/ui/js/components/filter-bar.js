// A row of simple filters above a table.

import { h } from '../dom.js';
import { onValueChange } from './forms.js';

/** Creates the row. `fields` maps the names of parameters in `state` to fields; `onChange` is called after each change. */
export function filterBar(label, fields, state, onChange) {
  for (const [name, { input }] of Object.entries(fields)) {
    input.value = state.get(name) ?? '';
    // A select cannot show an unknown value, so the user could not remove it.
    if (input.value !== state.get(name)) state.delete(name);
    onValueChange(input, () => {
      if (input.value.trim()) state.set(name, input.value.trim());
      else state.delete(name);
      onChange();
    });
  }
  return h('form.filters', { role: 'search', 'aria-label': label, onsubmit: (event) => event.preventDefault() },
    h('div.toolbar', Object.values(fields).map(({ element }) => element)));
}
