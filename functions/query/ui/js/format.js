// Formats times, numbers, and event summaries.

import { h } from './dom.js';

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const TIME = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const HOUR_MINUTE = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const NUMBER = new Intl.NumberFormat();
const COMPACT = new Intl.NumberFormat(undefined, { notation: 'compact' });
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });
const UNIT_SECONDS = [['year', 31_557_600], ['month', 2_629_800], ['day', 86_400], ['hour', 3600], ['minute', 60], ['second', 1]];

/** Formats the date of a time in the browser's time zone. */
export const formatDate = (time) => DATE.format(new Date(time));

/** Formats the time of day with seconds. */
export const formatTime = (time) => TIME.format(new Date(time));

/** Formats the time of day without seconds. */
export const formatHourMinute = (time) => HOUR_MINUTE.format(new Date(time));

/** Formats a number: `1,234`. */
export const formatNumber = (value) => NUMBER.format(value);

/** Formats a number for narrow places: `1.2K`. */
export const formatCompact = (value) => COMPACT.format(value);

/** Formats a count with its noun: `3 events`, `1 event`. */
export const pluralize = (count, singular, plural = `${singular}s`) => `${formatNumber(count)} ${count === 1 ? singular : plural}`;

/** Formats a time relative to now: `5 minutes ago`. */
export function formatRelative(time, now = Date.now()) {
  const seconds = (new Date(time) - now) / 1000;
  const [unit, size] = UNIT_SECONDS.find(([, size]) => Math.abs(seconds) >= size) ?? ['second', 1];
  return RELATIVE.format(Math.round(seconds / size), unit);
}

/** Creates a `<time>` element with date and time of day; its tooltip is the exact time. */
export function timeElement(time, label) {
  if (!time) return h('span.muted', '–');
  return h('time', { datetime: time, title: time }, label ?? `${formatDate(time)}, ${formatTime(time)}`);
}

/** Formats milliseconds: `840 ms`, `1.2 s`, `3 min`. */
export function formatDuration(ms) {
  if (!Number.isFinite(ms)) return '–';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

/**
 * Converts the Markdown of a summary: `**bold**`, `` `code` ``, and backslash escapes. All other Markdown, links in
 * particular, stays plain text.
 */
export function renderSummary(markdown) {
  const parts = markdown.split(/((?<!\\)\*\*(?:\\.|[^*\\])+\*\*|(?<!\\)`[^`]+`)/);
  const unescape = (text) => text.replace(/\\([!-/:-@[-`{-~])/g, '$1');
  return parts.map((part) => {
    if (part.length > 4 && part.startsWith('**')) return h('b', unescape(part.slice(2, -2)));
    if (part.length > 2 && part.startsWith('`')) return h('code', part.slice(1, -1));
    return unescape(part);
  });
}
