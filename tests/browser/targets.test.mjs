// Targets: creating, editing, testing, pausing, and replaying, and their deliveries.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, afterEach, before, test } from 'node:test';
import { unleashEvent, setUp, until } from './harness.mjs';

let receiver;
let status = 204;
let received = 0;

/** Starts a receiver that responds with `status`. */
async function prepare() {
  receiver = createServer((request, response) => {
    request.resume().on('end', () => {
      received += 1;
      response.writeHead(status).end();
    });
  });
  await new Promise((resolve) => { receiver.listen(0, '127.0.0.1', resolve); });
}

const env = setUp({ before, after, afterEach }, { demo: false, prepare });
after(() => receiver.close());

const address = () => `http://127.0.0.1:${receiver.address().port}/hook`;
const now = () => new Date().toISOString();

async function create(name, fields = {}) {
  const { status: code, data } = await env.stack.call('POST', '/v1/targets', { body: { name, address: address(), retry_count: 1, ...fields } });
  assert.equal(code, 201, JSON.stringify(data));
}

test('violations appear at their fields, and the secret is shown once', async () => {
  const page = await env.browser.open('/targets');
  await page.getByText('No targets yet.').waitFor();
  await page.getByRole('button', { name: 'Create target' }).click();
  const dialog = page.getByRole('dialog', { name: 'Create target' });
  await dialog.getByLabel('Name', { exact: true }).fill('no name!');
  await dialog.getByLabel('Endpoint URL').fill('ftp://example.com');
  await dialog.getByText('Retries and timeouts').click();
  await dialog.getByLabel('Retry interval').fill('soon');
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  for (const label of ['Name', 'Endpoint URL', 'Retry interval']) {
    const field = dialog.getByLabel(label, { exact: true });
    await until(label, 5, async () => (await field.getAttribute('aria-invalid')) === 'true');
  }
  assert.ok(await dialog.getByLabel('Name', { exact: true }).evaluate((one) => one === document.activeElement), 'the first invalid field has the focus');
  await dialog.getByLabel('Name', { exact: true }).fill('audit');
  await dialog.getByLabel('Endpoint URL').fill(address());
  await dialog.getByLabel('Retry interval').fill('1s');
  await dialog.getByText('Authentication', { exact: true }).click();
  await dialog.getByLabel('Custom headers').fill('x-team: ops');
  await dialog.getByRole('button', { name: 'Preview matching events' }).click();
  await dialog.getByText('Matching events in the last 24 hours').waitFor();
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  const once = page.getByRole('dialog', { name: 'Signing secret of audit' });
  assert.match(await once.locator('pre').textContent(), /^whsec_/);
  await once.getByRole('button', { name: 'I have saved it' }).click();
  await page.getByRole('heading', { name: 'Target audit' }).waitFor();
  await until('the secret hidden', 10, async () => !(await page.content()).includes('whsec_'));
  const { data } = await env.stack.call('GET', '/v1/targets/audit');
  assert.deepEqual([data.retry_timeout, data.secrets], ['1s', ['signing_secret', 'headers.x-team']]);
});

test('a form can be previewed without a name, and survives Escape and an expired key', async () => {
  await env.stack.post('unleash', unleashEvent(840_501, now()));
  const page = await env.browser.open('/targets');
  await page.getByRole('button', { name: 'Create target' }).click();
  const dialog = page.getByRole('dialog', { name: 'Create target' });
  await dialog.getByLabel('Endpoint URL').fill('https://example.com/');
  await dialog.getByRole('button', { name: 'Preview matching events' }).click();
  await dialog.getByText('Latest matching events').waitFor();
  assert.equal(await dialog.getByRole('link').count(), 0, 'the preview has no links');
  await dialog.getByLabel('Name', { exact: true }).fill('kept');
  await page.keyboard.press('Escape');
  await dialog.getByText('Press Escape again').waitFor();
  for (const scope of ['lifecycle', 'logging']) await dialog.getByLabel(scope).uncheck();
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  await dialog.getByText('Choose at least one.').waitFor();
  await dialog.getByLabel('logging').check();
  await page.evaluate(() => sessionStorage.setItem('tidings.keys', JSON.stringify({ manage: { name: 'gone', token: 'tdg_gone' } })));
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  await dialog.getByText('Your API key is no longer valid.').waitFor();
  assert.equal(await dialog.getByLabel('Name', { exact: true }).inputValue(), 'kept');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByText('Your API key is no longer valid.').first().waitFor();
});

