// The event log: signing in, searching, opening, and exporting events.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, test } from 'node:test';
import { unleashEvent, setUp, rows, until } from './harness.mjs';

const env = setUp({ before, after, afterEach });
const now = (ago = 0) => new Date(Date.now() - ago * 1000).toISOString();

/** Returns the IDs of matching events in the order of the API. */
async function ids(query) {
  const { data } = await env.stack.call('GET', `/v1/events?limit=1000&${query}`, { key: 'read' });
  return data.events.map((event) => String(event.id));
}

const shownIds = (page) => rows(page).evaluateAll((links) => links.map((link) => link.dataset.id));

test('the pages match the permissions of the key', async () => {
  const { stack, browser } = env;
  const page = await browser.open('/?type=feature-created', { scopes: [] });
  await page.getByLabel('API key').fill('tdg_wrong');
  await page.keyboard.press('Enter');
  await page.getByText('Invalid or expired API key.').waitFor();
  await page.getByLabel('API key').fill(stack.keys.ingest.unleash);
  await page.keyboard.press('Enter');
  await page.getByText('can only send events').waitFor();
  await page.getByLabel('API key').fill('ключ');
  await page.keyboard.press('Enter');
  await page.getByText('Invalid or expired API key.').waitFor();
  await page.getByLabel('API key').fill(stack.keys.read);
  await page.keyboard.press('Enter');
  await rows(page).first().waitFor();
  assert.equal(new URL(page.url()).search, '?type=feature-created', 'signing in keeps the requested page');
  assert.ok(!page.url().includes('tdg_'), 'the URL contains no token');
  const labels = await page.getByRole('navigation').getByRole('link').allTextContents();
  assert.deepEqual(labels, ['Events', 'Timeline', 'Schemas']);
  await page.getByText('Signed in').click();
  await page.getByText('dev-read').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.getItem('tidings.keys')), null);
});

