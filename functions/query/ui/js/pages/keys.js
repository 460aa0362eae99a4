// Who may do what: the keys.

import { h, url } from '../dom.js';
import { call } from '../api.js';
import { counted, day, when } from '../format.js';
import { button, field, input, select } from '../parts/forms.js';
import { creating, loaded, remover, shownOnce } from '../parts/manage.js';
import { badge, empty, table } from '../parts/table.js';
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
    ['Last used', (key) => (key.last_used ? when(key.last_used, day(key.last_used)) : 'never')],
    ['Ends', (key) => (key.expires_at ? [when(key.expires_at), over(key) ? ' (over)' : ''] : 'never')],
    ['Actions', (key) => remover(url`/v1/keys/${key.name}`, key.name, removing(key), list)],
  ];
  const add = button('Create a key', async () => {
    const made = await create(signal);
    if (!made) return;
    list.refresh();
    await shownOnce(`The token of ${made.name}`, made.token, 'It is shown this once. Keep it where its user finds it, and nobody else does.');
  }, { kind: 'main' });
  const content = h('div.page', h('div.head', h('h1', 'Keys'), add), list.place);
  return { title: 'Keys', content };
}

const mine = (key) => session.keys()[key.scope]?.name === key.name;

const over = (key) => Date.parse(key.expires_at) <= Date.now();

async function create(signal) {
  const { data } = await call('/v1/sources', { signal }).catch(() => ({ data: { sources: [] } }));
  const name = field('Name', input({ required: true, placeholder: 'auditor' }));
  const scope = field('May', select(SCOPES, 'read'));
  const sources = data.sources.map((source) => [source.name, source.name]);
  const source = field('Source', select(sources.length ? sources : [['', 'There is none: add one first']]));
  const ends = field('Ends', h('input', { type: 'datetime-local' }), 'Never, where this is empty.');
  const follow = () => { source.element.hidden = scope.input.value !== 'ingest'; };
  scope.input.addEventListener('change', follow);
  follow();
  return creating('Create a key', 'Create', '/v1/keys', { name, scope, source, expires_at: ends }, () => ({
    name: name.input.value.trim(),
    scope: scope.input.value,
    source: source.element.hidden ? undefined : source.input.value,
    expires_at: ends.input.value ? new Date(ends.input.value).toISOString() : undefined,
  }));
}