test('a concurrent change is not overwritten', async () => {
  await create('shared');
  const page = await env.browser.open('/targets/shared');
  await page.getByRole('button', { name: 'Edit…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Edit shared' });
  await env.stack.call('PATCH', '/v1/targets/shared', { body: { description: 'theirs' } });
  await dialog.getByLabel('Description').fill('mine');
  await dialog.getByRole('button', { name: 'Save', exact: true }).click();
  await dialog.getByText('Someone else has changed this target.').waitFor();
  await dialog.getByRole('button', { name: 'Discard changes and reload' }).click();
  await until('the other change', 5, async () => (await dialog.getByLabel('Description').inputValue()) === 'theirs');
  await dialog.getByLabel('Description').fill('both');
  await dialog.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('both').first().waitFor();
});

test('a test event shows its attempt', async () => {
  await create('tested');
  const page = await env.browser.open('/targets/tested');
  await page.getByRole('button', { name: 'Send test event' }).click();
  const box = page.getByRole('status').filter({ hasText: 'Test event' });
  await box.getByText('delivered').waitFor();
  await box.getByText('204').waitFor();
  await page.getByText('100% of 1', { exact: true }).waitFor();
  status = 500;
  await page.getByRole('button', { name: 'Send test event' }).click();
  await box.getByText('answered 500').waitFor();
  status = 204;
});

test('events of a paused target are held and delivered after it is resumed', async () => {
  await create('paused');
  const page = await env.browser.open('/targets/paused');
  await page.getByRole('button', { name: 'Pause…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Pause paused' });
  await dialog.getByLabel('Reason').fill('a new certificate');
  await dialog.getByRole('button', { name: 'Pause' }).click();
  await page.getByText('a new certificate').waitFor();
  // Functions cache targets for a second, so earlier events may still be delivered.
  let number = 840_000;
  await until('a held event', 15, async () => {
    number += 1;
    const { id } = await env.stack.post('unleash', unleashEvent(number, now()));
    const outcome = await until('the status of the delivery', 5, async () => {
      const { data } = await env.stack.call('GET', `/v1/events/${id}/deliveries`, { key: 'read' });
      const { status: word } = data.deliveries.find((delivery) => delivery.target === 'paused');
      return ['held', 'delivered'].includes(word) && word;
    });
    return outcome === 'held';
  });
  await page.goto(`${env.stack.url}/targets/paused/deliveries?status=nonsense`);
  await page.getByRole('cell', { name: 'Held', exact: true }).first().waitFor();
  await page.getByLabel('Status').selectOption('held');
  await page.getByRole('rowheader').first().waitFor();
  assert.equal(await page.getByRole('button', { name: /Retry event/ }).count(), 0, 'held events cannot be retried');
  await page.goto(`${env.stack.url}/targets/paused`);
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('button', { name: 'Pause…' }).waitFor();
  const replay = page.getByRole('row').filter({ has: page.getByRole('cell', { name: 'Held events' }) });
  await replay.getByText('Done').waitFor();
});

test('a replay is counted, started, and cancelled', async () => {
  await create('replayed', { projects: ['replays'] });
  await env.stack.post('unleash', Array.from({ length: 300 }, (_, n) => unleashEvent(820_000 + n, new Date(Date.parse('2026-03-01T00:00:00Z') + n).toISOString(), { project: 'replays' })));
  const page = await env.browser.open('/targets/replayed');
  await page.getByRole('button', { name: 'Replay…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Replay to replayed' });
  assert.ok(await dialog.getByRole('button', { name: 'Start replay' }).isDisabled(), 'events must be counted first');
  await dialog.getByLabel('From (UTC)').fill('2026-03-01');
  await dialog.getByLabel('To (UTC)').fill('2026-03-01');
  await dialog.getByLabel('Maximum events per second').fill('0');
  await dialog.getByRole('button', { name: 'Count events' }).click();
  await until('the violation at the field', 5, async () => (await dialog.getByLabel('Maximum events per second').getAttribute('aria-invalid')) === 'true');
  await dialog.getByLabel('Maximum events per second').fill('10');
  await dialog.getByRole('button', { name: 'Count events' }).click();
  await dialog.getByText('Matching events: 300').waitFor();
  await dialog.getByRole('button', { name: 'Start replay' }).click();
  await page.getByText('of 300').waitFor();
  await page.getByRole('button', { name: 'Cancel replay' }).click();
  await page.getByText('Cancelled', { exact: true }).first().waitFor();
});

