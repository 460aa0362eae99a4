// Targets: creating, changing, testing, pausing, replaying, and their deliveries.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, afterEach, before, test } from 'node:test';
import { flag, rig, until } from './harness.mjs';

let receiver;
let status = 204;
let received = 0;

/** Starts the receiver, which answers with `status`. */
async function ready() {
  receiver = createServer((request, response) => {
    request.resume().on('end', () => {
      received += 1;
      response.writeHead(status).end();
    });
  });
  await new Promise((resolve) => { receiver.listen(0, '127.0.0.1', resolve); });
}

const made = rig({ before, after, afterEach }, { demo: false, ready });
after(() => receiver.close());

const address = () => `http://127.0.0.1:${receiver.address().port}/hook`;
const now = () => new Date().toISOString();

async function create(name, fields = {}) {
  const { status: answered, data } = await made.stack.call('POST', '/v1/targets', { body: { name, address: address(), retry_count: 1, ...fields } });
  assert.equal(answered, 201, JSON.stringify(data));
}

test('what is wrong stands at its field, and the secret is shown once', async () => {
  const page = await made.browser.open('/targets');
  await page.getByText('Nobody gets webhooks yet.').waitFor();
  await page.getByRole('button', { name: 'Create a target' }).click();
  const dialog = page.getByRole('dialog', { name: 'Create a target' });
  await dialog.getByLabel('Name', { exact: true }).fill('no name!');
  await dialog.getByLabel('Address').fill('ftp://example.com');
  await dialog.getByText('How often, how long').click();
  await dialog.getByLabel('Wait between them').fill('soon');
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  for (const label of ['Name', 'Address', 'Wait between them']) {
    const field = dialog.getByLabel(label, { exact: true });
    await until(label, 5, async () => (await field.getAttribute('aria-invalid')) === 'true');
  }
  assert.ok(await dialog.getByLabel('Name', { exact: true }).evaluate((one) => one === document.activeElement), 'the first has the focus');
  await dialog.getByLabel('Name', { exact: true }).fill('audit');
  await dialog.getByLabel('Address').fill(address());
  await dialog.getByLabel('Wait between them').fill('1s');
  await dialog.getByText('Authentication').click();
  await dialog.getByLabel('Headers').fill('x-team: ops');
  await dialog.getByRole('button', { name: 'Preview what it would get' }).click();
  await dialog.getByText('of the last 24 hours match').waitFor();
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  const once = page.getByRole('dialog', { name: 'The signing secret of audit' });
  assert.match(await once.locator('pre').textContent(), /^whsec_/);
  await once.getByRole('button', { name: 'I have kept it' }).click();
  await page.getByRole('heading', { name: 'Target audit' }).waitFor();
  await until('it is not shown again', 10, async () => !(await page.content()).includes('whsec_'));
  const { data } = await made.stack.call('GET', '/v1/targets/audit');
  assert.deepEqual([data.retry_timeout, data.secrets], ['1s', ['signing_secret', 'headers.x-team']]);
});

test('a form is previewed before it has a name, and not lost by a click, a key or a token that ends', async () => {
  await made.stack.post('unleash', flag(840_501, now()));
  const page = await made.browser.open('/targets');
  await page.getByRole('button', { name: 'Create a target' }).click();
  const dialog = page.getByRole('dialog', { name: 'Create a target' });
  await dialog.getByLabel('Address').fill('https://example.com/');
  await dialog.getByRole('button', { name: 'Preview what it would get' }).click();
  await dialog.getByText('The latest of them').waitFor();
  assert.equal(await dialog.getByRole('link').count(), 0, 'nothing leads away');
  await dialog.getByLabel('Name', { exact: true }).fill('kept');
  await page.keyboard.press('Escape');
  await dialog.getByText('Press Escape once more').waitFor();
  for (const scope of ['lifecycle', 'logging']) await dialog.getByLabel(scope).uncheck();
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  await dialog.getByText('Choose one at least.').waitFor();
  await dialog.getByLabel('logging').check();
  await page.evaluate(() => sessionStorage.setItem('tidings.keys', JSON.stringify({ manage: { name: 'gone', token: 'tdg_gone' } })));
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  await dialog.getByText('The key is not valid any more.').waitFor();
  assert.equal(await dialog.getByLabel('Name', { exact: true }).inputValue(), 'kept');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByText('The key is not valid any more.').first().waitFor();
});

