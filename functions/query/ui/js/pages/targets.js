// Who gets webhooks, and how each is doing.

import { every, h, link, url } from '../dom.js';
import { call } from '../api.js';
import { ago, counted, duration, number } from '../format.js';
import { button } from '../parts/forms.js';
import { loaded, shownOnce } from '../parts/manage.js';
import { badge, empty, table } from '../parts/table.js';
import { targetForm } from '../parts/target-form.js';

/** Seconds between two looks at how the targets are doing. */
const LOOK = 30;

const SECRET = 'Deliveries are signed with it (Standard Webhooks). Give it to the receiver: it is not shown again, but can be rotated.';

export async function page({ signal, go }) {
  const list = loaded(signal, async () => {
    const { data } = await call('/v1/targets', { signal });
    if (!data.targets.length) return empty(h('p', 'Nobody gets webhooks yet.'), h('p', 'A target is one receiver, with its filters and its schedule.'));
    return table(counted(data.targets.length, 'target'), columns(signal), data.targets);
  });
  every(LOOK, signal, () => { if (!list.place.contains(document.activeElement)) list.refresh(); });
  const add = button('Create a target', async () => {
    const made = await targetForm();
    if (!made) return;
    await shownOnce(`The signing secret of ${made.name}`, made.signing_secret, SECRET);
    go(url`/targets/${made.name}`);
  }, { kind: 'main' });
  const content = h('div.page.wide', h('div.head', h('h1', 'Targets'), add), list.place);
  return { title: 'Targets', content };
}

/** How a target stands, in a word. */
export function standing(target) {
  if (target.paused) return badge('warn', 'paused');
  return target.failing_since ? badge('bad', 'failing') : badge('good', 'active');
}

function columns(signal) {
  return [
    ['Target', (target) => [link(url`/targets/${target.name}`, target.name), target.description && h('p.quiet', target.description)]],
    ['State', (target) => [standing(target), since(target)]],
    ['Address', (target) => target.address],
    ['Wants', wants],
    ['Last 24 hours', (target) => loaded(signal, () => call(url`/v1/targets/${target.name}/health`, { signal }).then(({ data }) => glance(data), () => 'not known just now')).place],
  ];
}

function since(target) {
  if (target.paused) return h('p.quiet', `${ago(target.paused.since)}: ${target.paused.reason}`);
  return target.failing_since && h('p.quiet', `since ${ago(target.failing_since)}`);
}

function wants(target) {
  const lists = ['events', 'sources', 'projects', 'environments'].filter((name) => target[name].length);
  const name = (list) => h('span.quiet', `${list === 'events' ? 'types' : list} `);
  return h('ul.plain', h('li', target.scopes.join(', ')),
    lists.map((list) => h('li', name(list), target[list].join(', '))));
}

function glance(health) {
  const speed = health.p95_ms === null ? '' : `, p95 ${duration(health.p95_ms)}`;
  const waits = health.backlog ? `, ${backlog(health)} to go` : '';
  return [rate(health), speed, waits, health.failed ? [' ', badge('bad', `${number(health.failed)} failed`)] : null];
}

/** The part that arrived. The API looks at the latest thousand. */
export function rate({ success_rate: of, settled }) {
  if (of === null) return 'nothing delivered';
  return `${of ? `${Math.floor(of * 1000) / 10}%` : 'none'} of ${settled === 1000 ? 'the latest ' : ''}${number(settled)}`;
}

export const backlog = (health) => `${number(health.backlog)}${health.backlog_is_at_least ? ' or more' : ''}`;
