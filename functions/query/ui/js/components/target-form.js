// The form that creates and edits targets.

import { h, render, url } from '../dom.js';
import { request } from '../api.js';
import { loadDefaults } from '../defaults.js';
import { formContent, openDialog } from './dialogs.js';
import { button, field, input, runBusy, select } from './forms.js';
import { matchPreview } from './match-preview.js';
import { showViolations } from './resource-actions.js';
import { problemState } from './states.js';

const LIST_FIELDS = ['sources', 'events', 'projects', 'environments'];

/** Creates all fields by their names in the API; `scopes` is a list of `[scope, field]`. */
function createFields(target, defaults) {
  const values = { ...defaults.target, secrets: [], ...target };
  const text = (name, label, props = {}, help) => field(label, input({ value: values[name] ?? '', ...props }), help);
  const list = (name, label, help) => text(name, label, { value: values[name]?.join(', ') ?? '' }, help);
  const area = (name, label, help) => field(label, h('textarea', { rows: 4, spellcheck: 'false', value: values[name] ?? '' }), help);
  const secret = (name, label, help) => {
    const isSet = values.secrets.includes(name);
    const placeholder = isSet ? 'Set; enter a value to replace it' : '';
    return withRemoveOption(text(name, label, { type: 'password', autocomplete: 'new-password', placeholder }, help), name, isSet);
  };
  // Secrets are never shown. An empty field keeps the secret, so removing it needs a checkbox.
  const withRemoveOption = (secretField, name, isSet) => {
    if (!isSet) return secretField;
    secretField.remove = checkbox(`Remove ${name}`, false);
    secretField.element.append(secretField.remove.element);
    return secretField;
  };
  const checkbox = (label, checked) => field(label, h('input', { type: 'checkbox', checked }), '', true);
  const headerNames = values.secrets.filter((name) => name.startsWith('headers.')).map((name) => name.slice('headers.'.length));
  const keptHeaders = headerNames.length ? ` Leave this empty to keep: ${headerNames.join(', ')}.` : '';
  return {
    name: text('name', 'Name', { required: true, disabled: Boolean(target), placeholder: 'audit' }),
    description: text('description', 'Description'),
    address: text('address', 'Endpoint URL', { type: 'url', required: true, placeholder: 'https://example.com/hook' }),
    scopes: defaults.scopes.map((scope) => [scope, checkbox(scope, values.scopes.includes(scope))]),
    level: field('Minimum log level', select(defaults.levels.map((level) => [level, level]), values.level), 'Applies to logging events only.'),
    sources: list('sources', 'Sources', 'Separate values with commas. If empty: all sources except Tidings itself.'),
    events: list('events', 'Event types', 'If empty: all event types.'),
    projects: list('projects', 'Projects', 'If empty: all projects.'),
    environments: list('environments', 'Environments', 'If empty: all environments.'),
    include_unscoped: checkbox('Include events without a project or environment', values.include_unscoped),
    retry_count: text('retry_count', 'Maximum attempts', { type: 'number', min: 1, max: defaults.limits.retry_count }),
    retry_timeout: text('retry_timeout', 'Retry interval', {}, 'For example 10s, 5m, or 1h30m.'),
    retry_schedule: text('retry_schedule', 'Custom retry schedule', { value: values.retry_schedule?.join(', ') ?? '', placeholder: '5s, 5m, 1h' },
      'The delay before each retry. Replaces the maximum attempts and the retry interval.'),
    timeout: text('timeout', 'Request timeout'),
    disable_after: text('disable_after', 'Pause after failing for'),
    username: text('username', 'Username (Basic authentication)'),
    password: secret('password', 'Password'),
    authorization: secret('authorization', 'Authorization header', 'Use this instead of a username and password.'),
    headers: withRemoveOption(field('Custom headers', h('textarea', { rows: 3, spellcheck: 'false' }),
      `One header per line: “name: value”. Saved values are never shown.${keptHeaders}`), 'headers', headerNames.length),
    ca_cert: area('ca_cert', 'CA certificates (PEM)', 'Tidings trusts these certificate authorities instead of the public ones.'),
    content_type: text('content_type', 'Content type'),
    body_template: area('body_template', 'Body template (Mustache)', 'Variables: event, eventJson, and eventMarkdown. If empty: the unchanged payload.'),
  };
}