test('an expired key leads to the sign-in page and back', async () => {
  const { stack, browser } = env;
  const page = await browser.open('/', { scopes: ['read'] });
  await rows(page).first().waitFor();
  await page.evaluate(() => sessionStorage.setItem('tidings.keys', JSON.stringify({ read: { name: 'gone', token: 'tdg_gone' } })));
  await page.getByRole('link', { name: 'Timeline' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByLabel('API key').fill(stack.keys.read);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Timeline' }).waitFor();
});

test('the list starts with the newest event and scrolls to the oldest', async () => {
  const page = await env.browser.open('/');
  const all = await ids('order=desc');
  await rows(page).first().waitFor();
  await until('the whole list', 20, async () => {
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    return page.getByText('End of results').isVisible();
  });
  assert.deepEqual(await shownIds(page), all);
  await page.getByLabel('Sort by').selectOption('asc');
  await until('the oldest event first', 5, async () => (await shownIds(page))[0] === all.at(-1));
  assert.ok(page.url().includes('order=asc'));
});

test('new events are announced without moving the list, even if they are older than listed events', async () => {
  const page = await env.browser.open('/');
  await rows(page).first().waitFor();
  const before = await shownIds(page);
  const { y } = await rows(page).first().boundingBox();
  // Two of these events are older than the newest event in the log.
  await env.stack.post('unleash', [unleashEvent(800_001, now()), unleashEvent(800_003, now(20))]);
  const { data } = await env.stack.call('GET', '/v1/events?limit=1', { key: 'read' });
  await env.stack.post('unleash', unleashEvent(800_004, new Date(Date.parse(data.events[0].time) - 1).toISOString()));
  const newEvents = page.getByRole('button', { name: '3 new events' });
  await newEvents.waitFor();
  assert.deepEqual(await shownIds(page), before);
  assert.equal((await rows(page).first().boundingBox()).y, y, 'the list does not move');
  await newEvents.click();
  const all = (await ids('order=desc')).slice(0, 50);
  assert.equal(all.filter((id) => !before.includes(id)).length, 3, 'all three are on the first page');
  await until('all events in order', 10, async () => (await shownIds(page)).slice(0, 50).join() === all.join());
});

test('each filter finds the same events as the API and is part of the URL', async () => {
  const page = await env.browser.open('/');
  await rows(page).first().waitFor();
  await page.getByText('Filters', { exact: true }).click();
  const { data: levels } = await env.stack.call('GET', '/v1/facets?field=level', { key: 'read' });
  const cases = [
    ['Type', 'feature-created'], ['Subject', 'test-flag'], ['Actor', 'user@getunleash.io'], ['Project', 'test-project'],
    ['Environment', 'development'], ['Source', 'migration-manager'], ['Scope', 'signal'], ['Level', levels.values[0].value], ['Catalog', 'signal'],
  ];
  for (const [label, value] of cases) {
    const field = page.getByLabel(label, { exact: true });
    await field.fill(value);
    await field.press('Enter');
    const expected = (await ids(`${label.toLowerCase()}=${encodeURIComponent(value)}`)).slice(0, 50);
    assert.ok(expected.length, `the demo contains ${label} ${value}`);
    await until(`${label} ${value}`, 10, async () => (await shownIds(page)).slice(0, 50).join() === expected.join());
    assert.ok(decodeURIComponent(page.url()).includes(`${label.toLowerCase()}=${value}`), page.url());
    await page.getByRole('button', { name: `Remove ${label.toLowerCase()} ${value}` }).click();
  }
  await page.getByLabel('Scope', { exact: true }).fill('lifecycel');
  await page.keyboard.press('Enter');
  await page.getByText('Choose one of: lifecycle, logging, signal.').waitFor();
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await page.getByText('Choose one of: lifecycle, logging, signal.').waitFor({ state: 'hidden' });
  assert.equal(await page.getByLabel('Scope', { exact: true }).inputValue(), '');
  await page.getByLabel('Level', { exact: true }).fill('error');
  await page.keyboard.press('Enter');
  await until('the level in upper case', 5, () => page.url().includes('level=ERROR'));
  await page.goto(`${env.stack.url}/?from=2024-10-03T00:16:11Z`);
  await page.getByText('at 00:16:11').waitFor();
  await page.getByLabel('From (UTC)').fill('2024-10-02');
  await page.getByText('at 00:16:11').waitFor({ state: 'detached' });
});

test('going back from an event restores the position in the list', async () => {
  const page = await env.browser.open('/');
  await until('the third page of the list', 20, async () => {
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    return (await rows(page).count()) > 100;
  });
  const listed = await shownIds(page);
  await rows(page).nth(100).click();
  const panel = page.getByRole('complementary', { name: 'Event' });
  await panel.getByRole('heading', { name: 'Payload' }).waitFor();
  await panel.getByRole('link', { name: 'Open full page' }).click();
  await page.getByRole('heading', { level: 2, name: 'Payload' }).waitFor();
  await page.goBack();
  await until('the same list', 10, async () => (await shownIds(page)).slice(0, 101).join() === listed.slice(0, 101).join());
  await until('the row of the event in view', 5, () => rows(page).nth(100).evaluate((row) => {
    const { top, bottom } = row.getBoundingClientRect();
    return row.ariaCurrent === 'true' && top > 0 && bottom < innerHeight;
  }));
});

test('values are suggested from the log', async () => {
  const page = await env.browser.open('/');
  await page.getByText('Filters', { exact: true }).click();
  const field = page.getByLabel('Type', { exact: true });
  await field.fill('feature-arch');
  const options = () => field.evaluate((input) => [...input.list.options].map((option) => option.value));
  await until('suggestions', 10, async () => (await options()).includes('feature-archived'));
  assert.ok((await options()).every((value) => value.startsWith('feature-arch')));
});

test('text and date filters survive a reload and browser navigation', async () => {
  const page = await env.browser.open('/');
  await rows(page).first().waitFor();
  await page.getByLabel('Search text').fill('flexibleRollout');
  const text = await ids('q=flexibleRollout');
  await until('the matching events', 10, async () => (await shownIds(page)).join() === text.slice(0, 50).join());
  await page.getByLabel('From (UTC)').fill('2024-10-03');
  await page.getByLabel('To (UTC)').fill('2024-10-03');
  const day = await ids('q=flexibleRollout&from=2024-10-03&to=2024-10-03');
  await until('the events of the day', 10, async () => (await shownIds(page)).join() === day.join());
  await page.reload();
  await until('the same events after a reload', 10, async () => (await shownIds(page)).join() === day.join());
  assert.equal(await page.getByLabel('Search text').inputValue(), 'flexibleRollout');
  await rows(page).first().click();
  const panel = page.getByRole('complementary', { name: 'Event' });
  await panel.getByRole('heading', { name: 'Payload' }).waitFor();
  await page.goBack();
  await panel.waitFor({ state: 'hidden' });
  await page.goForward();
  await panel.getByRole('heading', { name: 'Payload' }).waitFor();
});

test('going back undoes a filter, and an incomplete date does not filter', async () => {
  const page = await env.browser.open('/');
  await rows(page).first().waitFor();
  const all = await shownIds(page);
  const requestedDates = [];
  page.on('request', (request) => { if (request.url().includes('from=')) requestedDates.push(new URL(request.url()).searchParams.get('from')); });
  await page.getByLabel('From (UTC)').focus();
  await page.keyboard.type('10032024');
  await until('the events of the day', 5, () => page.url().includes('from=2024-10-03'));
  assert.deepEqual([...new Set(requestedDates)], ['2024-10-03']);
  await page.goBack();
  await until('all events', 5, async () => (await shownIds(page)).join() === all.join());
  assert.equal(await page.getByLabel('From (UTC)').inputValue(), '');
  await page.getByLabel('Sort by').selectOption('asc');
  await until('the oldest event first', 5, async () => (await shownIds(page)).join() !== all.join());
  await page.goBack();
  await until('the newest event first', 5, async () => (await shownIds(page)).join() === all.join());
  assert.equal(await page.getByLabel('Sort by').inputValue(), 'desc');
});

test('the event page shows changes, payload, and deliveries', async () => {
  const { stack, browser } = env;
  const payload = `{"id": 800002, "type": "feature-updated", "createdBy": "ada", "createdAt": "${now()}", "featureName": "dark-mode", "project": "web", "environment": null, "tags": [], "preData": {"name": "dark-mode", "stale": false, "n": 1, "large": 12345678901234567890}, "data": {"name": "dark-mode", "stale": true, "large": 12345678901234567891, "cents": 1.10}}`;
  const { id } = await stack.post('unleash', payload);
  const page = await browser.open(`/events/${id}`, { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.getByRole('heading', { name: 'Changes', exact: true }).waitFor();
  const changes = page.getByRole('region', { name: 'Changed fields' });
  assert.deepEqual(await changes.getByRole('rowheader').allTextContents(), ['stale', 'n', 'large', 'cents']);
  assert.deepEqual(await changes.locator('del').allTextContents(), ['false', '1', '12345678901234567890']);
  assert.deepEqual(await changes.locator('ins').allTextContents(), ['true', '12345678901234567891', '1.10']);
  await page.getByRole('button', { name: 'Copy payload' }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), payload, 'the copy is identical to the sent payload');
  await page.getByText('Raw payload').click();
  await page.getByText('12345678901234567890').first().waitFor();
  await until('the delivery', 10, async () => {
    await page.reload();
    await page.getByRole('heading', { name: 'demo' }).waitFor();
    return page.getByText('accepted at attempt 1').isVisible();
  });
});

test('changes show types, long texts, and inserted list items', async () => {
  const long = 'A'.repeat(2500);
  const preData = { a: true, b: null, text: `${long} before`, list: [{ name: 'one' }, { name: 'two' }] };
  const data = { a: 'true', b: '', text: `${long} after`, list: [{ name: 'new' }, { name: 'one' }, { name: 'two' }] };
  const { id } = await env.stack.post('unleash', unleashEvent(800_007, now(), { preData, data }));
  const page = await env.browser.open(`/events/${id}`);
  const changes = page.getByRole('region', { name: 'Changed fields' });
  await changes.waitFor();
  assert.deepEqual(await changes.getByRole('rowheader').allTextContents(), ['a', 'b', 'text', 'list[0]']);
  const [before, after] = [await changes.locator('del').allTextContents(), await changes.locator('ins').allTextContents()];
  assert.deepEqual([before.slice(0, 2), after.slice(0, 2)], [['true', 'null'], ['"true"', '""']]);
  assert.ok(before[2].endsWith('A before"') && after[2].endsWith('A after"'), 'long texts are cut around the difference');
});

test('an export contains the same events as the API', async () => {
  const page = await env.browser.open('/?catalog=unleash');
  await rows(page).first().waitFor();
  for (const format of ['csv', 'json', 'ndjson']) {
    await page.getByRole('button', { name: 'Export…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Export events' });
    await dialog.getByLabel('Format').selectOption(format);
    const [download] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: 'Export', exact: true }).click()]);
    const text = await readFile(await download.path(), 'utf8');
    const response = await fetch(`${env.stack.url}/v1/export?format=${format}&catalog=unleash`, { headers: { authorization: `Bearer ${env.stack.keys.read}` } });
    const expected = await response.text();
    if (format === 'json') assert.deepEqual(JSON.parse(text), JSON.parse(expected));
    else assert.equal(text, expected);
    await dialog.getByText(/^Exported \d/).waitFor();
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
  }
});

