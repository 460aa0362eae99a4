// Fields, buttons and dialogs.

import { append, h, say, show, uid } from '../dom.js';

/**
 * A labelled field around an input (or select, or textarea): `{ element, input, error(text) }`.
 * `error` shows what is wrong with it, or nothing.
 */
export function field(label, input, { help, inline = false } = {}) {
  const id = input.id || uid('f');
  input.id = id;
  const wrong = h('p', { class: 'error', id: `${id}e` });
  const hint = help ? h('p', { class: 'help', id: `${id}h` }, help) : null;
  if (hint) input.setAttribute('aria-describedby', `${id}h`);
  const error = (text) => {
    show(wrong, text || null);
    input.setAttribute('aria-invalid', text ? 'true' : 'false');
    if (text) input.setAttribute('aria-errormessage', `${id}e`);
    else input.removeAttribute('aria-errormessage');
    const described = [hint && `${id}h`, text && `${id}e`].filter(Boolean).join(' ');
    if (described) input.setAttribute('aria-describedby', described);
  };
  const name = h('label', { for: id }, label);
  const element = h('div', { class: inline ? 'field inline' : 'field' }, inline ? [input, name] : [name, input], hint, wrong);
  return { element, input, error };
}

/** A choice: `select({ name, value, options: [['desc', 'Newest first'], …] })`. */
export function select({ options, value, ...props }) {
  const made = options.map(([key, words]) => h('option', { value: key }, words));
  const element = h('select', props, made);
  element.value = value ?? options[0][0];
  return element;
}

/** A button. `main`, `danger` or `link` may be its kind. */
export const button = (words, onclick, { kind, ...props } = {}) =>
  h('button', { type: 'button', class: kind, onclick, ...props }, words);

/** A button that copies a text. */
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
 * Runs a task while a button (or a form's fieldset) is disabled; `failed` is told what went wrong. What the task
 * answers is answered.
 */
export async function busy(control, task, failed) {
  control.disabled = true;
  try {
    return await task();
  } catch (error) {
    if (error?.name !== 'AbortError') failed(error);
    return undefined;
  } finally {
    control.disabled = false;
  }
}

/**
 * A dialog. `build(close)` makes what is in it; `close(value)` ends it with a value. Answers that value, or `undefined`
 * where it was left. The browser keeps the focus inside, and gives it back.
 */
export function dialog(title, build, { wide = false } = {}) {
  return new Promise((resolve) => {
    const id = uid('d');
    const element = h('dialog', { 'aria-labelledby': id, class: wide ? 'wide' : undefined });
    let value;
    const close = (result) => {
      value = result;
      element.close();
    };
    const leave = h('button', { type: 'button', class: 'x', 'aria-label': 'Close', onclick: () => close() }, '×');
    append(element, [h('header', {}, h('h2', { id }, title), leave), build(close)]);
    element.addEventListener('close', () => {
      element.remove();
      resolve(value);
    });
    document.body.append(element);
    element.showModal();
  });
}

/**
 * Asks before something is done that cannot be undone. `type` is a text that must be typed for it. Answers whether to
 * go on.
 */
export async function confirm(title, words, { yes = 'Go on', danger = false, type } = {}) {
  const answer = await dialog(title, (close) => {
    const input = type ? h('input', { autocomplete: 'off', spellcheck: 'false' }) : null;
    const typed = input ? field(`Type “${type}” to go on`, input) : null;
    const onsubmit = (event) => {
      event.preventDefault();
      if (input && input.value !== type) typed.error(`This is not “${type}”.`);
      else close(true);
    };
    const kind = danger ? 'danger' : 'main';
    return h('form', { onsubmit }, h('p', {}, words), typed?.element,
      h('div', { class: 'actions' }, button('Cancel', () => close(false)), h('button', { class: kind }, yes)));
  });
  return answer === true;
}