/** Returns the request body. `target` is the edited target; only creation sends a name. */
function requestBody(fields, target) {
  const value = (name) => fields[name].input.value.trim();
  const listValue = (name) => value(name).split(',').map((item) => item.trim()).filter(Boolean);
  const body = {
    address: value('address'),
    description: value('description'),
    scopes: fields.scopes.filter(([, checkbox]) => checkbox.input.checked).map(([scope]) => scope),
    level: value('level'),
    include_unscoped: fields.include_unscoped.input.checked,
    retry_count: value('retry_count') === '' ? null : Number(value('retry_count')),
    retry_schedule: listValue('retry_schedule').length ? listValue('retry_schedule') : null,
  };
  for (const name of LIST_FIELDS) body[name] = listValue(name);
  for (const name of ['retry_timeout', 'timeout', 'disable_after', 'username', 'ca_cert', 'content_type', 'body_template']) {
    body[name] = value(name) || null;
  }
  for (const name of ['password', 'authorization', 'headers']) {
    if (value(name)) body[name] = name === 'headers' ? parseHeaders(value(name)) : value(name);
    else if (fields[name].remove?.input.checked) body[name] = null;
  }
  if (!target) body.name = value('name');
  // The API would replace an empty list with the default scopes.
  if (!body.scopes.length) throw { violations: [{ pointer: '/scopes', message: 'Choose at least one.' }] };
  return body;
}

/** Parses lines of `name: value`. A line without a colon becomes an invalid name, which the API reports. */
function parseHeaders(text) {
  return Object.fromEntries(text.split('\n').filter((line) => line.trim()).map((line) => {
    const colon = line.indexOf(':');
    return colon < 0 ? [line.trim(), ''] : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  }));
}

/**
 * Opens the form. To edit a target, pass it with its `etag`. Resolves to the saved target, or to `'changed'` if someone
 * else has changed the target and the user wants to reload it.
 */
export async function openTargetForm({ target, etag } = {}) {
  const defaults = await loadDefaults();
  return openDialog(target ? `Edit ${target.name}` : 'Create target', (close) => {
    const fields = createFields(target, defaults);
    const { scopes, ...others } = fields;
    const fieldsByName = { ...others, scopes: scopes[0][1] };
    const errors = h('div');
    const preview = h('div', { role: 'status' });
    const showError = (error) => {
      if (error.status !== 412) showViolations(error, fieldsByName, errors);
      else render(errors, changedNote(close));
    };
    const save = async (submit) => {
      render(errors);
      const [method, path] = target ? ['PATCH', url`/v1/targets/${target.name}`] : ['POST', '/v1/targets'];
      const headers = etag ? { 'if-match': etag } : {};
      const saved = await runBusy(submit, () => request(path, { method, body: requestBody(fields, target), headers }), showError);
      if (saved) close(saved.data);
    };
    const previewButton = button('Preview matching events', (event) => runBusy(event.target, async () => {
      const body = { ...requestBody(fields), name: target?.name ?? (fields.name.input.value.trim() || 'new-target') };
      const { data } = await request('/v1/targets/preview', { method: 'POST', body });
      for (const one of Object.values(fieldsByName)) one.error('');
      render(errors);
      render(preview, matchPreview(data, ' in the last 24 hours'));
    }, (error) => {
      render(preview);
      if (error.violations.length) showError(error);
      else render(preview, problemState(error));
    }));
    const elementsOf = (names) => names.map((name) => fields[name].element);
    const section = (title, open, ...children) => h('details.form-section', { open }, h('summary', title), h('div.columns', children));
    const form = formContent(close, [
      h('div.columns', elementsOf(['name', 'address', 'description'])),
      section('Event filter', true,
        h('fieldset', h('legend', 'Scopes'), scopes.map(([, checkbox]) => checkbox.element)), fields.level.element,
        elementsOf(LIST_FIELDS), fields.include_unscoped.element, h('div.all', previewButton, preview)),
      section('Retries and timeouts', false, elementsOf(['retry_count', 'retry_timeout', 'retry_schedule', 'timeout', 'disable_after'])),
      section('Authentication', false, elementsOf(['username', 'password', 'authorization', 'headers', 'ca_cert'])),
      section('Request body', false, elementsOf(['content_type', 'body_template'])), errors], target ? 'Save' : 'Create', save);
    // The API reports more, and more precise, violations than the browser.
    form.noValidate = true;
    return form;
  }, { wide: true });
}

const changedNote = (close) => h('div.note', { role: 'alert' }, h('p', 'Someone else has changed this target.'),
  button('Discard changes and reload', () => close('changed')));