test('a change that somebody else was faster with is not overwritten', async () => {
  await create('shared');
  const page = await made.browser.open('/targets/shared');
  await page.getByRole('button', { name: 'Change…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Change shared' });
  await made.stack.call('PATCH', '/v1/targets/shared', { body: { description: 'theirs' } });
  await dialog.getByLabel('What it is for').fill('mine');
  await dialog.getByRole('button', { name: 'Change', exact: true }).click();
  await dialog.getByText('Somebody else has changed it meanwhile.').waitFor();
  await dialog.getByRole('button', { name: 'Load theirs' }).click();
  await until('theirs', 5, async () => (await dialog.getByLabel('What it is for').inputValue()) === 'theirs');
  await dialog.getByLabel('What it is for').fill('both');
  await dialog.getByRole('button', { name: 'Change', exact: true }).click();
  await page.getByText('both').first().waitFor();
});

test('a test is sent, and its attempt shown', async () => {
  await create('tested');
  const page = await made.browser.open('/targets/tested');
  await page.getByRole('button', { name: 'Send a test' }).click();
  const box = page.getByRole('status').filter({ hasText: 'Test' });
  await box.getByText('delivered').waitFor();
  await box.getByText('204').waitFor();
  await page.getByText('100% of 1', { exact: true }).waitFor();
  status = 500;
  await page.getByRole('button', { name: 'Send a test' }).click();
  await box.getByText('answered 500').waitFor();
  status = 204;
});

test('paused, held, resumed, delivered', async () => {
  await create('paused');
  const page = await made.browser.open('/targets/paused');
  await page.getByRole('button', { name: 'Pause' }).click();
  const dialog = page.getByRole('dialog', { name: 'Pause paused' });
  await dialog.getByLabel('Why').fill('a new certificate');
  await dialog.getByRole('button', { name: 'Pause' }).click();
  await page.getByText('a new certificate').waitFor();
  // Functions know of a pause within a second: events that came before they did are delivered.
  let number = 840_000;
  await until('a held event', 15, async () => {
    number += 1;
    const { id } = await made.stack.post('unleash', flag(number, now()));
    const stands = await until('where the delivery stands', 5, async () => {
      const { data } = await made.stack.call('GET', `/v1/events/${id}/deliveries`, { key: 'read' });
      const { status: word } = data.deliveries.find((delivery) => delivery.target === 'paused');
      return ['held', 'delivered'].includes(word) && word;
    });
    return stands === 'held';
  });
  await page.goto(`${made.stack.url}/targets/paused/deliveries?status=nonsense`);
  await page.getByRole('cell', { name: 'held', exact: true }).first().waitFor();
  await page.getByLabel('Status').selectOption('held');
  await page.getByRole('rowheader').first().waitFor();
  assert.equal(await page.getByRole('button', { name: /Retry event/ }).count(), 0, 'what is held is not retried');
  await page.goto(`${made.stack.url}/targets/paused`);
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  const replay = page.getByRole('row').filter({ has: page.getByRole('cell', { name: 'what was held' }) });
  await replay.getByText('done').waitFor({ timeout: 30_000 });
});

test('a replay is counted, started, watched and cancelled', async () => {
  await create('replayed', { projects: ['replays'] });
  await made.stack.post('unleash', Array.from({ length: 300 }, (_, n) => flag(820_000 + n, new Date(Date.parse('2026-03-01T00:00:00Z') + n).toISOString(), { project: 'replays' })));
  const page = await made.browser.open('/targets/replayed');
  await page.getByRole('button', { name: 'Replay…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Replay to replayed' });
  assert.ok(await dialog.getByRole('button', { name: 'Start' }).isDisabled(), 'first the count');
  await dialog.getByLabel('From (UTC)').fill('2026-03-01');
  await dialog.getByLabel('To (UTC)').fill('2026-03-01');
  await dialog.getByLabel('Events a second, at most').fill('0');
  await dialog.getByRole('button', { name: 'Count first' }).click();
  await until('what is wrong, at its field', 5, async () => (await dialog.getByLabel('Events a second, at most').getAttribute('aria-invalid')) === 'true');
  await dialog.getByLabel('Events a second, at most').fill('10');
  await dialog.getByRole('button', { name: 'Count first' }).click();
  await dialog.getByText('300 events').waitFor();
  await dialog.getByRole('button', { name: 'Start' }).click();
  await page.getByText('of 300').waitFor();
  await page.getByRole('button', { name: 'Cancel the replay' }).click();
  await page.getByText('cancelled').first().waitFor();
});

