// The catalogs, their event types and schemas, and a form that sends a test event.

import { h, link, render, url } from '../dom.js';
import { request } from '../api.js';
import { pluralize } from '../format.js';
import { eventLink } from '../components/event-links.js';
import { copyButton, field, input, runBusy } from '../components/forms.js';
import { jsonView, parseJson, unescapeSegment } from '../components/json-view.js';
import { problemState } from '../components/states.js';
import { badge, table } from '../components/table.js';
import * as session from '../session.js';

export async function page({ query, signal, setQuery }) {
  const { data } = await request('/v1/catalogs', { signal });
  const search = field('Search types', input({ type: 'search', value: query.get('find') ?? '' }));
  const results = h('div');
  const draw = () => {
    const term = search.input.value.trim().toLowerCase();
    setQuery(term ? { find: term } : {});
    const matches = (type) => [type.name, type.label ?? '', type.title ?? ''].some((text) => text.toLowerCase().includes(term));
    render(results, data.catalogs.map((catalog) => {
      const types = catalog.types.filter(matches);
      return types.length ? catalogSection(catalog, types) : null;
    }));
    if (!results.hasChildNodes()) render(results, h('p.state', 'No matching types.'));
  };
  search.input.addEventListener('input', draw);
  draw();
  return { title: 'Schemas', content: h('div.page', h('h1', 'Schemas'), search.element, results) };
}

function catalogSection(catalog, types) {
  const base = link(`/schemas/${catalog.name}/base`, 'base schema');
  return h('section', h('h2', catalog.title), h('p.muted', catalog.description, ' See the ', base, '.'),
    table(pluralize(types.length, 'type'), [
      ['Type', (type) => link(url`/schemas/${catalog.name}/${type.name}`, type.name)],
      ['Label', (type) => type.label ?? type.title ?? ''],
      ['Description', (type) => type.description ?? ''],
    ], types));
}

/** The page of one event type. */
export async function typePage({ params, signal }) {
  const { data: schema } = await request(url`/v1/schemas/${params.catalog}/${params.type}`, { signal });
  const examples = (schema.examples ?? []).map((example) =>
    h('section', jsonView(example), copyButton(JSON.stringify(example, null, 2), 'Copy example')));
  const content = h('div.page',
    h('p', link('/schemas', 'All schemas')),
    h('h1', h('span.title-prefix', params.catalog), ' ', params.type),
    h('p', schema.description ?? ''),
    h('h2', 'Fields'), fieldTable(schema),
    examples.length ? [h('h2', 'Examples'), examples] : null,
    tryItForm(schema.examples?.[0] ?? {}, signal),
    h('details', h('summary', 'JSON Schema'), jsonView(schema)));
  return { title: params.type, content };
}

function fieldTable(schema) {
  const rows = [];
  collectFields(schema, schema, '', rows, 0);
  if (!rows.length) return h('p.muted', 'The schema defines no fields.');
  return table(pluralize(rows.length, 'field'), [
    ['Field', ({ path }) => h('code', path)],
    ['Type', ({ type }) => type],
    ['Required', ({ required }) => (required ? badge('info', 'required') : '')],
    ['Description', ({ description }) => description],
  ], rows);
}

const MAX_FIELD_DEPTH = 4;

function collectFields(root, parent, path, rows, depth) {
  for (const schema of expandSchema(root, parent)) {
    const required = new Set(schema.required ?? []);
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      const expanded = expandSchema(root, property);
      const fieldPath = path ? `${path}.${name}` : name;
      const type = [...new Set(expanded.flatMap((part) => typeNames(part)))].join(' or ') || 'any';
      const description = expanded.map((part) => part.description ?? part.title).find(Boolean) ?? '';
      const known = rows.find((row) => row.path === fieldPath);
      if (known) Object.assign(known, { required: known.required || required.has(name), description: known.description || description, type: known.type === 'any' ? type : known.type });
      else rows.push({ path: fieldPath, type, required: required.has(name), description });
      if (depth < MAX_FIELD_DEPTH) {
        collectFields(root, property, fieldPath, rows, depth + 1);
        for (const part of expanded) if (part.items) collectFields(root, part.items, `${fieldPath}[]`, rows, depth + 1);
      }
    }
  }
}

const MAX_REFERENCE_DEPTH = 8;

/** Returns a schema with all schemas that it references or combines. */
function expandSchema(root, schema, depth = 0) {
  if (!schema || typeof schema !== 'object' || depth > MAX_REFERENCE_DEPTH) return [];
  const referenced = schema.$ref?.startsWith('#/')
    ? schema.$ref.slice(2).split('/').reduce((node, segment) => node?.[unescapeSegment(segment)], root)
    : null;
  const subschemas = [referenced, ...(schema.allOf ?? []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  return [schema, ...subschemas.flatMap((subschema) => expandSchema(root, subschema, depth + 1))];
}

const MAX_LISTED_VALUES = 6;

function typeNames(schema) {
  if (schema.const !== undefined) return [JSON.stringify(schema.const)];
  if (schema.enum) return schema.enum.length > MAX_LISTED_VALUES ? [`one of ${schema.enum.length} values`] : schema.enum.map((value) => JSON.stringify(value));
  const types = [schema.type ?? []].flat();
  return types.map((type) => (schema.format && type === 'string' ? `${type} (${schema.format})` : type));
}

function tryItForm(example, signal) {
  const token = field('Ingest key', input({ type: 'password', required: true }), 'The key is used for this request only and is not stored.');
  const body = field('Event', h('textarea', { rows: 14, spellcheck: 'false', value: JSON.stringify(example, null, 2) }));
  const result = h('div', { role: 'status' });
  const submit = h('button.primary', 'Send event');
  const send = () => request('/v1/events', { method: 'POST', token: token.input.value.trim(), body: body.input.value, signal });
  const onsubmit = async (event) => {
    event.preventDefault();
    render(result);
    token.error('');
    const sent = await runBusy(submit, send, (error) => {
      // Authentication errors belong to the key field.
      if (![401, 403].includes(error.status)) return render(result, rejectionView(error, body.input.value));
      token.error(error.message);
      return token.input.focus();
    });
    if (!sent) return;
    const message = sent.status === 200 ? 'Already in the log as ' : 'Stored as ';
    render(result, h('p.note', message, eventLink(sent.data.id, `event ${sent.data.id}`), '.'));
  };
  return h('details.try', h('summary', h('h2', 'Try it')),
    h('p', 'This form stores a real event. Use the key of a test source.'),
    h('form', { onsubmit }, token.element, body.element, h('div.actions', submit), result));
}

/** Shows why an event was rejected, its ID in the quarantine, and the violations in the body. */
function rejectionView(error, body) {
  const { quarantine: id } = error.body ?? {};
  const quarantined = id && h('p', 'Quarantine ID: ', session.hasKey('manage') ? link('/quarantine', id) : id);
  let marked = null;
  try {
    marked = error.violations?.length ? jsonView(parseJson(body), error.violations) : null;
  } catch {
    // Invalid JSON has no values to mark. The problem names the position of the error.
  }
  return [problemState(error), quarantined, marked];
}
