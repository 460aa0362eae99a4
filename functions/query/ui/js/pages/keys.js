// Who may do what: the keys.

import { h, url } from '../dom.js';
import { call } from '../api.js';
import { counted, when } from '../format.js';
import { asking, busy, button, dialog, field, input, select } from '../parts/forms.js';
import { loaded, remover, showViolations, shownOnce } from '../parts/manage.js';
import { empty } from '../parts/states.js';
import { badge, table } from '../parts/table.js';
import * as session from '../session.js';

const SCOPES = [['ingest', 'ingest: post events of one source'], ['read', 'read: search and read'], ['manage', 'manage: change targets, sources and keys']];

export async function page({ signal }) {
  const list = loaded(signal, async () => {
    const { data } = await call('/v1/keys', { signal });
    if (!data.keys.length) return empty('There is no key but the first one, which the deployment was made with.');
    return table(counted(data.keys.length, 'key'), columns, data.keys);
  });
  const removing = (key) => (mine(key) ? 'You are signed in with this key, and will have to sign in with another. ' : '')
    + 'Who uses it is refused within 30 seconds. That cannot be taken back: a new key has a new token.';
  const columns = [
    ['Key', (key) => [key.name, mine(key) ? ' (this one)' : '']],
    ['May', (key) => [badge(key.scope === 'manage' ? 'warn' : 'plain', key.scope), key.source ? ` for ${key.source}` : '']],
    ['Created', (key) => when(key.created_at)],
    ['Last used', (key) => key.last_used ?? 'never'],
    ['Ends', (key) => (key.expires_at ? [when(key.expires_at), over(key) ? ' (over)' : ''] : 'never')],
    ['Actions', (key) => remover(url`/v1/keys/${key.name}`, key.name, removing(key), list)],
  ];
  const add = button('Create a key', async () => {
    const made = await create(signal);
    if (!made) return;
    list.refresh();
    await shownOnce(`The token of ${made.name}`, made.token, 'It is shown this once. Keep it where its user finds it, and nobody else does.');
  }, { kind: 'main' });
  const content = h('div', { class: 'page' }, h('div', { class: 'head' }, h('h1', 'Keys'), add), list.place);
  return { title: 'Keys', content };
}

const mine = (key) => session.keys()[key.scope]?.name === key.name;

const over = (key) => Date.parse(key.expires_at) <= Date.now();

async function create(signal) {
  const { data } = await call('/v1/sources', { signal }).catch(() => ({ data: { sources: [] } }));
  return dialog('Create a key', (close) => {
    const name = field('Name', input({ required: true, placeholder: 'auditor' }));
    const scope = field('May', select({ options: SCOPES, value: 'read' }));
    const sources = data.sources.map((source) => [source.name, source.name]);
    const source = field('Source', select({ options: sources.length ? sources : [['', 'There is none: add one first']] }));
    const ends = field('Ends', h('input', { type: 'datetime-local' }), { help: 'Never, where this is empty.' });
    const wrong = h('div');
    const follow = () => { source.element.hidden = scope.input.value !== 'ingest'; };
    scope.input.addEventListener('change', follow);
    follow();
    return asking(close, [name.element, scope.element, source.element, ends.element, wrong], 'Create', async (submit) => {
      const body = { name: name.input.value.trim(), scope: scope.input.value };
      if (body.scope === 'ingest') body.source = source.input.value;
      if (ends.input.value) body.expires_at = new Date(ends.input.value).toISOString();
      const fields = { '/name': name, '/scope': scope, '/source': source, '/expires_at': ends };
      const made = await busy(submit, () => call('/v1/keys', { method: 'POST', body }),
        (error) => showViolations(error, fields, wrong));
      if (made) close(made.data);
    });
  });
}
