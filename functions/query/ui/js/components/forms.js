// Form fields and buttons.

import { announce, h, render, uniqueId } from '../dom.js';

/**
 * Creates a labelled field around an input, select, or textarea: `{ element, input, error(text), hint }`. `error` shows
 * an error message, or removes it if the text is empty.
 */
export function field(label, input, help, inline) {
  const id = input.id || uniqueId('f');
  input.id = id;
  const message = h('p.error', { id: `${id}e` });
  const hint = h('p.help', { id: `${id}h` }, help);
  input.setAttribute('aria-describedby', `${id}h ${id}e`);
  const error = (text) => {
    render(message, text);
    input.ariaInvalid = text ? 'true' : 'false';
  };
  const labelElement = h('label', { for: id }, label);
  const element = h(inline ? 'div.field.inline' : 'div.field', inline ? [input, labelElement] : [labelElement, input], hint, message);
  return { element, input, error, hint };
}

/** Creates a text input without autocomplete and spell checking. */
export const input = (props) => h('input', { autocomplete: 'off', spellcheck: 'false', ...props });

/** Creates a select: `select([['desc', 'Newest first'], …], 'desc')`. */
export function select(options, value) {
  const element = h('select', options.map(([key, label]) => h('option', { value: key }, label)));
  element.value = value ?? options[0][0];
  return element;
}

/** Creates a button; `kind` is `primary`, `danger`, `link`, or `close`. */
export const button = (label, onclick, { kind, ...props } = {}) =>
  h('button', { type: 'button', class: kind, onclick, ...props }, label);

/** Creates a button that copies a text, or the result of a function. */
export function copyButton(text, label = 'Copy') {
  return button(label, async () => {
    try {
      await navigator.clipboard.writeText(typeof text === 'function' ? text() : text);
      announce('Copied.');
    } catch {
      announce('The browser does not allow copying. Select the text and copy it manually.');
    }
  });
}

/**
 * Calls `onChange({ replace })` when the value of an input changes. Date fields fire an event for each digit of the year:
 * the years 2, 20, and 202 are ignored, and later changes during the same visit of the field replace the first one.
 */
export function onValueChange(input, onChange) {
  let replace = false;
  input.addEventListener('focus', () => { replace = false; });
  input.addEventListener('change', () => {
    if (input.type.startsWith('date') && input.value && input.value < '1970') return;
    onChange({ replace });
    replace = true;
  });
}

/**
 * Runs a task and returns its result. Meanwhile its button cannot start it again. `onError` is called if the task fails.
 * The button is marked with `aria-disabled`, because a disabled button would lose the focus.
 */
export async function runBusy(control, task, onError) {
  if (control.ariaDisabled) return undefined;
  control.ariaDisabled = 'true';
  try {
    return await task();
  } catch (error) {
    if (error?.name !== 'AbortError') onError(error);
    return undefined;
  } finally {
    control.ariaDisabled = null;
  }
}
