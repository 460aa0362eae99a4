// The quarantine, sources, API keys, and schemas.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { unleashEvent, setUp, until } from './harness.mjs';

const REJECTED = '{"id": "seven", "type": "feature-created", "createdBy": "ada"}';

async function prepare(stack) {
  for (const body of [REJECTED, 'not JSON', '{"type": "feature-tagged"}']) {
    const { status } = await stack.call('POST', '/v1/events', { key: 'unleash', body });
    assert.ok([400, 422].includes(status));
  }
}

const env = setUp({ before, after, afterEach }, { demo: false, prepare });

test('rejected events are listed with their violations, which are marked in the body', async () => {
  const page = await env.browser.open('/quarantine');
  await page.getByText('3 quarantined events').waitFor();
  await page.getByLabel('Type').fill('feature-created');
  await page.keyboard.press('Tab');
  await page.getByText('1 quarantined event').waitFor();
  assert.ok(page.url().includes('type=feature-created'));
  await page.getByRole('rowheader').getByRole('link').click();
  await page.getByRole('heading', { name: 'Rejected feature-created' }).waitFor();
  assert.match(await page.locator('pre mark').first().textContent(), /"seven"/);
  await page.getByText('expected integer').first().waitFor();
  await page.getByText('Raw body').click();
  await page.getByText(REJECTED).waitFor();
  await page.getByRole('button', { name: 'Reingest' }).click();
  await page.getByText('still does not fit').waitFor();
  await page.getByRole('status').getByRole('cell', { name: 'expected integer' }).waitFor();
  await page.getByRole('button', { name: 'Discard…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click();
  await page.getByText('2 quarantined events').waitFor();
});

test('a valid quarantined event is reingested into the log', async () => {
  const event = JSON.stringify(unleashEvent(850_001, new Date().toISOString()));
  // The producer accepts no JSON response. The event itself is valid and goes to the quarantine.
  const response = await fetch(`${env.stack.url}/v1/events`, {
    method: 'POST', body: event, headers: { authorization: `Bearer ${env.stack.keys.ingest.unleash}`, 'content-type': 'application/json', accept: 'text/html' },
  });
  assert.equal(response.status, 406);
  const page = await env.browser.open('/quarantine');
  await page.getByRole('row').filter({ hasText: 'accept' }).getByRole('link').click();
  await page.getByRole('button', { name: 'Reingest' }).click();
  await page.getByText('Stored as event').waitFor();
  await page.getByRole('link', { name: /^event \d/ }).click();
  await page.getByRole('heading', { name: 'Payload' }).waitFor();
});

test('all matching events are reingested, and discarded after a typed confirmation', async () => {
  const page = await env.browser.open('/quarantine?source=unleash');
  await page.getByRole('button', { name: 'Reingest all matching…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Reingest' }).click();
  await page.getByText(/0 stored, 0 duplicates, \d rejected again/).waitFor();
  await page.getByRole('button', { name: 'Discard all matching…' }).click();
  await page.getByText('This applies to source unleash.').waitFor();
  await page.getByLabel('Type “discard” to confirm').fill('discard');
  await page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click();
  await page.getByText(/\d discarded/).waitFor();
  await page.getByText('No quarantined events match.').waitFor();
  assert.equal(await page.getByRole('button', { name: /all matching/ }).count(), 0, 'an empty quarantine has no bulk actions');
});

test('a source and its key are created, and the token is shown once and works', async () => {
  const page = await env.browser.open('/sources');
  await page.getByRole('button', { name: 'Add source' }).click();
  const source = page.getByRole('dialog', { name: 'Add source' });
  await source.getByLabel('Name').fill('no name');
  await source.getByRole('button', { name: 'Add' }).click();
  await source.getByText('expected 1 to 64').waitFor();
  await source.getByLabel('Name').fill('unleash');
  await source.getByRole('button', { name: 'Add' }).click();
  await source.getByText('This name is already in use.').waitFor();
  assert.equal(await source.getByLabel('Name').getAttribute('aria-invalid'), 'true');
  await source.getByLabel('Name').fill('shop');
  await source.getByLabel('Catalog').selectOption('signal');
  await source.getByRole('button', { name: 'Add' }).click();
  await page.getByRole('rowheader', { name: 'shop' }).waitFor();
  await page.getByRole('link', { name: 'API keys' }).click();
  await page.getByRole('button', { name: 'Create API key' }).click();
  const key = page.getByRole('dialog', { name: 'Create API key' });
  await key.getByLabel('Name').fill('shop');
  await key.getByLabel('Permission').selectOption('ingest');
  await key.getByLabel('Source').selectOption('shop');
  await key.getByRole('button', { name: 'Create' }).click();
  const once = page.getByRole('dialog', { name: 'Token of shop' });
  const token = await once.locator('pre').textContent();
  await once.getByRole('button', { name: 'I have saved it' }).click();
  await until('the token hidden', 10, async () => !(await page.content()).includes(token));
  assert.equal((await env.stack.call('POST', '/v1/events', { token, body: { text: 'hello' } })).status, 201);
  await page.getByRole('button', { name: 'Delete shop' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('rowheader', { name: 'shop' }).waitFor({ state: 'detached' });
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'API keys', 'the focus does not move to another delete button');
  await page.getByRole('link', { name: 'Sources' }).click();
  await page.getByRole('button', { name: 'Delete shop' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('rowheader', { name: 'shop' }).waitFor({ state: 'detached' });
});

test('schemas can be browsed and tried', async () => {
  const page = await env.browser.open('/schemas');
  await page.getByLabel('Search types').fill('feature-created');
  await page.getByRole('link', { name: 'feature-created' }).click();
  await page.getByRole('heading', { name: 'feature-created' }).waitFor();
  await page.getByRole('row').filter({ hasText: 'createdBy' }).first().getByText('required').waitFor();
  await page.getByRole('heading', { name: 'Try it' }).click();
  const token = page.getByLabel('Ingest key');
  for (const wrong of ['tdg_wrong', '“tdg_quoted”']) {
    await token.fill(wrong);
    await page.getByRole('button', { name: 'Send event' }).click();
    await until(`the error for ${wrong}`, 5, () => token.evaluate((one) => one.ariaInvalid === 'true' && one === document.activeElement));
  }
  await token.fill(env.stack.keys.ingest.unleash);
  const text = page.getByLabel('Event', { exact: true });
  const example = JSON.parse(await text.inputValue());
  await text.fill(JSON.stringify({ ...example, id: 'seven' }));
  await page.getByRole('button', { name: 'Send event' }).click();
  await page.getByText('Quarantine ID:').getByRole('link').waitFor();
  assert.match(await page.locator('.try mark').textContent(), /seven/);
  await text.fill(JSON.stringify({ ...example, id: 850_002 }));
  await page.getByRole('button', { name: 'Send event' }).click();
  await page.getByText('Stored as event').waitFor();
  await page.reload();
  assert.ok(!(await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }))).includes(env.stack.keys.ingest.unleash), 'the key is not stored');
});

test('a manage key alone does not offer pages that need a read key', async () => {
  const page = await env.browser.open('/targets', { scopes: ['manage'] });
  await page.getByRole('heading', { name: 'Targets' }).waitFor();
  const labels = await page.getByRole('navigation').getByRole('link').allTextContents();
  assert.deepEqual(labels, ['Targets', 'Quarantine', 'Sources', 'API keys']);
  await page.goto(`${env.stack.url}/`);
  await page.getByText('This page requires a read key.').waitFor();
  await page.getByLabel('API key').fill(env.stack.keys.read);
  await page.keyboard.press('Enter');
  await until('the event log', 10, () => page.getByRole('heading', { name: 'Events' }).isVisible());
});
