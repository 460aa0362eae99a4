// The form that targets are created and changed with: every field, with what the server says of it.

import { h, show } from '../dom.js';
import { call } from '../api.js';
import { busy, button, dialog, field, select } from './forms.js';
import { showViolations } from './manage.js';
import { matching } from './matching.js';
import { problem } from './states.js';

const LEVELS = ['DEBUG', 'INFO', 'WARN', 'ERROR'].map((level) => [level, level]);
const SCOPES = ['lifecycle', 'logging', 'signal'];
const LISTS = ['sources', 'events', 'projects', 'environments'];

/** Makes the fields for a target as it is, or for a new one: `{ element, fields, read() }`. */
function fieldsFor(target) {
  const text = (name, label, props = {}, more = {}) =>
    field(label, h('input', { autocomplete: 'off', spellcheck: 'false', value: target?.[name] ?? '', ...props }), more);
  const list = (name, label, help) => text(name, label, { value: (target?.[name] ?? []).join(', ') }, { help });
  const area = (name, label, help) => field(label, h('textarea', { rows: 4, spellcheck: 'false', value: target?.[name] ?? '' }), { help });
  const secret = (name, label, help) => {
    const set = target?.secrets?.includes(name);
    return text(name, label, { type: 'password', autocomplete: 'new-password', placeholder: set ? 'set; type to replace it' : '' }, { help });
  };
  const check = (label, checked) => field(label, h('input', { type: 'checkbox', checked }), { inline: true });
  const own = target?.secrets?.filter((name) => name.startsWith('headers.')).map((name) => name.slice(8)) ?? [];
  const headerHelp = own.length
    ? `One in each line, as “name: value”. Set now, with values that are not shown: ${own.join(', ')}. Leave this empty to keep them.`
    : 'One in each line, as “name: value”. Values are never shown again.';
  const schedule = (target?.retry_schedule ?? []).join(', ');
  return {
    name: text('name', 'Name', { required: true, disabled: Boolean(target), placeholder: 'audit' }),
    description: text('description', 'What it is for'),
    address: text('address', 'Address', { type: 'url', required: true, placeholder: 'https://example.com/hook' }),
    scopes: SCOPES.map((scope) => [scope, check(scope, (target?.scopes ?? ['lifecycle', 'logging']).includes(scope))]),
    level: field('Least level of log lines', select({ options: LEVELS, value: target?.level ?? 'WARN' }), { help: 'It bounds log lines only.' }),
    sources: list('sources', 'Sources', 'Separated by commas, here and below. Empty: every source but Tidings itself.'),
    events: list('events', 'Types', 'Empty: every type.'),
    projects: list('projects', 'Projects', 'Empty: every project.'),
    environments: list('environments', 'Environments', 'Empty: every environment.'),
    include_unscoped: check('Events of no project, or no environment, pass those two', target?.include_unscoped ?? true),
    retry_count: text('retry_count', 'Attempts', { type: 'number', min: 1, max: 100, value: target?.retry_count ?? 3 }),
    retry_timeout: text('retry_timeout', 'Wait between them', { value: target?.retry_timeout ?? '10s' }, { help: 'Such as 10s, 5m or 1h30m.' }),
    retry_schedule: text('retry_schedule', 'Schedule instead', { value: schedule, placeholder: '5s, 5m, 1h' }, { help: 'The waits one after the other, instead of those two.' }),
    timeout: text('timeout', 'Time for one attempt', { value: target?.timeout ?? '10s' }),
    disable_after: text('disable_after', 'Pause after failing for', { value: target?.disable_after ?? '120h' }),
    username: text('username', 'User name (Basic)'),
    password: secret('password', 'Password'),
    authorization: secret('authorization', 'Authorization header', 'Instead of user name and password.'),
    headers: field('Headers', h('textarea', { rows: 3, spellcheck: 'false' }), { help: headerHelp }),
    ca_cert: area('ca_cert', 'Certificates (PEM)', 'Its own must be signed by one of them, instead of by those that everybody trusts.'),
    content_type: text('content_type', 'Content type', { value: target?.content_type ?? 'application/json' }),
    body_template: area('body_template', 'Body template (Mustache)', 'Of event, eventJson and eventMarkdown. Empty: the payload, byte for byte.'),
  };
}

