// What can be sent: the catalogs, their types, and a way to try one.

import { h, link, show, url } from '../dom.js';
import { call } from '../api.js';
import { counted } from '../format.js';
import { eventLink } from '../parts/event.js';
import { busy, copy, field, input } from '../parts/forms.js';
import { json, parse, unescaped } from '../parts/json.js';
import { badge, problem, table } from '../parts/table.js';
import * as session from '../session.js';

export async function page({ query, signal, note }) {
  const { data } = await call('/v1/catalogs', { signal });
  const search = field('Find a type', input({ type: 'search', value: query.get('find') ?? '' }));
  const place = h('div');
  const draw = () => {
    const wanted = search.input.value.trim().toLowerCase();
    note(wanted ? { find: wanted } : {});
    const fits = (type) => [type.name, type.label ?? '', type.title ?? ''].some((text) => text.toLowerCase().includes(wanted));
    show(place, data.catalogs.map((catalog) => {
      const types = catalog.types.filter(fits);
      return types.length ? section(catalog, types) : null;
    }));
    if (!place.hasChildNodes()) show(place, h('p.state', 'No type has that in its name.'));
  };
  search.input.addEventListener('input', draw);
  draw();
  return { title: 'Schemas', content: h('div.page', h('h1', 'Schemas'), search.element, place) };
}

function section(catalog, types) {
  const base = link(`/schemas/${catalog.name}/base`, 'what all have in common');
  return h('section', h('h2', catalog.title), h('p.quiet', catalog.description, ' See ', base, '.'),
    table(counted(types.length, 'type'), [
      ['Type', (type) => link(url`/schemas/${catalog.name}/${type.name}`, type.name)],
      ['Says', (type) => type.label ?? type.title ?? ''],
      ['Description', (type) => type.description ?? ''],
    ], types));
}

export async function type({ params, signal }) {
  const { data: schema } = await call(url`/v1/schemas/${params.catalog}/${params.type}`, { signal });
  const examples = (schema.examples ?? []).map((example) =>
    h('section', json(example), copy(JSON.stringify(example, null, 2), 'Copy the example')));
  const content = h('div.page',
    h('p', link('/schemas', 'All schemas')),
    h('h1', h('span.kind', params.catalog), ' ', params.type),
    h('p', schema.description ?? ''),
    h('h2', 'Fields'), fieldsOf(schema),
    examples.length ? [h('h2', 'Examples'), examples] : null,
    tryIt(schema.examples?.[0] ?? {}, signal),
    h('details', h('summary', 'The schema itself'), json(schema)));
  return { title: params.type, content };
}

function fieldsOf(schema) {
  const rows = [];
  collect(schema, schema, '', rows, 0);
  if (!rows.length) return h('p.quiet', 'It names none.');
  return table(counted(rows.length, 'field'), [
    ['Field', ({ path }) => h('code', path)],
    ['Type', ({ type }) => type],
    ['Expected', ({ required }) => (required ? badge('info', 'required') : '')],
    ['Meaning', ({ words }) => words],
  ], rows);
}

const DEEPEST = 4;

function collect(root, given, path, rows, depth) {
  for (const schema of parts(root, given)) {
    const required = new Set(schema.required ?? []);
    for (const [name, one] of Object.entries(schema.properties ?? {})) {
      const all = parts(root, one);
      const at = path ? `${path}.${name}` : name;
      const type = [...new Set(all.flatMap((part) => typeOf(part)))].join(' or ') || 'anything';
      const words = all.map((part) => part.description ?? part.title).find(Boolean) ?? '';
      const known = rows.find((row) => row.path === at);
      if (known) Object.assign(known, { required: known.required || required.has(name), words: known.words || words, type: known.type === 'anything' ? type : known.type });
      else rows.push({ path: at, type, required: required.has(name), words });
      if (depth < DEEPEST) {
        collect(root, one, at, rows, depth + 1);
        for (const part of all) if (part.items) collect(root, part.items, `${at}[]`, rows, depth + 1);
      }
    }
  }
}

/** The schema with what it refers to and is made of. */
function parts(root, schema, depth = 0) {
  if (!schema || typeof schema !== 'object' || depth > 8) return [];
  const referred = schema.$ref?.startsWith('#/')
    ? schema.$ref.slice(2).split('/').reduce((at, part) => at?.[unescaped(part)], root)
    : null;
  const further = [referred, ...(schema.allOf ?? []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  return [schema, ...further.flatMap((one) => parts(root, one, depth + 1))];
}

function typeOf(schema) {
  if (schema.const !== undefined) return [JSON.stringify(schema.const)];
  if (schema.enum) return schema.enum.length > 6 ? [`one of ${schema.enum.length} values`] : schema.enum.map((value) => JSON.stringify(value));
  const types = [schema.type ?? []].flat();
  return types.map((type) => (schema.format && type === 'string' ? `${type} (${schema.format})` : type));
}

function tryIt(example, signal) {
  const token = field('Token of an ingest key', input({ type: 'password', required: true }), 'It is used for this one request, and not kept.');
  const body = field('Event', h('textarea', { rows: 14, spellcheck: 'false', value: JSON.stringify(example, null, 2) }));
  const result = h('div', { role: 'status' });
  const submit = h('button.main', 'Send it');
  const onsubmit = async (event) => {
    event.preventDefault();
    show(result);
    token.error('');
    const done = await busy(submit, () => call('/v1/events', { method: 'POST', token: token.input.value.trim(), body: body.input.value, signal }),
      (error) => {
        // Whatever is wrong with the token is said there.
        if (![401, 403].includes(error.status)) return show(result, refused(error, body.input.value));
        token.error(error.message);
        return token.input.focus();
      });
    if (!done) return;
    const words = done.status === 200 ? 'It was in the log already' : 'It is in the log';
    show(result, h('p.note', words, ': ', eventLink(done.data.id, `event ${done.data.id}`), '.'));
  };
  return h('details.try', h('summary', h('h2', 'Try it')),
    h('p', 'This stores a real event: use a key of a source that is made for trying.'),
    h('form', { onsubmit }, token.element, body.element, h('div.actions', submit), result));
}

function refused(error, body) {
  const { quarantine } = error.body ?? {};
  const kept = quarantine && h('p', 'Its id there is ', session.may('manage') ? link('/quarantine', quarantine) : quarantine, '.');
  let marked = null;
  try {
    marked = error.violations?.length ? json(parse(body), error.violations) : null;
  } catch {
    // What is no JSON has no places to mark; the problem says where it stops being it.
  }
  return [problem(error), kept, marked];
}
