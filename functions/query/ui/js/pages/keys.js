// Who may do what: the keys.

import { h, say } from '../dom.js';
import { call } from '../api.js';
import { counted, when } from '../format.js';
import { busy, button, confirm, dialog, field, select } from '../parts/forms.js';
import { loaded, showViolations, shownOnce } from '../parts/manage.js';
import { empty } from '../parts/states.js';
import { badge, table } from '../parts/table.js';

const SCOPES = [['ingest', 'ingest: post events of one source'], ['read', 'read: search and read'], ['manage', 'manage: change targets, sources and keys']];

export async function page({ signal }) {
  const list = loaded(signal, async () => {
    const { data } = await call('/v1/keys', { scope: 'manage', signal });
    if (!data.keys.length) return empty('There is no key but the first one, which the deployment was made with.');
    return table(counted(data.keys.length, 'key'), columns, data.keys);
  });
  const remove = async (key) => {
    const words = 'Who uses it is refused within 30 seconds. That cannot be taken back: a new key has a new token.';
    if (!await confirm(`Remove the key ${key.name}?`, words, { yes: 'Remove', danger: true })) return;
    await busy(list.place, () => call(`/v1/keys/${encodeURIComponent(key.name)}`, { method: 'DELETE', scope: 'manage' }),
      (error) => say(error.message));
    list.refresh();
  };
  const columns = [
    ['Key', (key) => key.name],
    ['May', (key) => [badge(key.scope === 'manage' ? 'warn' : 'plain', key.scope), key.source ? ` for ${key.source}` : '']],
    ['Created', (key) => when(key.created_at)],
    ['Last used', (key) => key.last_used ?? 'never'],
    ['Ends', (key) => (key.expires_at ? [when(key.expires_at), over(key) ? ' (over)' : ''] : 'never')],
    ['Actions', (key) => button('Remove', () => remove(key), { kind: 'danger', 'aria-label': `Remove ${key.name}` })],
  ];
  const add = button('Create a key', async () => {
    const made = await create(signal);
    if (!made) return;
    list.refresh();
    await shownOnce(`The token of ${made.name}`, made.token, 'It is shown this once. Keep it where its user finds it, and nobody else does.');
  }, { kind: 'main' });
  const content = h('div', { class: 'page' }, h('div', { class: 'head' }, h('h1', {}, 'Keys'), add), list.place);
  return { title: 'Keys', content };
}

const over = (key) => Date.parse(key.expires_at) <= Date.now();

async function create(signal) {
  const { data } = await call('/v1/sources', { scope: 'manage', signal }).catch(() => ({ data: { sources: [] } }));
  return dialog('Create a key', (close) => {
    const name = field('Name', h('input', { required: true, autocomplete: 'off', spellcheck: 'false', placeholder: 'auditor' }));
    const scope = field('May', select({ options: SCOPES, value: 'read' }));
    const sources = data.sources.map((source) => [source.name, source.name]);
    const source = field('Source', select({ options: sources.length ? sources : [['', 'There is none: add one first']] }));
    const ends = field('Ends', h('input', { type: 'datetime-local' }), { help: 'Never, where this is empty.' });
    const wrong = h('div', {});
    const submit = h('button', { class: 'main' }, 'Create');
    const follow = () => { source.element.hidden = scope.input.value !== 'ingest'; };
    scope.input.addEventListener('change', follow);
    follow();
    const onsubmit = async (event) => {
      event.preventDefault();
      const body = { name: name.input.value.trim(), scope: scope.input.value };
      if (body.scope === 'ingest') body.source = source.input.value;
      if (ends.input.value) body.expires_at = new Date(ends.input.value).toISOString();
      const fields = { '/name': name, '/scope': scope, '/source': source, '/expires_at': ends };
      const made = await busy(submit, () => call('/v1/keys', { method: 'POST', scope: 'manage', body }),
        (error) => showViolations(error, fields, wrong));
      if (made) close(made.data);
    };
    return h('form', { onsubmit }, name.element, scope.element, source.element, ends.element, wrong,
      h('div', { class: 'actions' }, button('Cancel', () => close()), submit));
  });
}
