// Who gets webhooks, and how each is doing.

import { every, h, link, show } from '../dom.js';
import { call, left } from '../api.js';
import { ago, counted, duration, number, visible } from '../format.js';
import { button } from '../parts/forms.js';
import { loaded, shownOnce } from '../parts/manage.js';
import { empty } from '../parts/states.js';
import { badge, table } from '../parts/table.js';
import { targetForm } from '../parts/target-form.js';

/** Seconds between two looks at how the targets are doing. */
const LOOK = 30;

/** What a new target's secret is for. */
const SECRET = 'Deliveries are signed with it (Standard Webhooks). Give it to the receiver: it is not shown again, but can be rotated.';

export async function page({ signal, go }) {
  const list = loaded(signal, async () => {
    const { data } = await call('/v1/targets', { scope: 'manage', signal });
    if (!data.targets.length) return empty(h('p', {}, 'Nobody gets webhooks yet.'), h('p', {}, 'A target is one receiver, with its filters and its schedule.'));
    return table(counted(data.targets.length, 'target'), columns(signal), data.targets);
  });
  every(LOOK, signal, () => { if (!list.place.contains(document.activeElement)) list.refresh(); });
  const add = button('Create a target', async () => {
    const made = await targetForm();
    if (!made) return;
    await shownOnce(`The signing secret of ${made.name}`, made.signing_secret, SECRET);
    go(`/targets/${encodeURIComponent(made.name)}`);
  }, { kind: 'main' });
  const content = h('div', { class: 'page wide' }, h('div', { class: 'head' }, h('h1', {}, 'Targets'), add), list.place);
  return { title: 'Targets', content };
}

/** How a target stands, in a word. */
export function standing(target) {
  if (target.paused) return badge('warn', 'paused');
  return target.failing_since ? badge('bad', 'failing') : badge('good', 'active');
}

function columns(signal) {
  return [
    ['Target', (target) => [link(`/targets/${encodeURIComponent(target.name)}`, null, target.name), target.description ? h('p', { class: 'quiet' }, visible(target.description)) : null]],
    ['State', (target) => [standing(target), since(target)]],
    ['Address', (target) => visible(target.address)],
    ['Wants', wants],
    ['Last 24 hours', (target) => healthOf(target.name, signal)],
  ];
}

function since(target) {
  if (target.paused) return h('p', { class: 'quiet' }, `${ago(target.paused.since)}: ${visible(target.paused.reason)}`);
  return target.failing_since ? h('p', { class: 'quiet' }, `since ${ago(target.failing_since)}`) : null;
}

/** What it wants, in a line. */
export function wants(target) {
  const lists = [target.events, target.sources, target.projects, target.environments].flat();
  return visible([target.scopes.join(', '), ...lists].join(', '));
}

function healthOf(name, signal) {
  const place = h('span', { class: 'quiet' }, '…');
  const read = async () => {
    try {
      const { data } = await call(`/v1/targets/${encodeURIComponent(name)}/health`, { scope: 'either', signal });
      show(place, glance(data));
    } catch (error) {
      if (!left(error, signal)) show(place, 'cannot be read');
    }
  };
  read();
  return place;
}

/** Health in a line: how many arrive, how fast, what waits. */
function glance(health) {
  const rate = health.success_rate === null ? 'nothing delivered' : `${Math.floor(health.success_rate * 1000) / 10}% of ${number(health.settled)}`;
  const speed = health.p95_ms === null ? '' : `, p95 ${duration(health.p95_ms)}`;
  const waits = health.backlog ? `, ${number(health.backlog)}${health.backlog_is_at_least ? ' or more' : ''} to go` : '';
  return [rate, speed, waits, health.failed ? [' ', badge('bad', `${number(health.failed)} failed`)] : null];
}
