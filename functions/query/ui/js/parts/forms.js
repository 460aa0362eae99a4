// Fields, buttons and dialogs.

import { append, h, say, says, show, uid } from '../dom.js';

/**
 * A labelled field around an input (or select, or textarea): `{ element, input, error(text), hint }`.
 * `error` shows what is wrong with it, or nothing.
 */
export function field(label, input, help, inline) {
  const id = input.id || uid('f');
  input.id = id;
  const wrong = h('p.error', { id: `${id}e` });
  const hint = h('p.help', { id: `${id}h` }, help);
  input.setAttribute('aria-describedby', `${id}h ${id}e`);
  const error = (text) => {
    show(wrong, text);
    input.ariaInvalid = text ? 'true' : 'false';
  };
  const name = h('label', { for: id }, label);
  const element = h(inline ? 'div.field.inline' : 'div.field', inline ? [input, name] : [name, input], hint, wrong);
  return { element, input, error, hint };
}

/** An input for what a program reads: nothing is suggested or corrected. */
export const input = (props) => h('input', { autocomplete: 'off', spellcheck: 'false', ...props });

/** A choice: `select([['desc', 'Newest first'], …], 'desc')`. */
export function select(options, value) {
  const element = h('select', options.map(([key, words]) => h('option', { value: key }, words)));
  element.value = value ?? options[0][0];
  return element;
}

/** A button. `main`, `danger` or `link` may be its kind. */
export const button = (words, onclick, { kind, ...props } = {}) =>
  h('button', { type: 'button', class: kind, onclick, ...props }, words);

export function copy(text, words = 'Copy') {
  return button(words, async () => {
    try {
      await navigator.clipboard.writeText(typeof text === 'function' ? text() : text);
      say('Copied.');
    } catch {
      say('The browser does not allow copying here: select the text and copy it.');
    }
  });
}

/**
 * Calls `changed({ replace })` when another value was chosen. Fields of a date tell of each digit that is typed: the years
 * 2, 20 and 202 are passed over, and what follows in the same visit replaces what was chosen before.
 */
export function whenChosen(input, changed) {
  let replace = false;
  input.addEventListener('focus', () => { replace = false; });
  input.addEventListener('change', () => {
    if (input.type.startsWith('date') && input.value && input.value < '1970') return;
    changed({ replace });
    replace = true;
  });
}

/**
 * Runs a task, during which its button cannot start another; `failed` is told what went wrong. Answers what the task does.
 * The button is not really disabled: it would lose the focus.
 */
export async function busy(control, task, failed) {
  if (control.ariaDisabled) return undefined;
  control.ariaDisabled = 'true';
  try {
    return await task();
  } catch (error) {
    if (error?.name !== 'AbortError') failed(error);
    return undefined;
  } finally {
    control.ariaDisabled = null;
  }
}

/**
 * A dialog. `build(close)` makes what is in it; `close(value)` ends it with a value. Answers that value, or `undefined`
 * where it was left, which a `firm` one cannot be, and a `wide` one in which something was typed by pressing Escape twice.
 * The browser keeps the focus inside, and gives it back.
 */
export function dialog(title, build, { wide, firm } = {}) {
  return new Promise((resolve) => {
    const id = uid('d');
    const element = h('dialog', { 'aria-labelledby': id, class: wide && 'wide', closedby: firm && 'none' });
    let value;
    const close = (result) => {
      value = result;
      element.close();
    };
    const leave = firm ? null : button('×', () => close(), { kind: 'x', 'aria-label': 'Close' });
    append(element, [h('header', h('h2', { id }, title), leave), build(close)]);
    element.addEventListener('close', () => {
      document.body.append(says);
      element.remove();
      resolve(value);
    });
    let typed = false;
    element.addEventListener('input', () => { typed = wide; });
    element.addEventListener('cancel', (event) => {
      if (!firm && !typed) return;
      event.preventDefault();
      if (typed) say('Press Escape once more to leave what you have typed.');
      typed = false;
    });
    append(document.body, append(element, says));
    element.showModal();
    element.querySelector(':is(input, select, textarea):enabled, .actions button')?.focus();
  });
}

/** What is in a dialog that asks: its parts, a way out, and a button that is told to `send(button)`. */
export function asking(close, parts, yes, send, kind = 'main') {
  const submit = h('button', { class: kind }, yes);
  const onsubmit = (event) => {
    event.preventDefault();
    send(submit);
  };
  return h('form', { onsubmit }, parts, h('div.actions', button('Cancel', () => close()), submit));
}

/**
 * Asks before something is done that cannot be undone. `type` is a text that must be typed for it.
 */
export function confirm(title, words, { yes, danger, type }) {
  return dialog(title, (close) => {
    const typed = type && field(`Type “${type}” to go on`, input());
    return asking(close, [h('p', words), typed?.element], yes, () => {
      if (typed && typed.input.value !== type) typed.error(`This is not “${type}”.`);
      else close(true);
    }, danger ? 'danger' : 'main');
  });
}
