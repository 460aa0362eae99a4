// The quarantine, sources, keys, and schemas.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { flag, rig, until } from './harness.mjs';

const REFUSED = '{"id": "seven", "type": "feature-created", "createdBy": "ada"}';

async function ready(stack) {
  for (const body of [REFUSED, 'no JSON', '{"type": "feature-tagged"}']) {
    const { status } = await stack.call('POST', '/v1/events', { key: 'unleash', body });
    assert.ok([400, 422].includes(status));
  }
}

const made = rig({ before, after, afterEach }, { demo: false, ready });

test('what was refused is listed with why, and marked in the body', async () => {
  const page = await made.browser.open('/quarantine');
  await page.getByText('3 bodies').waitFor();
  await page.getByLabel('Type').fill('feature-created');
  await page.keyboard.press('Tab');
  await page.getByText('1 body').waitFor();
  assert.ok(page.url().includes('type=feature-created'));
  await page.getByRole('rowheader').getByRole('link').click();
  await page.getByRole('heading', { name: 'Refused feature-created' }).waitFor();
  assert.match(await page.locator('pre mark').first().textContent(), /"seven"/);
  await page.getByText('expected integer').first().waitFor();
  await page.getByText('As it was sent').click();
  await page.getByText(REFUSED).waitFor();
  await page.getByRole('button', { name: 'Replay' }).click();
  await page.getByText('still does not fit').waitFor();
  await page.getByRole('status').getByRole('cell', { name: 'expected integer' }).waitFor();
  await page.getByRole('button', { name: 'Discard' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click();
  await page.getByText('2 bodies').waitFor();
});

test('what fits now is replayed into the log', async () => {
  const event = JSON.stringify(flag(850_001, new Date().toISOString()));
  // A producer that cannot read the answer: the event is right, and kept all the same.
  const answer = await fetch(`${made.stack.url}/v1/events`, {
    method: 'POST', body: event, headers: { authorization: `Bearer ${made.stack.keys.ingest.unleash}`, 'content-type': 'application/json', accept: 'text/html' },
  });
  assert.equal(answer.status, 406);
  const page = await made.browser.open('/quarantine');
  await page.getByRole('row').filter({ hasText: 'accept' }).getByRole('link').click();
  await page.getByRole('button', { name: 'Replay' }).click();
  await page.getByText('It is in the log now').waitFor();
  await page.getByRole('link', { name: /^event \d/ }).click();
  await page.getByRole('heading', { name: 'Payload' }).waitFor();
});

test('all that match are replayed, and discarded after that was typed', async () => {
  const page = await made.browser.open('/quarantine?source=unleash');
  await page.getByRole('button', { name: 'Replay all that match' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Replay' }).click();
  await page.getByText(/0 stored, 0 there already, \d still refused/).waitFor();
  await page.getByRole('button', { name: 'Discard all that match' }).click();
  await page.getByText('This concerns source unleash.').waitFor();
  await page.getByLabel('Type “discard” to go on').fill('discard');
  await page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click();
  await page.getByText(/\d discarded/).waitFor();
  await page.getByText('Nothing is in the quarantine that matches.').waitFor();
  assert.equal(await page.getByRole('button', { name: /all that match/ }).count(), 0, 'there is nothing to do it with');
});

test('a source and its key are made; the token is shown once, and works', async () => {
  const page = await made.browser.open('/sources');
  await page.getByRole('button', { name: 'Add a source' }).click();
  const source = page.getByRole('dialog', { name: 'Add a source' });
  await source.getByLabel('Name').fill('no name');
  await source.getByRole('button', { name: 'Add' }).click();
  await source.getByText('expected 1 to 64').waitFor();
  await source.getByLabel('Name').fill('unleash');
  await source.getByRole('button', { name: 'Add' }).click();
  await source.getByText('This name is taken').waitFor();
  assert.equal(await source.getByLabel('Name').getAttribute('aria-invalid'), 'true');
  await source.getByLabel('Name').fill('shop');
  await source.getByLabel('Catalog').selectOption('signal');
  await source.getByRole('button', { name: 'Add' }).click();
  await page.getByRole('rowheader', { name: 'shop' }).waitFor();
  await page.getByRole('link', { name: 'Keys' }).click();
  await page.getByRole('button', { name: 'Create a key' }).click();
  const key = page.getByRole('dialog', { name: 'Create a key' });
  await key.getByLabel('Name').fill('shop');
  await key.getByLabel('May').selectOption('ingest');
  await key.getByLabel('Source').selectOption('shop');
  await key.getByRole('button', { name: 'Create' }).click();
  const once = page.getByRole('dialog', { name: 'The token of shop' });
  const token = await once.locator('pre').textContent();
  await once.getByRole('button', { name: 'I have kept it' }).click();
  await until('it is not shown again', 10, async () => !(await page.content()).includes(token));
  assert.equal((await made.stack.call('POST', '/v1/events', { token, body: { text: 'hello' } })).status, 201);
  await page.getByRole('button', { name: 'Remove shop' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('rowheader', { name: 'shop' }).waitFor({ state: 'detached' });
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Keys', 'the focus is not at the next one’s button');
  await page.getByRole('link', { name: 'Sources' }).click();
  await page.getByRole('button', { name: 'Remove shop' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('rowheader', { name: 'shop' }).waitFor({ state: 'detached' });
});

test('schemas are browsed, and one is tried', async () => {
  const page = await made.browser.open('/schemas');
  await page.getByLabel('Find a type').fill('feature-created');
  await page.getByRole('link', { name: 'feature-created' }).click();
  await page.getByRole('heading', { name: 'feature-created' }).waitFor();
  await page.getByRole('row').filter({ hasText: 'createdBy' }).first().getByText('required').waitFor();
  await page.getByRole('heading', { name: 'Try it' }).click();
  const token = page.getByLabel('Token of an ingest key');
  for (const wrong of ['tdg_wrong', '“tdg_quoted”']) {
    await token.fill(wrong);
    await page.getByRole('button', { name: 'Send it' }).click();
    await until(`what is wrong with ${wrong}`, 5, () => token.evaluate((one) => one.ariaInvalid === 'true' && one === document.activeElement));
  }
  await token.fill(made.stack.keys.ingest.unleash);
  const text = page.getByLabel('Event', { exact: true });
  const example = JSON.parse(await text.inputValue());
  await text.fill(JSON.stringify({ ...example, id: 'seven' }));
  await page.getByRole('button', { name: 'Send it' }).click();
  await page.getByText('Its id there is').getByRole('link').waitFor();
  assert.match(await page.locator('.try mark').textContent(), /seven/);
  await text.fill(JSON.stringify({ ...example, id: 850_002 }));
  await page.getByRole('button', { name: 'Send it' }).click();
  await page.getByText('It is in the log: event').waitFor();
  await page.reload();
  assert.ok(!(await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }))).includes(made.stack.keys.ingest.unleash), 'the key is not kept');
});

test('with a key that may manage alone, what needs another is not offered', async () => {
  const page = await made.browser.open('/targets', { scopes: ['manage'] });
  await page.getByRole('heading', { name: 'Targets' }).waitFor();
  const words = await page.getByRole('navigation').getByRole('link').allTextContents();
  assert.deepEqual(words, ['Targets', 'Quarantine', 'Sources', 'Keys']);
  await page.goto(`${made.stack.url}/`);
  await page.getByText('This page needs a key that may read.').waitFor();
  await page.getByLabel('Token of a key').fill(made.stack.keys.read);
  await page.keyboard.press('Enter');
  await until('the log', 10, () => page.getByRole('heading', { name: 'Events' }).isVisible());
});
