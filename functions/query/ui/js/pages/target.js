// One target: its health, its configuration, and the actions on it.

import { announce, h, link, poll, render, url } from '../dom.js';
import { request } from '../api.js';
import { loadDefaults } from '../defaults.js';
import { formatDuration, formatNumber, pluralize, timeElement } from '../format.js';
import { asyncView } from '../components/async-view.js';
import { attemptItem, statusBadge } from '../components/delivery-attempts.js';
import { confirmAction, formContent, openDialog, showSecret } from '../components/dialogs.js';
import { button, field, runBusy } from '../components/forms.js';
import { rawText } from '../components/json-view.js';
import { openReplayDialog, replayTable } from '../components/replays.js';
import { resultRegion } from '../components/resource-actions.js';
import { facts } from '../components/table.js';
import { openTargetForm } from '../components/target-form.js';
import { formatBacklog, formatSuccessRate, stateBadge } from '../components/target-health.js';

/** Interval of updates. */
const POLL_SECONDS = 15;

export async function page({ params, signal, go }) {
  const path = url`/v1/targets/${params.name}`;
  const post = (action, body) => request(path + action, { method: 'POST', body, signal });
  let target = null;
  let etag = null;
  const header = h('div');
  const { result, showError } = resultRegion();
  const configuration = h('div');
  const health = asyncView(signal, async () => healthFacts((await request(`${path}/health`, { signal })).data));
  const replays = replayTable(params.name, signal);

  let lastText = '';
  const load = async () => {
    health.refresh();
    const { data, text, headers } = await request(path, { signal });
    if (text === lastText) return;
    [target, etag, lastText] = [data, headers.get('etag'), text];
    render(header, createHeader());
    render(configuration, facts(configurationFacts(target)));
  };
  const runAction = (task, message) => async (event) => {
    render(result);
    const done = await runBusy(event.target, task, showError);
    if (!done) return;
    announce(message);
    await load();
  };
  const pause = (event) => runAction(async () => {
    const reason = await openPauseDialog(target.name);
    return reason && post('/pause', { reason });
  }, 'Target paused. Its events are held.')(event);
  const resume = async (event) => {
    await runAction(() => post('/resume'), 'Target resumed. Held events are being delivered.')(event);
    replays.refresh();
  };
  const sendTest = (event) => runBusy(event.target, async () => {
    render(result, h('p.muted', 'Sending a test event…'));
    const { data } = await post('/test');
    const attempt = data.attempt ? h('ol.attempts', attemptItem(data.attempt)) : h('p', 'The attempt has not finished yet. See the deliveries.');
    render(result, h('section.box', h('h2', 'Test event ', statusBadge(data.status)), attempt));
    health.refresh();
  }, showError);
  const openEditor = async () => {
    const saved = await openTargetForm({ target, etag });
    if (!saved) return;
    await load();
    if (saved === 'changed') await openEditor();
    else announce('Target saved.');
  };
  const edit = (event) => runBusy(event.target, openEditor, showError);
  const rotateSecret = async (event) => {
    const message = 'Tidings creates a new signing secret. For 24 hours, deliveries are signed with both secrets, so that you can update the receiver.';
    if (!await confirmAction('Rotate the signing secret?', message, { confirmLabel: 'Rotate' })) return;
    const rotated = await runBusy(event.target, () => post('/rotate', {}), showError);
    if (!rotated) return;
    await showSecret('New signing secret', rotated.data.signing_secret, 'This secret is shown only once. Configure it in the receiver.');
    await load();
  };
  const deleteTarget = async (event) => {
    const message = 'The records of its deliveries are kept. Held and waiting events are no longer delivered.';
    if (!await confirmAction(`Delete ${target.name}?`, message, { confirmLabel: 'Delete', danger: true, requiredText: target.name })) return;
    const deleted = await runBusy(event.target, () => request(path, { method: 'DELETE', signal }), showError);
    if (!deleted) return;
    announce('Target deleted.');
    go('/targets');
  };
  const replay = (event) => runBusy(event.target, async () => {
    if (await openReplayDialog(target.name)) replays.refresh();
  }, showError);

  function createHeader() {
    const pauseOrResume = target.paused ? button('Resume', resume, { kind: 'primary' }) : button('Pause…', pause);
    return [
      h('div.page-header', h('h1', h('span.title-prefix', 'Target'), ' ', target.name, ' ', stateBadge(target)),
        h('div.buttons', button('Send test event', sendTest), pauseOrResume, button('Replay…', replay), button('Edit…', edit),
          button('Rotate secret…', rotateSecret), button('Delete…', deleteTarget, { kind: 'danger' }))),
      target.paused && h('p.note', 'Paused since ', timeElement(target.paused.since), ` by ${target.paused.by}: ${target.paused.reason}. Its events are held.`),
      target.description && h('p', target.description),
    ];
  }

  // If the target cannot be read, its health shows the error.
  poll(POLL_SECONDS, signal, () => load().catch(() => {}));
  await load();
  const deliveries = link(url`/targets/${params.name}/deliveries`, 'View deliveries');
  const content = h('div.page', header, result, h('h2', 'Last 24 hours'), health.container, h('p', deliveries),
    h('h2', 'Replays'), replays.container, h('h2', 'Configuration'), configuration);
  return { title: `Target ${params.name}`, content };
}

