// The form that targets are created and changed with: every field, with what the server says of it.

import { h, show, url } from '../dom.js';
import { call } from '../api.js';
import { asking, busy, button, dialog, field, input, select } from './forms.js';
import { showViolations } from './manage.js';
import { matching } from './matching.js';
import { problem } from './table.js';

const LEVELS = ['DEBUG', 'INFO', 'WARN', 'ERROR'].map((level) => [level, level]);
const SCOPES = ['lifecycle', 'logging', 'signal'];
const LISTS = ['sources', 'events', 'projects', 'environments'];

/** What a new target is like. */
const NEW = {
  level: 'WARN', scopes: ['lifecycle', 'logging'], include_unscoped: true, secrets: [],
  retry_count: 3, retry_timeout: '10s', timeout: '10s', disable_after: '120h', content_type: 'application/json',
};

function fieldsFor(target) {
  const now = { ...NEW, ...target };
  const text = (name, label, props = {}, help) => field(label, input({ value: now[name] ?? '', ...props }), help);
  const list = (name, label, help) => text(name, label, { value: now[name]?.join(', ') ?? '' }, help);
  const area = (name, label, help) => field(label, h('textarea', { rows: 4, spellcheck: 'false', value: now[name] ?? '' }), help);
  const secret = (name, label, help) => {
    const set = now.secrets.includes(name);
    return removable(text(name, label, { type: 'password', autocomplete: 'new-password', placeholder: set ? 'set; type to replace it' : '' }, help), name, set);
  };
  // What is set is never shown: an empty field keeps it, and only this takes it away.
  const removable = (made, name, set) => {
    if (!set) return made;
    made.remove = check(`Remove the ${name}`, false);
    made.element.append(made.remove.element);
    return made;
  };
  const check = (label, checked) => field(label, h('input', { type: 'checkbox', checked }), '', true);
  const own = now.secrets.filter((name) => name.startsWith('headers.')).map((name) => name.slice(8));
  return {
    name: text('name', 'Name', { required: true, disabled: Boolean(target), placeholder: 'audit' }),
    description: text('description', 'What it is for'),
    address: text('address', 'Address', { type: 'url', required: true, placeholder: 'https://example.com/hook' }),
    scopes: SCOPES.map((scope) => [scope, check(scope, now.scopes.includes(scope))]),
    level: field('Least level of log lines', select(LEVELS, now.level), 'Other events have none.'),
    sources: list('sources', 'Sources', 'Separated by commas, here and below. Empty: every source but Tidings itself.'),
    events: list('events', 'Types', 'Empty: every type.'),
    projects: list('projects', 'Projects', 'Empty: every project.'),
    environments: list('environments', 'Environments', 'Empty: every environment.'),
    include_unscoped: check('Include events without project or environment', now.include_unscoped),
    retry_count: text('retry_count', 'Attempts', { type: 'number', min: 1, max: 100 }),
    retry_timeout: text('retry_timeout', 'Wait between them', {}, 'Such as 10s, 5m or 1h30m.'),
    retry_schedule: text('retry_schedule', 'Schedule instead', { value: now.retry_schedule?.join(', ') ?? '', placeholder: '5s, 5m, 1h' }, 'The waits one after the other, instead of those two.'),
    timeout: text('timeout', 'Time for one attempt'),
    disable_after: text('disable_after', 'Pause after failing for'),
    username: text('username', 'User name (Basic)'),
    password: secret('password', 'Password'),
    authorization: secret('authorization', 'Authorization header', 'Instead of user name and password.'),
    headers: removable(field('Headers', h('textarea', { rows: 3, spellcheck: 'false' }),
      `One in each line, as “name: value”. Values are never shown again${own.length ? `; where this is empty, these are kept: ${own.join(', ')}` : ''}.`), 'headers', own.length),
    ca_cert: area('ca_cert', 'Certificates (PEM)', 'Its own must be signed by one of them, instead of by those that everybody trusts.'),
    content_type: text('content_type', 'Content type'),
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
  for (const name of ['password', 'authorization', 'headers']) {
    if (value(name)) made[name] = name === 'headers' ? headersOf(value(name)) : value(name);
    else if (fields[name].remove?.input.checked) made[name] = null;
  }
  if (!before) made.name = value('name');
  // To the server, none is what is usual.
  if (!made.scopes.length) throw { violations: [{ pointer: '/scopes', message: 'Choose one at least.' }] };
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
    const byName = { ...single, scopes: scopes[0][1] };
    const wrong = h('div');
    const matches = h('div', { role: 'status' });
    const refused = (error) => {
      if (error.status !== 412) showViolations(error, byName, wrong);
      else show(wrong, h('div.note', { role: 'alert' }, h('p', 'Somebody else has changed it meanwhile.'), button('Load theirs', () => close('changed'))));
    };
    const send = async (submit) => {
      show(wrong);
      const [method, path] = target ? ['PATCH', url`/v1/targets/${target.name}`] : ['POST', '/v1/targets'];
      const headers = etag ? { 'if-match': etag } : {};
      const made = await busy(submit, () => call(path, { method, body: definition(fields, target), headers }), refused);
      if (made) close(made.data);
    };
    const look = button('Preview what it would get', (event) => busy(event.target, async () => {
      const body = { ...definition(fields), name: target?.name ?? (fields.name.input.value.trim() || 'new-one') };
      const { data } = await call('/v1/targets/preview', { method: 'POST', body });
      for (const one of Object.values(byName)) one.error('');
      show(wrong);
      show(matches, matching(data, 'of the last 24 hours'));
    }, (error) => { show(matches); if (error.violations.length) refused(error); else show(matches, problem(error)); }));
    const own = (names) => names.map((name) => fields[name].element);
    const group = (name, open, ...parts) => h('details.group-of', { open }, h('summary', name), h('div.two', parts));
    const form = asking(close, [
      h('div.two', own(['name', 'address', 'description'])),
      group('What it gets', true,
        h('fieldset', h('legend', 'Scopes'), scopes.map(([, one]) => one.element)), fields.level.element,
        own(LISTS), fields.include_unscoped.element, h('div.all', look, matches)),
      group('How often, how long', false, own(['retry_count', 'retry_timeout', 'retry_schedule', 'timeout', 'disable_after'])),
      group('Authentication', false, own(['username', 'password', 'authorization', 'headers', 'ca_cert'])),
      group('Body', false, own(['content_type', 'body_template'])), wrong], target ? 'Change' : 'Create', send);
    // The server says what is wrong, with more than a browser could.
    form.noValidate = true;
    return form;
  }, { wide: true });
}
