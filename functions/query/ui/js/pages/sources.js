// The registered producers.

import { h, link, url } from '../dom.js';
import { call } from '../api.js';
import { counted, when } from '../format.js';
import { button, field, input, select } from '../parts/forms.js';
import { creating, loaded, remover } from '../parts/manage.js';
import { empty, table } from '../parts/table.js';
import * as session from '../session.js';

const CATALOGS = [['unleash', 'Unleash'], ['migration-manager', 'Migration Manager'], ['signal', 'Signals'], ['tidings', 'Tidings']];

export async function page({ signal }) {
  const list = loaded(signal, async () => {
    const { data } = await call('/v1/sources', { signal });
    if (!data.sources.length) return empty('No producer is registered yet. Add one, then a key to post with.');
    return table(counted(data.sources.length, 'source'), columns, data.sources);
  });
  const events = (source) => (session.may('read') ? link('/', source.name, { source: source.name }) : source.name);
  const columns = [
    ['Source', events],
    ['Catalog', (source) => source.catalog],
    ['Registered', (source) => when(source.created_at)],
    ['Actions', (source) => remover(url`/v1/sources/${source.name}`, source.name, 'Its keys stop working. Its events stay in the log.', list)],
  ];
  const add = button('Add a source', async () => {
    const added = await create();
    if (added) list.refresh();
  }, { kind: 'main' });
  const words = 'A source is one producer. Its catalog says how its events are read.';
  const content = h('div.page', h('div.head', h('h1', 'Sources'), add),
    h('p.quiet', words), list.place);
  return { title: 'Sources', content };
}

function create() {
  const name = field('Name', input({ required: true, placeholder: 'unleash-prod' }));
  const catalog = field('Catalog', select(CATALOGS));
  return creating('Add a source', 'Add', '/v1/sources', { name, catalog },
    () => ({ name: name.input.value.trim(), catalog: catalog.input.value }));
}
