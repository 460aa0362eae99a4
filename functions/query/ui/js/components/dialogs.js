// Dialogs.

import { announce, append, h, liveRegion, uniqueId } from '../dom.js';
import { button, copyButton, field, input } from './forms.js';
import { rawText } from './json-view.js';

/**
 * Opens a dialog. `build(close)` creates its content; `close(value)` closes it. Resolves to that value, or to `undefined`
 * if the user dismissed the dialog. A `persistent` dialog cannot be dismissed; a `wide` one with changed fields needs
 * Escape twice. The browser keeps the focus inside and restores it afterwards.
 */
export function openDialog(title, build, { wide, persistent } = {}) {
  return new Promise((resolve) => {
    const id = uniqueId('d');
    const element = h('dialog', { 'aria-labelledby': id, class: wide && 'wide', closedby: persistent && 'none' });
    let value;
    const close = (result) => {
      value = result;
      element.close();
    };
    const closeButton = persistent ? null : button('×', () => close(), { kind: 'close', 'aria-label': 'Close' });
    append(element, [h('header', h('h2', { id }, title), closeButton), build(close)]);
    element.addEventListener('close', () => {
      document.body.append(liveRegion);
      element.remove();
      resolve(value);
    });
    let changed = false;
    element.addEventListener('input', () => { changed = wide; });
    element.addEventListener('cancel', (event) => {
      if (!persistent && !changed) return;
      event.preventDefault();
      if (changed) announce('Press Escape again to discard your changes.');
      changed = false;
    });
    append(document.body, append(element, liveRegion));
    element.showModal();
    element.querySelector(':is(input, select, textarea):enabled, .actions button')?.focus();
  });
}

/** Creates the form of a dialog: its content, a cancel button, and a submit button that calls `onSubmit(button)`. */
export function formContent(close, children, submitLabel, onSubmit, kind = 'primary') {
  const submit = h('button', { class: kind }, submitLabel);
  const onsubmit = (event) => {
    event.preventDefault();
    onSubmit(submit);
  };
  return h('form', { onsubmit }, children, h('div.actions', button('Cancel', () => close()), submit));
}

/** Asks for confirmation before an action. `requiredText` is a text that the user must type to confirm. */
export function confirmAction(title, message, { confirmLabel, danger, requiredText }) {
  return openDialog(title, (close) => {
    const typed = requiredText && field(`Type “${requiredText}” to confirm`, input());
    return formContent(close, [h('p', message), typed?.element], confirmLabel, () => {
      if (typed && typed.input.value !== requiredText) typed.error(`The text does not match “${requiredText}”.`);
      else close(true);
    }, danger ? 'danger' : 'primary');
  });
}

/** Shows a secret once. Only its button closes the dialog. */
export function showSecret(title, secret, message) {
  return openDialog(title, (close) => h('div', h('p', message), rawText(secret),
    h('div.actions', copyButton(secret), button('I have saved it', () => close(), { kind: 'primary' }))), { persistent: true });
}