test('a count for outdated filters does not enable the start button', async () => {
  await create('counted');
  const page = await env.browser.open('/targets/counted');
  let held = null;
  await page.route('**/replay?**dry_run=true**', (route) => { held = route; });
  await page.getByRole('button', { name: 'Replay…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Replay to counted' });
  await dialog.getByRole('button', { name: 'Count events' }).click();
  await until('the request', 5, () => held);
  await dialog.getByLabel('From (UTC)').fill('2026-03-01');
  const response = page.waitForResponse('**/replay?**');
  await held.fulfill({ json: { events: 5, sample: [] } });
  await response;
  await until('the end of the count', 5, async () => (await dialog.getByRole('button', { name: 'Count events' }).getAttribute('aria-disabled')) === null);
  assert.ok(await dialog.getByRole('button', { name: 'Start replay' }).isDisabled());
  assert.equal(await dialog.getByText('Matching events: 5').count(), 0);
});

test('secrets can be removed', async () => {
  await create('secret', { username: 'ada', password: 'x', headers: { 'x-team': 'ops' } });
  const page = await env.browser.open('/targets/secret');
  for (const [remove, left] of [['headers', ['password', 'signing_secret']], ['password', ['signing_secret']]]) {
    await page.getByRole('button', { name: 'Edit…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Edit secret' });
    await dialog.getByText('Authentication', { exact: true }).click();
    await dialog.getByLabel(`Remove ${remove}`).check();
    if (remove === 'password') await dialog.getByLabel('Username').fill('');
    await dialog.getByRole('button', { name: 'Save', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    const { data } = await env.stack.call('GET', '/v1/targets/secret');
    assert.deepEqual(data.secrets.sort(), left);
  }
});

test('failed deliveries show their attempts and can be retried, one or all', async () => {
  status = 500;
  await create('failing', { projects: ['failing'] });
  const { results } = await env.stack.post('unleash', [1, 2, 3].map((n) => unleashEvent(830_000 + n, now(), { project: 'failing' })));
  assert.equal(results.length, 3);
  await until('three failed deliveries', 20, async () => {
    const { data } = await env.stack.call('GET', '/v1/deliveries?target=failing&status=failed');
    return data.deliveries.length === 3;
  });
  const page = await env.browser.open('/targets/failing/deliveries?status=failed');
  await page.getByText('3 deliveries').waitFor();
  await page.locator('td details summary').first().click();
  await page.getByText('first byte').first().waitFor();
  status = 204;
  await page.getByRole('button', { name: /Retry event/ }).last().click();
  // Open attempts delay the update, so close them.
  await page.locator('td details summary').first().click();
  await page.getByText('2 deliveries', { exact: true }).waitFor();
  await until('the retried delivery', 10, async () => {
    const { data } = await env.stack.call('GET', '/v1/deliveries?target=failing&status=delivered');
    return data.deliveries.length === 1;
  });
  await page.getByRole('button', { name: 'Retry all failed…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Retry all failed deliveries?' });
  await dialog.getByText('Retry 2 failed deliveries').waitFor();
  await dialog.getByRole('button', { name: 'Retry' }).click();
  await page.getByText('Retrying 2 deliveries.').waitFor();
  await page.getByText('No deliveries match.').waitFor();
  await page.getByLabel('Status').selectOption('delivered');
  await page.getByText('3 deliveries').waitFor();
  assert.ok(received > 3);
});

test('a target is rotated, and deleted after typing its name', async () => {
  await create('old');
  const page = await env.browser.open('/targets/old');
  await page.getByRole('button', { name: 'Rotate secret…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
  const once = page.getByRole('dialog', { name: 'New signing secret' });
  assert.match(await once.locator('pre').textContent(), /^whsec_/);
  await once.getByRole('button', { name: 'I have saved it' }).click();
  await page.getByRole('button', { name: 'Delete…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete old?' });
  await dialog.getByLabel('Type “old” to confirm').fill('new');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await dialog.getByText('The text does not match “old”.').waitFor();
  await dialog.getByLabel('Type “old” to confirm').fill('old');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { name: 'Targets' }).waitFor();
  assert.equal((await env.stack.call('GET', '/v1/targets/old')).status, 404);
});
