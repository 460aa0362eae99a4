// Everything that matches, as a file.

import { h, show } from '../dom.js';
import { call } from '../api.js';
import { counted, number } from '../format.js';
import { asking, busy, dialog, field, select } from './forms.js';
import { problem } from './table.js';

const FORMS = [['csv', 'CSV, for a spreadsheet'], ['json', 'JSON, one list'], ['ndjson', 'NDJSON, an event in each line']];
const MEDIA = { csv: 'text/csv', json: 'application/json', ndjson: 'application/x-ndjson' };

export function exportDialog(filters) {
  const stop = new AbortController();
  return dialog('Export', (close) => {
    const form = field('Form', select(FORMS));
    const bar = h('progress', { 'aria-label': 'Progress', hidden: true });
    const words = h('p', { role: 'status' }, 'All events that the filters let pass, the oldest first.');
    const fetchAll = async () => {
      const kind = form.input.value;
      const total = await count(filters, stop.signal);
      const tell = (done) => {
        if (total !== null) Object.assign(bar, { max: Math.max(total, 1), value: Math.min(done, total) });
        show(words, total === null ? counted(done, 'event') : `${number(done)} of ${counted(total, 'event')}`);
      };
      tell(0);
      const { parts, done } = await pages(filters, kind, stop.signal, tell);
      save(new Blob(parts, { type: MEDIA[kind] }), kind);
      show(words, `Done: ${counted(done, 'event')}.`);
      made.querySelector('.actions button').textContent = 'Close';
    };
    const made = asking(close, [form.element, words, bar], 'Export', async (submit) => {
      const under = (way) => {
        form.input.disabled = way;
        bar.hidden = !way;
      };
      under(true);
      await busy(submit, fetchAll, (error) => show(words, problem(error)));
      under(false);
    });
    return made;
  }).then(() => stop.abort());
}

/** How many events there are; `null` where that takes too long to count. */
async function count(filters, signal) {
  return (await call('/v1/events', { query: [...filters, ['total', 'exact'], ['limit', '1']], signal })).data.total;
}

async function pages(filters, form, signal, tell) {
  // A list of JSON is put together from lines, each of which is an event.
  const query = new URLSearchParams([...filters, ['format', form === 'json' ? 'ndjson' : form]]);
  const parts = form === 'json' ? ['['] : [];
  let address = `/v1/export?${query}`;
  let done = 0;
  while (address) {
    const { text, headers } = await call(address, { signal });
    const events = records(form, text) - (form === 'csv' && !done ? 1 : 0);
    parts.push(form === 'json' ? (done && events ? ',' : '') + text.trimEnd().replaceAll('\n', ',\n') : text);
    done += events;
    tell(done);
    address = /<([^>]+)>;\s*rel="next"/.exec(headers.get('link') ?? '')?.[1];
  }
  if (form === 'json') parts.push(']\n');
  return { parts, done };
}

/** How many records a text has, by its line ends: in CSV, those outside of quotes. */
const records = (form, text) => (form === 'csv' ? text.replace(/"[^"]*"/g, '') : text).split('\n').length - 1;

function save(blob, form) {
  const href = URL.createObjectURL(blob);
  const anchor = h('a', { href, download: `tidings-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.${form}` });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
