// API keys.

import { h, url } from '../dom.js';
import { request } from '../api.js';
import { formatDate, pluralize, timeElement } from '../format.js';
import { asyncView } from '../components/async-view.js';
import { showSecret } from '../components/dialogs.js';
import { button, field, input, select } from '../components/forms.js';
import { deleteButton, openCreateDialog } from '../components/resource-actions.js';
import { emptyState } from '../components/states.js';
import { badge, table } from '../components/table.js';
import * as session from '../session.js';

const PERMISSIONS = [
  ['ingest', 'ingest: send events of one source'],
  ['read', 'read: search and read events'],
  ['manage', 'manage: manage targets, sources, and API keys'],
];

export async function page({ signal }) {
  const list = asyncView(signal, async () => {
    const { data } = await request('/v1/keys', { signal });
    if (!data.keys.length) return emptyState('No API keys yet, except the initial manage key of the deployment.');
    return table(pluralize(data.keys.length, 'API key'), columns, data.keys);
  });
  const deleteMessage = (key) => (isCurrent(key) ? 'You are signed in with this key and will have to sign in with another one. ' : '')
    + 'Requests with this key fail within 30 seconds. This cannot be undone: a new key has a new token.';
  const columns = [
    ['Name', (key) => [key.name, isCurrent(key) ? ' (current)' : '']],
    ['Permission', (key) => [badge(key.scope === 'manage' ? 'warn' : 'plain', key.scope), key.source ? ` for ${key.source}` : '']],
    ['Created', (key) => timeElement(key.created_at)],
    ['Last used', (key) => (key.last_used ? timeElement(key.last_used, formatDate(key.last_used)) : 'Never')],
    ['Expires', (key) => (key.expires_at ? [timeElement(key.expires_at), isExpired(key) ? ' (expired)' : ''] : 'Never')],
    ['Actions', (key) => deleteButton(url`/v1/keys/${key.name}`, key.name, deleteMessage(key), list)],
  ];
  const createButton = button('Create API key', async () => {
    const created = await openKeyDialog(signal);
    if (!created) return;
    list.refresh();
    await showSecret(`Token of ${created.name}`, created.token, 'This token is shown only once. Store it in a safe place.');
  }, { kind: 'primary' });
  const content = h('div.page', h('div.page-header', h('h1', 'API keys'), createButton), list.container);
  return { title: 'API keys', content };
}

const isCurrent = (key) => session.keys()[key.scope]?.name === key.name;

const isExpired = (key) => Date.parse(key.expires_at) <= Date.now();

async function openKeyDialog(signal) {
  const { data } = await request('/v1/sources', { signal }).catch(() => ({ data: { sources: [] } }));
  const name = field('Name', input({ required: true, placeholder: 'auditor' }));
  const permission = field('Permission', select(PERMISSIONS, 'read'));
  const sources = data.sources.map((source) => [source.name, source.name]);
  const source = field('Source', select(sources.length ? sources : [['', 'No sources yet. Add one first.']]));
  const expiry = field('Expires', h('input', { type: 'datetime-local' }), 'If empty, the key never expires.');
  const updateSource = () => { source.element.hidden = permission.input.value !== 'ingest'; };
  permission.input.addEventListener('change', updateSource);
  updateSource();
  return openCreateDialog('Create API key', 'Create', '/v1/keys', { name, scope: permission, source, expires_at: expiry }, () => ({
    name: name.input.value.trim(),
    scope: permission.input.value,
    source: source.element.hidden ? undefined : source.input.value,
    expires_at: expiry.input.value ? new Date(expiry.input.value).toISOString() : undefined,
  }));
}
