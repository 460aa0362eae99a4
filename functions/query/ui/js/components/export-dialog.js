// Exports all matching events to a file.

import { h, render } from '../dom.js';
import { request } from '../api.js';
import { formatNumber, pluralize } from '../format.js';
import { formContent, openDialog } from './dialogs.js';
import { field, runBusy, select } from './forms.js';
import { problemState } from './states.js';

const FORMATS = [['csv', 'CSV (spreadsheet)'], ['json', 'JSON (one array)'], ['ndjson', 'NDJSON (one event per line)']];
const MEDIA_TYPES = { csv: 'text/csv', json: 'application/json', ndjson: 'application/x-ndjson' };

export function openExportDialog(filters) {
  const abort = new AbortController();
  return openDialog('Export events', (close) => {
    const formatField = field('Format', select(FORMATS));
    const progressBar = h('progress', { 'aria-label': 'Progress', hidden: true });
    const message = h('p', { role: 'status' }, 'Exports all events that match the filters, oldest first.');
    const exportAll = async () => {
      const format = formatField.input.value;
      const total = await countEvents(filters, abort.signal);
      const onProgress = (count) => {
        if (total !== null) Object.assign(progressBar, { max: Math.max(total, 1), value: Math.min(count, total) });
        render(message, total === null ? pluralize(count, 'event') : `${formatNumber(count)} of ${pluralize(total, 'event')}`);
      };
      onProgress(0);
      const { parts, count } = await fetchPages(filters, format, abort.signal, onProgress);
      downloadFile(new Blob(parts, { type: MEDIA_TYPES[format] }), format);
      render(message, `Exported ${pluralize(count, 'event')}.`);
      content.querySelector('.actions button').textContent = 'Close';
    };
    const content = formContent(close, [formatField.element, message, progressBar], 'Export', async (submit) => {
      const setRunning = (running) => {
        formatField.input.disabled = running;
        progressBar.hidden = !running;
      };
      setRunning(true);
      await runBusy(submit, exportAll, (error) => render(message, problemState(error)));
      setRunning(false);
    });
    return content;
  }).then(() => abort.abort());
}

/** Returns the number of matching events, or `null` if counting would take too long. */
async function countEvents(filters, signal) {
  return (await request('/v1/events', { query: [...filters, ['total', 'exact'], ['limit', '1']], signal })).data.total;
}

async function fetchPages(filters, format, signal, onProgress) {
  // A JSON array is assembled from NDJSON pages.
  const query = new URLSearchParams([...filters, ['format', format === 'json' ? 'ndjson' : format]]);
  const parts = format === 'json' ? ['['] : [];
  let address = `/v1/export?${query}`;
  let count = 0;
  while (address) {
    const { text, headers } = await request(address, { signal });
    const added = countRecords(format, text) - (format === 'csv' && !count ? 1 : 0);
    parts.push(format === 'json' ? (count && added ? ',' : '') + text.trimEnd().replaceAll('\n', ',\n') : text);
    count += added;
    onProgress(count);
    address = /<([^>]+)>;\s*rel="next"/.exec(headers.get('link') ?? '')?.[1];
  }
  if (format === 'json') parts.push(']\n');
  return { parts, count };
}

/** Counts the records by their line ends; in CSV, line ends inside quotes do not count. */
const countRecords = (format, text) => (format === 'csv' ? text.replace(/"[^"]*"/g, '') : text).split('\n').length - 1;

function downloadFile(blob, format) {
  const href = URL.createObjectURL(blob);
  const timestamp = new Date().toISOString().slice(0, 19).replaceAll(':', '');
  const anchor = h('a', { href, download: `tidings-${timestamp}.${format}` });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
