// Times, numbers and summaries, as they are read.

import { h } from './dom.js';

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const MINUTES = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const NUMBER = new Intl.NumberFormat();
const SHORT = new Intl.NumberFormat(undefined, { notation: 'compact' });
const AGO = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });
const UNITS = [['year', 31_557_600], ['month', 2_629_800], ['day', 86_400], ['hour', 3600], ['minute', 60], ['second', 1]];

/** The day of a time, in this browser's zone. */
export const day = (time) => DAY.format(new Date(time));

/** The time of day, to the second. */
export const clock = (time) => CLOCK.format(new Date(time));

/** The time of day, to the minute. */
export const minutes = (time) => MINUTES.format(new Date(time));

/** `1,234`. */
export const number = (value) => NUMBER.format(value);

/** `1.2K`, where there is no room. */
export const short = (value) => SHORT.format(value);

/** `3 events`, `1 event`. */
export const counted = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;

/** `5 minutes ago`. */
export function ago(time, now = Date.now()) {
  const seconds = (new Date(time) - now) / 1000;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ['second', 1];
  return AGO.format(Math.round(seconds / size), unit);
}

/** A time as an element: day and clock, the exact instant for who points at it. */
export function when(time, words) {
  if (!time) return h('span.quiet', '–');
  return h('time', { datetime: time, title: time }, words ?? `${day(time)}, ${clock(time)}`);
}

/** Milliseconds: `840 ms`, `1.2 s`, `3 min`. */
export function duration(ms) {
  if (!Number.isFinite(ms)) return '–';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

/**
 * A summary's Markdown: `**bold**` and `` `code` ``, and backslashes before signs. Everything else, links above all,
 * stays the text that it is.
 */
export function summary(markdown) {
  const parts = markdown.split(/((?<!\\)\*\*(?:\\.|[^*\\])+\*\*|(?<!\\)`[^`]+`)/);
  const plain = (text) => text.replace(/\\([!-/:-@[-`{-~])/g, '$1');
  return parts.map((part) => {
    if (part.length > 4 && part.startsWith('**')) return h('b', plain(part.slice(2, -2)));
    if (part.length > 2 && part.startsWith('`')) return h('code', part.slice(1, -1));
    return plain(part);
  });
}
