// Sources: the applications that send events.

import { announce, h, link, url } from '../dom.js';
import { request } from '../api.js';
import { loadDefaults } from '../defaults.js';
import { pluralize, timeElement } from '../format.js';
import { asyncView } from '../components/async-view.js';
import { button, field, input, runBusy, select } from '../components/forms.js';
import { deleteButton, openCreateDialog } from '../components/resource-actions.js';
import { emptyState } from '../components/states.js';
import { table } from '../components/table.js';
import * as session from '../session.js';

export async function page({ signal }) {
  const list = asyncView(signal, async () => {
    const { data } = await request('/v1/sources', { signal });
    if (!data.sources.length) return emptyState('No sources yet. Add a source, then create an ingest key for it.');
    return table(pluralize(data.sources.length, 'source'), columns, data.sources);
  });
  const eventsLink = (source) => (session.hasKey('read') ? link('/', source.name, { source: source.name }) : source.name);
  const columns = [
    ['Source', eventsLink],
    ['Catalog', (source) => source.catalog],
    ['Created', (source) => timeElement(source.created_at)],
    ['Actions', (source) => deleteButton(url`/v1/sources/${source.name}`, source.name, 'Its API keys stop working. Its events stay in the log.', list)],
  ];
  const addButton = button('Add source', (event) => runBusy(event.target, async () => {
    const added = await openSourceDialog();
    if (added) list.refresh();
  }, (error) => announce(error.message)), { kind: 'primary' });
  const help = 'A source is an application that sends events. Its catalog defines the types of these events.';
  const content = h('div.page', h('div.page-header', h('h1', 'Sources'), addButton),
    h('p.muted', help), list.container);
  return { title: 'Sources', content };
}

async function openSourceDialog() {
  const { catalogs } = await loadDefaults();
  const name = field('Name', input({ required: true, placeholder: 'unleash-prod' }));
  // Only Tidings writes events of its own catalog.
  const available = catalogs.filter(({ name }) => name !== 'tidings');
  const catalog = field('Catalog', select(available.map(({ name, title }) => [name, title])));
  return openCreateDialog('Add source', 'Add', '/v1/sources', { name, catalog },
    () => ({ name: name.input.value.trim(), catalog: catalog.input.value }));
}