function healthFacts(health) {
  const backlog = `${formatBacklog(health)} (${formatNumber(health.unattempted)} not attempted, ${formatNumber(health.waiting)} waiting, ${formatNumber(health.held)} held)`;
  return facts([
    ['Delivered', formatSuccessRate(health)],
    ['Attempt duration', health.p50_ms !== null && `median ${formatDuration(health.p50_ms)}, p95 ${formatDuration(health.p95_ms)}`],
    ['Backlog', health.backlog ? backlog : 'None'],
    ['Oldest undelivered', health.oldest_undelivered_at && timeElement(health.oldest_undelivered_at)],
    ['Backlog delivered by (estimate)', health.through_at && timeElement(health.through_at)],
    ['Latest matching event', health.latest_match_at ? timeElement(health.latest_match_at) : 'None'],
    ['Warnings', health.warnings && health.warnings.join('; ')],
    ['Failed', formatNumber(health.failed)],
    ['Failing since', health.failing_since && timeElement(health.failing_since)],
  ]);
}

function configurationFacts(target) {
  const list = (values, placeholder) => (values.length ? values.join(', ') : placeholder);
  const retries = target.retry_schedule?.length
    ? `Retries after ${target.retry_schedule.join(', ')}`
    : `${pluralize(target.retry_count, 'attempt')}, ${target.retry_timeout} apart`;
  return [
    ['Endpoint URL', target.address], ['Scopes', list(target.scopes, '–')], ['Minimum log level', target.level],
    ['Sources', list(target.sources, 'All except Tidings itself')], ['Event types', list(target.events, 'All')],
    ['Projects', list(target.projects, 'All')], ['Environments', list(target.environments, 'All')],
    ['Events without a project or environment', target.include_unscoped ? 'Included' : 'Excluded'],
    ['Attempts', retries], ['Request timeout', target.timeout], ['Pause after failing for', target.disable_after],
    ['Username', target.username], ['Secrets', list(target.secrets, 'None')],
    ['Previous secret valid until', target.rotating_until && timeElement(target.rotating_until)],
    ['Content type', target.content_type],
    ['Body template', target.body_template && rawText(target.body_template)],
    ['CA certificates', target.ca_cert && h('details', h('summary', 'PEM'), rawText(target.ca_cert))],
    ['Created', timeElement(target.created_at)],
  ];
}

async function openPauseDialog(name) {
  const { limits } = await loadDefaults();
  return openDialog(`Pause ${name}`, (close) => {
    const reason = field('Reason', h('input', { required: true, maxlength: limits.pause_reason_length, value: 'maintenance' }), 'Shown with the held events.');
    const message = 'Tidings sends no events to a paused target. It holds them until you resume the target.';
    return formContent(close, [h('p', message), reason.element], 'Pause', () => {
      if (reason.input.value.trim()) close(reason.input.value.trim());
      else reason.error('Enter a reason.');
    });
  });
}