test('an event that was sent on several lines is exported as one record', async () => {
  await env.stack.post('unleash', `{\n  "id": 800005,\r\n  "type": "feature-updated", "createdBy": "ada", "createdAt": "${now()}",\n  "featureName": "lines", "project": "lines", "environment": null, "tags": [], "preData": null, "data": {"text": "a\\nb"}\n}`);
  await env.stack.post('unleash', unleashEvent(800_006, now(), { project: 'lines' }));
  const page = await env.browser.open('/?project=lines');
  await rows(page).nth(1).waitFor();
  for (const format of ['json', 'ndjson']) {
    await page.getByRole('button', { name: 'Export…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Export events' });
    await dialog.getByLabel('Format').selectOption(format);
    const [download] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: 'Export', exact: true }).click()]);
    const text = await readFile(await download.path(), 'utf8');
    const events = format === 'json' ? JSON.parse(text) : text.trimEnd().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(events.map((event) => event.payload.id).sort(), [800_005, 800_006]);
    assert.equal(events.find((event) => event.payload.id === 800_005).payload.data.text, 'a\nb');
    await dialog.getByText('Exported 2 events.').waitFor();
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
  }
});

test('an export can be cancelled', async () => {
  const page = await env.browser.open('/');
  let requests = 0;
  await page.route('**/v1/export?**', async (route) => {
    requests += 1;
    await route.fulfill({ status: 200, contentType: 'application/x-ndjson', headers: { link: '</v1/export?format=ndjson&cursor=x>; rel="next"' }, body: '{"id":1}\n' });
  });
  await page.getByRole('button', { name: 'Export…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Export events' });
  await dialog.getByLabel('Format').selectOption('ndjson');
  await dialog.getByRole('button', { name: 'Export', exact: true }).click();
  await until('several pages', 10, () => requests > 3);
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await dialog.waitFor({ state: 'detached' });
  const atCancel = requests;
  await rows(page).first().waitFor();
  assert.ok(requests <= atCancel + 1, 'no further page is requested');
});

