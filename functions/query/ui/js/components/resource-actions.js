// Creates and deletes resources, and shows the results and errors of actions.

import { announce, focusElement, h, render } from '../dom.js';
import { request } from '../api.js';
import { confirmAction, formContent, openDialog } from './dialogs.js';
import { button, runBusy } from './forms.js';
import { problemState } from './states.js';

/**
 * Shows the violations of an API error at the fields with the same names. All other violations appear in `container`.
 * The first invalid field gets the focus.
 */
export function showViolations(error, fields, container) {
  for (const field of Object.values(fields)) field.error('');
  const invalid = [];
  const others = [];
  const conflict = error.status === 409 ? [{ pointer: '/name', message: 'This name is already in use.' }] : [];
  for (const { pointer, message } of [...conflict, ...(error.violations ?? [])]) {
    const field = fields[pointer.split('/')[1]];
    field?.error(message);
    if (field) invalid.push(field);
    else others.push(h('li', pointer ? `${pointer}: ${message}` : message));
  }
  render(container, others.length ? h('ul.error', { role: 'alert' }, others) : !invalid.length && problemState(error));
  invalid[0]?.element.closest('details')?.setAttribute('open', '');
  invalid[0]?.input.focus();
}

/** Opens a form with `fields` and posts `body()`. Resolves to the created resource. */
export const openCreateDialog = (title, submitLabel, path, fields, body) => openDialog(title, (close) => {
  const errors = h('div');
  return formContent(close, [Object.values(fields).map(({ element }) => element), errors], submitLabel, async (submit) => {
    const create = () => request(path, { method: 'POST', body: body() });
    const created = await runBusy(submit, create, (error) => showViolations(error, fields, errors));
    if (created) close(created.data);
  });
});

/** Creates a live region for the results of actions, and a function that shows an error there. */
export function resultRegion() {
  const result = h('div', { role: 'status' });
  return { result, showError: (error) => render(result, problemState(error)) };
}

/** Creates a button that deletes the resource at a path after confirmation. */
export const deleteButton = (path, name, message, list) => button('Delete', async (event) => {
  if (!await confirmAction(`Delete ${name}?`, message, { confirmLabel: 'Delete', danger: true })) return;
  const deleted = await runBusy(event.target, () => request(path, { method: 'DELETE' }), (error) => announce(error.message));
  // Otherwise the focus would move to the delete button of the next row.
  if (deleted) focusElement(document.querySelector('h1'));
  list.refresh();
}, { kind: 'danger', 'aria-label': `Delete ${name}` });