test('a count of other filters than those that are chosen starts nothing', async () => {
  await create('counted');
  const page = await made.browser.open('/targets/counted');
  let held = null;
  await page.route('**/replay?**dry_run=true**', (route) => { held = route; });
  await page.getByRole('button', { name: 'Replay…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Replay to counted' });
  await dialog.getByRole('button', { name: 'Count first' }).click();
  await until('the request', 5, () => held);
  await dialog.getByLabel('From (UTC)').fill('2026-03-01');
  const answered = page.waitForResponse('**/replay?**');
  await held.fulfill({ json: { events: 5, sample: [] } });
  await answered;
  await until('the end of the count', 5, async () => (await dialog.getByRole('button', { name: 'Count first' }).getAttribute('aria-disabled')) === null);
  assert.ok(await dialog.getByRole('button', { name: 'Start' }).isDisabled());
  assert.equal(await dialog.getByText('5 events').count(), 0);
});

test('secrets that are set can be taken away', async () => {
  await create('secret', { username: 'ada', password: 'x', headers: { 'x-team': 'ops' } });
  const page = await made.browser.open('/targets/secret');
  for (const [remove, left] of [['headers', ['password', 'signing_secret']], ['password', ['signing_secret']]]) {
    await page.getByRole('button', { name: 'Change…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Change secret' });
    await dialog.getByText('Authentication').click();
    await dialog.getByLabel(`Remove the ${remove}`).check();
    if (remove === 'password') await dialog.getByLabel('User name').fill('');
    await dialog.getByRole('button', { name: 'Change', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    const { data } = await made.stack.call('GET', '/v1/targets/secret');
    assert.deepEqual(data.secrets.sort(), left);
  }
});

test('deliveries with every attempt; one retried, then all that failed', async () => {
  status = 500;
  await create('failing', { projects: ['failing'] });
  const { results } = await made.stack.post('unleash', [1, 2, 3].map((n) => flag(830_000 + n, now(), { project: 'failing' })));
  assert.equal(results.length, 3);
  await until('three failed', 20, async () => {
    const { data } = await made.stack.call('GET', '/v1/deliveries?target=failing&status=failed');
    return data.deliveries.length === 3;
  });
  const page = await made.browser.open('/targets/failing/deliveries?status=failed');
  await page.getByText('3 deliveries').waitFor();
  await page.locator('td details summary').first().click();
  await page.getByText('first byte').first().waitFor();
  status = 204;
  await page.getByRole('button', { name: /Retry event/ }).last().click();
  // Whoever reads an attempt is not interrupted.
  await page.locator('td details summary').first().click();
  await page.getByText('2 deliveries', { exact: true }).waitFor({ timeout: 30_000 });
  const { data: done } = await made.stack.call('GET', '/v1/deliveries?target=failing&status=delivered');
  assert.equal(done.deliveries.length, 1);
  await page.getByRole('button', { name: 'Retry all failed…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Retry all failed?' });
  await dialog.getByText('2 deliveries failed').waitFor();
  await dialog.getByRole('button', { name: 'Retry' }).click();
  await page.getByText('2 are tried again').waitFor();
  await page.getByText('There is none that matches.').waitFor({ timeout: 40_000 });
  await page.getByLabel('Status').selectOption('delivered');
  await page.getByText('3 deliveries').waitFor();
  assert.ok(received > 3);
});

test('rotated, and removed by typing its name', async () => {
  await create('old');
  const page = await made.browser.open('/targets/old');
  await page.getByRole('button', { name: 'Rotate secret…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
  const once = page.getByRole('dialog', { name: 'The new signing secret' });
  assert.match(await once.locator('pre').textContent(), /^whsec_/);
  await once.getByRole('button', { name: 'I have kept it' }).click();
  await page.getByRole('button', { name: 'Remove…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Remove old?' });
  await dialog.getByLabel('Type “old” to go on').fill('new');
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await dialog.getByText('This is not “old”.').waitFor();
  await dialog.getByLabel('Type “old” to go on').fill('old');
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('heading', { name: 'Targets' }).waitFor();
  assert.equal((await made.stack.call('GET', '/v1/targets/old')).status, 404);
});
