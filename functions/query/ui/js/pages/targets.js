// All targets and their health.

import { announce, h, link, poll, url } from '../dom.js';
import { request } from '../api.js';
import { formatDuration, formatNumber, formatRelative, pluralize } from '../format.js';
import { asyncView } from '../components/async-view.js';
import { showSecret } from '../components/dialogs.js';
import { button, runBusy } from '../components/forms.js';
import { emptyState } from '../components/states.js';
import { badge, table } from '../components/table.js';
import { formatBacklog, formatSuccessRate, stateBadge } from '../components/target-health.js';
import { openTargetForm } from '../components/target-form.js';

/** Interval of updates. */
const POLL_SECONDS = 30;

const SECRET_MESSAGE = 'Deliveries are signed with this secret (Standard Webhooks). Configure it in the receiver. '
  + 'It is not shown again, but you can rotate it.';

export async function page({ signal, go }) {
  const list = asyncView(signal, async () => {
    const { data } = await request('/v1/targets', { signal });
    if (!data.targets.length) return emptyState(h('p', 'No targets yet.'), h('p', 'A target is a webhook endpoint with its own event filter and retry settings.'));
    return table(pluralize(data.targets.length, 'target'), targetColumns(signal), data.targets);
  });
  poll(POLL_SECONDS, signal, () => { if (!list.container.contains(document.activeElement)) list.refresh(); });
  const createButton = button('Create target', (event) => runBusy(event.target, async () => {
    const created = await openTargetForm();
    if (!created) return;
    await showSecret(`Signing secret of ${created.name}`, created.signing_secret, SECRET_MESSAGE);
    go(url`/targets/${created.name}`);
  }, (error) => announce(error.message)), { kind: 'primary' });
  const content = h('div.page.wide', h('div.page-header', h('h1', 'Targets'), createButton), list.container);
  return { title: 'Targets', content };
}

function targetColumns(signal) {
  return [
    ['Target', (target) => [link(url`/targets/${target.name}`, target.name), target.description && h('p.muted', target.description)]],
    ['State', (target) => [stateBadge(target), stateDetail(target)]],
    ['Endpoint URL', (target) => target.address],
    ['Event filter', filterSummary],
    ['Last 24 hours', (target) => asyncView(signal, () => loadHealth(target, signal)).container],
  ];
}

function stateDetail(target) {
  if (target.paused) return h('p.muted', `${formatRelative(target.paused.since)}: ${target.paused.reason}`);
  return target.failing_since && h('p.muted', `First failure: ${formatRelative(target.failing_since)}`);
}

function filterSummary(target) {
  const lists = ['events', 'sources', 'projects', 'environments'].filter((name) => target[name].length);
  const label = (name) => h('span.muted', `${name === 'events' ? 'types' : name}: `);
  return h('ul.plain', h('li', target.scopes.join(', ')),
    lists.map((name) => h('li', label(name), target[name].join(', '))));
}

async function loadHealth(target, signal) {
  try {
    const { data } = await request(url`/v1/targets/${target.name}/health`, { signal });
    return healthSummary(data);
  } catch {
    return 'Unavailable';
  }
}

function healthSummary(health) {
  const latency = health.p95_ms === null ? '' : `, p95 ${formatDuration(health.p95_ms)}`;
  const waiting = health.backlog ? `, backlog ${formatBacklog(health)}` : '';
  return [formatSuccessRate(health), latency, waiting, health.failed ? [' ', badge('bad', `${formatNumber(health.failed)} failed`)] : null];
}