/** The definition that the fields say; `before` is the target that is changed, for what is left as it is. */
function definition(fields, before) {
  const value = (name) => fields[name].input.value.trim();
  const listed = (name) => value(name).split(',').map((one) => one.trim()).filter(Boolean);
  const made = {
    address: value('address'),
    description: value('description'),
    scopes: fields.scopes.filter(([, one]) => one.input.checked).map(([scope]) => scope),
    level: value('level'),
    include_unscoped: fields.include_unscoped.input.checked,
    retry_count: value('retry_count') === '' ? null : Number(value('retry_count')),
    retry_schedule: listed('retry_schedule').length ? listed('retry_schedule') : null,
  };
  for (const name of LISTS) made[name] = listed(name);
  for (const name of ['retry_timeout', 'timeout', 'disable_after', 'username', 'ca_cert', 'content_type', 'body_template']) {
    made[name] = value(name) || null;
  }
  for (const name of ['password', 'authorization']) if (value(name)) made[name] = value(name);
  if (value('headers')) made.headers = headersOf(value('headers'));
  if (!before) made.name = value('name');
  return made;
}

/** Lines of `name: value` as an object. What has no colon becomes a name the server refuses, and says so. */
function headersOf(text) {
  return Object.fromEntries(text.split('\n').filter((line) => line.trim()).map((line) => {
    const at = line.indexOf(':');
    return at < 0 ? [line.trim(), ''] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  }));
}

/**
 * The form as a dialog. `target` and its `etag` where one is changed. Answers what the server made of it; `'changed'`
 * where somebody else was faster and theirs is to be loaded.
 */
export function targetForm({ target, etag } = {}) {
  return dialog(target ? `Change ${target.name}` : 'Create a target', (close) => {
    const fields = fieldsFor(target);
    const { scopes, ...single } = fields;
    const byPointer = Object.fromEntries(Object.entries(single).map(([name, one]) => [`/${name}`, one]));
    byPointer['/scopes'] = scopes[0][1];
    const wrong = h('div', {});
    const matches = h('div', { role: 'status' });
    const submit = h('button', { class: 'main' }, target ? 'Change' : 'Create');
    const refused = (error) => {
      if (error.status !== 412) showViolations(error, byPointer, wrong);
      else show(wrong, h('div', { class: 'note', role: 'alert' }, h('p', {}, 'Somebody else has changed it meanwhile.'), button('Load theirs', () => close('changed'))));
    };
    const onsubmit = async (event) => {
      event.preventDefault();
      show(wrong);
      const body = definition(fields, target);
      const request = target
        ? call(`/v1/targets/${encodeURIComponent(target.name)}`, { method: 'PATCH', scope: 'manage', body, headers: etag ? { 'if-match': etag } : {} })
        : call('/v1/targets', { method: 'POST', scope: 'manage', body });
      const made = await busy(submit, () => request, refused);
      if (made) close(made.data);
    };
    const look = button('Preview what it would get', (event) => busy(event.target, async () => {
      const body = { ...definition(fields), name: target?.name ?? (fields.name.input.value.trim() || 'preview') };
      const { data } = await call('/v1/targets/preview', { method: 'POST', scope: 'manage', body });
      for (const one of Object.values(byPointer)) one.error('');
      show(wrong);
      show(matches, matching(data, 'of the last 24 hours'));
    }, (error) => { show(matches); if (error.violations.length) refused(error); else show(matches, problem(error)); }));
    const group = (name, open, ...parts) => h('details', { class: 'group-of', open }, h('summary', {}, name), h('div', { class: 'two' }, parts));
    return h('form', { class: 'target-form', onsubmit, novalidate: true },
      h('div', { class: 'two' }, fields.name.element, fields.address.element, fields.description.element),
      group('What it gets', true,
        h('fieldset', {}, h('legend', {}, 'Scopes'), scopes.map(([, one]) => one.element)), fields.level.element,
        LISTS.map((name) => fields[name].element), fields.include_unscoped.element,
        h('div', { class: 'all' }, look, matches)),
      group('How often, how long', false, ['retry_count', 'retry_timeout', 'retry_schedule', 'timeout', 'disable_after'].map((name) => fields[name].element)),
      group('Authentication', false, ['username', 'password', 'authorization', 'headers', 'ca_cert'].map((name) => fields[name].element)),
      group('Body', false, ['content_type', 'body_template'].map((name) => fields[name].element)),
      wrong, h('div', { class: 'actions' }, button('Cancel', () => close()), submit));
  }, { wide: true });
}