test('subjects and actors have history pages', async () => {
  const page = await env.browser.open('/subjects/test-flag');
  await page.getByRole('heading', { name: 'test-flag' }).waitFor();
  await until('the events of the subject', 10, async () => (await shownIds(page)).join() === (await ids('subject=test-flag')).slice(0, 50).join());
  await page.getByRole('definition').getByRole('link', { name: 'user@getunleash.io' }).click();
  await page.getByRole('heading', { name: 'user@getunleash.io' }).waitFor();
  assert.equal(new URL(page.url()).pathname, '/actors/user%40getunleash.io');
  await until('the events of the actor', 10, async () => (await shownIds(page)).join() === (await ids('actor=user@getunleash.io')).slice(0, 50).join());
});

test('the list has empty, error, and partial states', async () => {
  const page = await env.browser.open('/subjects/nothing-has-this-name');
  await page.getByText('No matching events.').waitFor();
  await page.locator('.overview').waitFor({ state: 'hidden' });
  let broken = true;
  await page.route('**/v1/events?**', (route) => (broken
    ? route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"title":"Busy","status":503,"detail":"The database is busy."}' })
    : route.continue()));
  await page.goto(`${env.stack.url}/`);
  await page.getByRole('heading', { name: 'Busy' }).waitFor();
  broken = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await rows(page).first().waitFor();
  await page.unroute('**/v1/events?**');
  await page.route('**/v1/events?**', async (route) => {
    // The next page never arrives, so the note about the first page stays.
    if (route.request().url().includes('cursor=')) return;
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), partial: true, next: 'x' } });
  });
  await page.goto(`${env.stack.url}/?type=feature-created`);
  await page.getByText('The search is incomplete.').first().waitFor();
  await page.unroute('**/v1/events?**');
  await page.route('**/v1/events?**', (route) => (route.request().url().includes('cursor=')
    ? route.continue({ url: route.request().url().replace('&cursor=x', '') })
    : route.fulfill({ json: { events: [], next: 'x', total: null, partial: true } })));
  await page.goto(`${env.stack.url}/`);
  await rows(page).first().waitFor();
});

test('signing in, searching, and opening an event work by keyboard alone', async () => {
  const { stack, browser } = env;
  const page = await browser.open('/', { scopes: [] });
  await page.getByLabel('API key').waitFor();
  await page.keyboard.type(stack.keys.read);
  await page.keyboard.press('Enter');
  await rows(page).first().waitFor();
  const tabTo = async (description, locator) => {
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press('Tab');
      if (await locator.evaluate((element) => element === document.activeElement).catch(() => false)) return;
    }
    assert.fail(`${description} cannot be reached`);
  };
  await page.keyboard.press('Tab');
  await tabTo('the search text', page.getByLabel('Search text'));
  await page.keyboard.type('strategy');
  const expected = await ids('q=strategy');
  await until('the matching events', 10, async () => (await shownIds(page)).join() === expected.slice(0, 50).join());
  await tabTo('the first event', rows(page).first());
  await page.keyboard.press('Enter');
  const panel = page.getByRole('complementary', { name: 'Event' });
  await panel.getByRole('heading', { name: 'Payload' }).waitFor();
  await page.keyboard.press('Escape');
  await panel.waitFor({ state: 'hidden' });
  assert.ok(await rows(page).first().evaluate((element) => element === document.activeElement), 'the focus returns to the row');
});
