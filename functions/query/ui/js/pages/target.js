// One target: how it is doing, what it is, and what can be done with it.

import { every, h, link, say, show, url } from '../dom.js';
import { call } from '../api.js';
import { counted, duration, number, when } from '../format.js';
import { attempt, status } from '../parts/deliveries.js';
import { asking, busy, button, confirm, dialog, field } from '../parts/forms.js';
import { raw } from '../parts/json.js';
import { loaded, outcome, shownOnce } from '../parts/manage.js';
import { facts } from '../parts/table.js';
import { targetForm } from '../parts/target-form.js';
import { replayDialog, replays } from '../parts/replays.js';
import { backlog, rate, standing } from './targets.js';

/** Seconds between two looks at it. */
const LOOK = 15;

export async function page({ params, signal, go }) {
  const at = url`/v1/targets/${params.name}`;
  const post = (path, body) => call(at + path, { method: 'POST', body, signal });
  let target = null;
  let etag = null;
  const top = h('div');
  const { result, failed } = outcome();
  const definition = h('div');
  const health = loaded(signal, async () => healthFacts((await call(`${at}/health`, { signal })).data));
  const running = replays(params.name, signal);

  let known = '';
  const read = async () => {
    health.refresh();
    const { data, text, headers } = await call(at, { signal });
    if (text === known) return;
    [target, etag, known] = [data, headers.get('etag'), text];
    show(top, head());
    show(definition, facts(definitionOf(target)));
  };
  const act = (task, words) => async (event) => {
    show(result);
    const done = await busy(event.target, task, failed);
    if (!done) return;
    say(words);
    await read();
  };
  const pause = async (event) => {
    const reason = await askReason(target.name);
    if (reason) await act(() => post('/pause', { reason }), 'It is paused: its events are held.')(event);
  };
  const resume = async (event) => {
    await act(() => post('/resume'), 'It is resumed: what was held is delivered now.')(event);
    running.refresh();
  };
  const test = (event) => busy(event.target, async () => {
    show(result, h('p.quiet', 'Sending a test event…'));
    const { data } = await post('/test');
    show(result, h('section.box', h('h2', 'Test ', status(data.status)),
      data.attempt ? h('ol.attempts', attempt(data.attempt)) : h('p', 'The attempt is not over yet: see its deliveries.')));
    health.refresh();
  }, failed);
  const change = async () => {
    const made = await targetForm({ target, etag });
    if (!made) return;
    await read();
    if (made === 'changed') await change();
    else say('It is changed.');
  };
  const rotate = async (event) => {
    const words = 'A new secret is made. For a day, deliveries are signed with both, so the receiver can change over.';
    if (!await confirm('Rotate the signing secret?', words, { yes: 'Rotate' })) return;
    const done = await busy(event.target, () => post('/rotate', {}), failed);
    if (!done) return;
    await shownOnce('The new signing secret', done.data.signing_secret, 'It is shown this once. Give it to the receiver.');
    await read();
  };
  const remove = async (event) => {
    const words = 'What it was sent stays on record. What is held or waiting for it is not delivered any more.';
    if (!await confirm(`Remove ${target.name}?`, words, { yes: 'Remove', danger: true, type: target.name })) return;
    const done = await busy(event.target, () => call(at, { method: 'DELETE', signal }), failed);
    if (!done) return;
    say('It is removed.');
    go('/targets');
  };
  const replay = async () => {
    if (await replayDialog(target.name)) running.refresh();
  };

  function head() {
    const turn = target.paused ? button('Resume', resume, { kind: 'main' }) : button('Pause', pause);
    return [
      h('div.head', h('h1', h('span.kind', 'Target'), ' ', target.name, ' ', standing(target)),
        h('div.buttons', button('Send a test', test), turn, button('Replay…', replay), button('Change…', change),
          button('Rotate secret…', rotate), button('Remove…', remove, { kind: 'danger' }))),
      target.paused && h('p.note', 'Paused since ', when(target.paused.since), ` by ${target.paused.by}: ${target.paused.reason}. Its events are held.`),
      target.description && h('p', target.description),
    ];
  }

  // Where it cannot be read, its health says why.
  every(LOOK, signal, () => read().catch(() => {}));
  await read();
  const deliveries = link(url`/targets/${params.name}/deliveries`, 'All its deliveries');
  const content = h('div.page', top, result, h('h2', 'Last 24 hours'), health.place, h('p', deliveries),
    h('h2', 'Replays'), running.place, h('h2', 'Definition'), definition);
  return { title: `Target ${params.name}`, content };
}

function healthFacts(health) {
  return facts([
    ['Delivered', rate(health)],
    ['Time of an attempt', health.p50_ms !== null && `median ${duration(health.p50_ms)}, p95 ${duration(health.p95_ms)}`],
    ['Still to go', health.backlog ? `${backlog(health)}: ${number(health.unattempted)} not attempted, ${number(health.waiting)} waiting, ${number(health.held)} held` : 'nothing'],
    ['Oldest of those', health.oldest_undelivered_at && when(health.oldest_undelivered_at)],
    ['All delivered by', health.through_at && when(health.through_at)],
    ['Failed for good', number(health.failed)],
    ['Failing since', health.failing_since && when(health.failing_since)],
  ]);
}

function definitionOf(target) {
  const list = (values, none) => (values.length ? values.join(', ') : none);
  const retries = target.retry_schedule?.length
    ? `after ${target.retry_schedule.join(', ')}`
    : `${counted(target.retry_count, 'attempt')}, ${target.retry_timeout} between them`;
  return [
    ['Address', target.address], ['Scopes', list(target.scopes, '–')], ['Log lines from', target.level],
    ['Sources', list(target.sources, 'every one but Tidings itself')], ['Types', list(target.events, 'every type')],
    ['Projects', list(target.projects, 'every project')], ['Environments', list(target.environments, 'every environment')],
    ['Events without project or environment', target.include_unscoped ? 'included' : 'left out'],
    ['Attempts', retries], ['Time for one', target.timeout], ['Paused after failing for', target.disable_after],
    ['User name', target.username], ['Secrets', list(target.secrets, 'none')],
    ['Also signed with the former secret until', target.rotating_until && when(target.rotating_until)],
    ['Content type', target.content_type],
    ['Body template', target.body_template && raw(target.body_template)],
    ['Certificates', target.ca_cert && h('details', h('summary', 'PEM'), raw(target.ca_cert))],
    ['Created', when(target.created_at)],
  ];
}

function askReason(name) {
  return dialog(`Pause ${name}`, (close) => {
    const reason = field('Why', h('input', { required: true, maxlength: '200', value: 'maintenance' }), 'Whoever looks at a held event reads this.');
    return asking(close, [h('p', 'Nothing is posted to it from now on. Its events are held, and nothing is lost.'), reason.element], 'Pause', () => {
      if (reason.input.value.trim()) close(reason.input.value.trim());
      else reason.error('Say why.');
    });
  });
}
