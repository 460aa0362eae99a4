// The event log: signing in, finding, opening, exporting.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, test } from 'node:test';
import { flag, rig, rows, until } from './harness.mjs';

const made = rig({ before, after, afterEach });
const now = (ago = 0) => new Date(Date.now() - ago * 1000).toISOString();

/** The ids that the API answers, in its order. */
async function ids(query) {
  const { data } = await made.stack.call('GET', `/v1/events?limit=1000&${query}`, { key: 'read' });
  return data.events.map((event) => String(event.id));
}

const shown = (page) => rows(page).evaluateAll((links) => links.map((link) => link.dataset.id));

test('one signs in with a key, and what it may not do is not offered', async () => {
  const { stack, browser } = made;
  const page = await browser.open('/?type=feature-created', { scopes: [] });
  await page.getByLabel('Token of a key').fill('tdg_wrong');
  await page.keyboard.press('Enter');
  await page.getByText('No key has this token').waitFor();
  await page.getByLabel('Token of a key').fill(stack.keys.ingest.unleash);
  await page.keyboard.press('Enter');
  await page.getByText('may only send events').waitFor();
  await page.getByLabel('Token of a key').fill('ключ');
  await page.keyboard.press('Enter');
  await page.getByText('No key has this token').waitFor();
  await page.getByLabel('Token of a key').fill(stack.keys.read);
  await page.keyboard.press('Enter');
  await rows(page).first().waitFor();
  assert.equal(new URL(page.url()).search, '?type=feature-created', 'it goes on where one was');
  assert.ok(!page.url().includes('tdg_'), 'no token in the address');
  const words = await page.getByRole('navigation').getByRole('link').allTextContents();
  assert.deepEqual(words, ['Events', 'Timeline', 'Schemas']);
  await page.getByText('Signed in').click();
  await page.getByText('dev-read').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.getItem('tidings.keys')), null);
});

test('a key that ends meanwhile leads to the sign-in, and back', async () => {
  const { stack, browser } = made;
  const page = await browser.open('/', { scopes: ['read'] });
  await rows(page).first().waitFor();
  await page.evaluate(() => sessionStorage.setItem('tidings.keys', JSON.stringify({ read: { name: 'gone', token: 'tdg_gone' } })));
  await page.getByRole('link', { name: 'Timeline' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByLabel('Token of a key').fill(stack.keys.read);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Timeline' }).waitFor();
});

test('the newest stand first, and the list goes on to its end', async () => {
  const page = await made.browser.open('/');
  const all = await ids('order=desc');
  await rows(page).first().waitFor();
  await until('the whole list', 20, async () => {
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    return page.getByText('That is all').isVisible();
  });
  assert.deepEqual(await shown(page), all);
  await page.getByLabel('Order').selectOption('asc');
  await until('the oldest', 5, async () => (await shown(page))[0] === all.at(-1));
  assert.ok(page.url().includes('order=asc'));
});

test('new events are announced, whenever they happened, and do not move the list', async () => {
  const page = await made.browser.open('/');
  await rows(page).first().waitFor();
  const before = await shown(page);
  const { y } = await rows(page).first().boundingBox();
  // Two of them happened before others that the log has: their producers were late.
  await made.stack.post('unleash', [flag(800_001, now()), flag(800_003, now(20))]);
  const { data } = await made.stack.call('GET', '/v1/events?limit=1', { key: 'read' });
  await made.stack.post('unleash', flag(800_004, new Date(Date.parse(data.events[0].time) - 1).toISOString()));
  const news = page.getByRole('button', { name: '3 new events' });
  await news.waitFor({ timeout: 25_000 });
  assert.deepEqual(await shown(page), before);
  assert.equal((await rows(page).first().boundingBox()).y, y, 'nothing moved');
  await news.click();
  const all = (await ids('order=desc')).slice(0, 50);
  assert.equal(all.filter((id) => !before.includes(id)).length, 3, 'all three belong to the first page');
  await until('all of them in their places', 10, async () => (await shown(page)).slice(0, 50).join() === all.join());
});

test('each filter finds what the API finds, and the address has it all', async () => {
  const page = await made.browser.open('/');
  await rows(page).first().waitFor();
  await page.getByText('Filters', { exact: true }).click();
  const { data: levels } = await made.stack.call('GET', '/v1/facets?field=level', { key: 'read' });
  const cases = [
    ['Type', 'feature-created'], ['Subject', 'test-flag'], ['Actor', 'user@getunleash.io'], ['Project', 'test-project'],
    ['Environment', 'development'], ['Source', 'migration-manager'], ['Scope', 'signal'], ['Level', levels.values[0].value], ['Catalog', 'signal'],
  ];
  for (const [label, value] of cases) {
    const field = page.getByLabel(label, { exact: true });
    await field.fill(value);
    await field.press('Enter');
    const expected = (await ids(`${label.toLowerCase()}=${encodeURIComponent(value)}`)).slice(0, 50);
    assert.ok(expected.length, `${label} ${value} is in the demo`);
    await until(`${label} ${value}`, 10, async () => (await shown(page)).slice(0, 50).join() === expected.join());
    assert.ok(decodeURIComponent(page.url()).includes(`${label.toLowerCase()}=${value}`), page.url());
    await page.getByRole('button', { name: `Remove ${label.toLowerCase()} ${value}` }).click();
  }
  await page.getByLabel('Scope', { exact: true }).fill('lifecycel');
  await page.keyboard.press('Enter');
  await page.getByText('One of lifecycle, logging, signal.').waitFor();
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.getByText('One of lifecycle, logging, signal.').waitFor({ state: 'hidden' });
  assert.equal(await page.getByLabel('Scope', { exact: true }).inputValue(), '');
  await page.getByLabel('Level', { exact: true }).fill('error');
  await page.keyboard.press('Enter');
  await until('the level as it is written', 5, () => page.url().includes('level=ERROR'));
  await page.goto(`${made.stack.url}/?from=2024-10-03T00:16:11Z`);
  await page.getByText('at 00:16:11').waitFor();
  await page.getByLabel('From (UTC)').fill('2024-10-02');
  await page.getByText('at 00:16:11').waitFor({ state: 'detached' });
});

test('one comes back from an event to where one was in the list', async () => {
  const page = await made.browser.open('/');
  await until('a third page of the list', 20, async () => {
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    return (await rows(page).count()) > 100;
  });
  const listed = await shown(page);
  await rows(page).nth(100).click();
  const panel = page.getByRole('complementary', { name: 'Event' });
  await panel.getByRole('heading', { name: 'Payload' }).waitFor();
  await panel.getByRole('link', { name: 'Open as a page' }).click();
  await page.getByRole('heading', { level: 2, name: 'Payload' }).waitFor();
  await page.goBack();
  await until('what was listed', 10, async () => (await shown(page)).slice(0, 101).join() === listed.slice(0, 101).join());
  await until('its row, in view', 5, () => rows(page).nth(100).evaluate((row) => {
    const { top, bottom } = row.getBoundingClientRect();
    return row.ariaCurrent === 'true' && top > 0 && bottom < innerHeight;
  }));
});

test('values are suggested from the log', async () => {
  const page = await made.browser.open('/');
  await page.getByText('Filters', { exact: true }).click();
  const field = page.getByLabel('Type', { exact: true });
  await field.fill('feature-arch');
  const options = () => field.evaluate((input) => [...input.list.options].map((option) => option.value));
  await until('suggestions', 10, async () => (await options()).includes('feature-archived'));
  assert.ok((await options()).every((value) => value.startsWith('feature-arch')));
});

test('text and days, and the way back and forward', async () => {
  const page = await made.browser.open('/');
  await rows(page).first().waitFor();
  await page.getByLabel('Text').fill('flexibleRollout');
  const text = await ids('q=flexibleRollout');
  await until('what has the text', 10, async () => (await shown(page)).join() === text.slice(0, 50).join());
  await page.getByLabel('From (UTC)').fill('2024-10-03');
  await page.getByLabel('To (UTC)').fill('2024-10-03');
  const day = await ids('q=flexibleRollout&from=2024-10-03&to=2024-10-03');
  await until('that day', 10, async () => (await shown(page)).join() === day.join());
  await page.reload();
  await until('the same after a reload', 10, async () => (await shown(page)).join() === day.join());
  assert.equal(await page.getByLabel('Text').inputValue(), 'flexibleRollout');
  await rows(page).first().click();
  const panel = page.getByRole('complementary', { name: 'Event' });
  await panel.getByRole('heading', { name: 'Payload' }).waitFor();
  await page.goBack();
  await panel.waitFor({ state: 'hidden' });
  await page.goForward();
  await panel.getByRole('heading', { name: 'Payload' }).waitFor();
});

test('the way back undoes a filter, and a date that is being typed is none yet', async () => {
  const page = await made.browser.open('/');
  await rows(page).first().waitFor();
  const all = await shown(page);
  const asked = [];
  page.on('request', (request) => { if (request.url().includes('from=')) asked.push(new URL(request.url()).searchParams.get('from')); });
  await page.getByLabel('From (UTC)').focus();
  await page.keyboard.type('10032024');
  await until('that day', 5, () => page.url().includes('from=2024-10-03'));
  assert.deepEqual([...new Set(asked)], ['2024-10-03']);
  await page.goBack();
  await until('all of them', 5, async () => (await shown(page)).join() === all.join());
  assert.equal(await page.getByLabel('From (UTC)').inputValue(), '');
  await page.getByLabel('Order').selectOption('asc');
  await until('the oldest', 5, async () => (await shown(page)).join() !== all.join());
  await page.goBack();
  await until('the newest', 5, async () => (await shown(page)).join() === all.join());
  assert.equal(await page.getByLabel('Order').inputValue(), 'desc');
});

test('an event opens to all there is to know', async () => {
  const { stack, browser } = made;
  const payload = `{"id": 800002, "type": "feature-updated", "createdBy": "ada", "createdAt": "${now()}", "featureName": "dark-mode", "project": "web", "environment": null, "tags": [], "preData": {"name": "dark-mode", "stale": false, "n": 1, "large": 12345678901234567890}, "data": {"name": "dark-mode", "stale": true, "large": 12345678901234567891, "cents": 1.10}}`;
  const { id } = await stack.post('unleash', payload);
  const page = await browser.open(`/events/${id}`, { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.getByRole('heading', { name: 'What changed' }).waitFor();
  const changed = page.getByRole('region', { name: 'Changes' });
  assert.deepEqual(await changed.getByRole('rowheader').allTextContents(), ['stale', 'n', 'large', 'cents']);
  assert.deepEqual(await changed.locator('del').allTextContents(), ['false', '1', '12345678901234567890']);
  assert.deepEqual(await changed.locator('ins').allTextContents(), ['true', '12345678901234567891', '1.10']);
  await page.getByRole('button', { name: 'Copy the payload' }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), payload, 'byte for byte');
  await page.getByText('As it was sent').click();
  await page.getByText('12345678901234567890').first().waitFor();
  await until('its delivery', 10, async () => {
    await page.reload();
    await page.getByRole('heading', { name: 'demo' }).waitFor();
    return page.getByText('accepted at attempt 1').isVisible();
  });
});

test('what changed is told of types, of long texts, and of lists into which something was put', async () => {
  const long = 'A'.repeat(2500);
  const preData = { a: true, b: null, text: `${long} before`, list: [{ name: 'one' }, { name: 'two' }] };
  const data = { a: 'true', b: '', text: `${long} after`, list: [{ name: 'new' }, { name: 'one' }, { name: 'two' }] };
  const { id } = await made.stack.post('unleash', flag(800_007, now(), { preData, data }));
  const page = await made.browser.open(`/events/${id}`);
  const changed = page.getByRole('region', { name: 'Changes' });
  await changed.waitFor();
  assert.deepEqual(await changed.getByRole('rowheader').allTextContents(), ['a', 'b', 'text', 'list[0]']);
  const [before, after] = [await changed.locator('del').allTextContents(), await changed.locator('ins').allTextContents()];
  assert.deepEqual([before.slice(0, 2), after.slice(0, 2)], [['true', 'null'], ['"true"', '""']]);
  assert.ok(before[2].endsWith('A before"') && after[2].endsWith('A after"'), 'where they differ');
});

test('an export has what the API exports', async () => {
  const page = await made.browser.open('/?catalog=unleash');
  await rows(page).first().waitFor();
  for (const [form, words] of [['csv', 'CSV'], ['json', 'JSON, one list'], ['ndjson', 'NDJSON']]) {
    await page.getByRole('button', { name: 'Export…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Export' });
    await dialog.getByLabel('Form').selectOption({ label: (await dialog.getByLabel('Form').locator('option').allTextContents()).find((one) => one.startsWith(words)) });
    const [download] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: 'Export', exact: true }).click()]);
    const text = await readFile(await download.path(), 'utf8');
    const answer = await fetch(`${made.stack.url}/v1/export?format=${form}&catalog=unleash`, { headers: { authorization: `Bearer ${made.stack.keys.read}` } });
    const expected = await answer.text();
    if (form === 'json') assert.deepEqual(JSON.parse(text), JSON.parse(expected));
    else assert.equal(text, expected);
    await dialog.getByText('Done:').waitFor();
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
  }
});

test('an event that was sent on several lines is exported as one', async () => {
  await made.stack.post('unleash', `{\n  "id": 800005,\r\n  "type": "feature-updated", "createdBy": "ada", "createdAt": "${now()}",\n  "featureName": "lines", "project": "lines", "environment": null, "tags": [], "preData": null, "data": {"text": "a\\nb"}\n}`);
  await made.stack.post('unleash', flag(800_006, now(), { project: 'lines' }));
  const page = await made.browser.open('/?project=lines');
  await rows(page).nth(1).waitFor();
  for (const form of ['json', 'ndjson']) {
    await page.getByRole('button', { name: 'Export…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Export' });
    await dialog.getByLabel('Form').selectOption(form);
    const [download] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: 'Export', exact: true }).click()]);
    const text = await readFile(await download.path(), 'utf8');
    const events = form === 'json' ? JSON.parse(text) : text.trimEnd().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(events.map((event) => event.payload.id).sort(), [800_005, 800_006]);
    assert.equal(events.find((event) => event.payload.id === 800_005).payload.data.text, 'a\nb');
    await dialog.getByText('Done: 2 events.').waitFor();
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
  }
});

test('an export can be cancelled', async () => {
  const page = await made.browser.open('/');
  let asked = 0;
  await page.route('**/v1/export?**', async (route) => {
    asked += 1;
    await route.fulfill({ status: 200, contentType: 'application/x-ndjson', headers: { link: '</v1/export?format=ndjson&cursor=x>; rel="next"' }, body: '{"id":1}\n' });
  });
  await page.getByRole('button', { name: 'Export…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Export' });
  await dialog.getByLabel('Form').selectOption('ndjson');
  await dialog.getByRole('button', { name: 'Export', exact: true }).click();
  await until('several pages', 10, () => asked > 3);
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await dialog.waitFor({ state: 'detached' });
  const then = asked;
  await rows(page).first().waitFor();
  assert.ok(asked <= then + 1, 'no page is asked for any more');
});

test('a subject and an actor have a page each', async () => {
  const page = await made.browser.open('/subjects/test-flag');
  await page.getByRole('heading', { name: 'test-flag' }).waitFor();
  await until('its events', 10, async () => (await shown(page)).join() === (await ids('subject=test-flag')).slice(0, 50).join());
  await page.getByRole('definition').getByRole('link', { name: 'user@getunleash.io' }).click();
  await page.getByRole('heading', { name: 'user@getunleash.io' }).waitFor();
  assert.equal(new URL(page.url()).pathname, '/actors/user%40getunleash.io');
  await until('what they did', 10, async () => (await shown(page)).join() === (await ids('actor=user@getunleash.io')).slice(0, 50).join());
});

test('the states: empty, an error that can be tried again, partial', async () => {
  const page = await made.browser.open('/subjects/nothing-has-this-name');
  await page.getByText('No event matches.').waitFor();
  await page.locator('.intro').waitFor({ state: 'hidden' });
  let broken = true;
  await page.route('**/v1/events?**', (route) => (broken
    ? route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"title":"Busy","status":503,"detail":"The database is busy."}' })
    : route.continue()));
  await page.goto(`${made.stack.url}/`);
  await page.getByRole('heading', { name: 'Busy' }).waitFor();
  broken = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await rows(page).first().waitFor();
  await page.unroute('**/v1/events?**');
  await page.route('**/v1/events?**', async (route) => {
    // The rest is never answered: what is said of the first part stays.
    if (route.request().url().includes('cursor=')) return;
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), partial: true, next: 'x' } });
  });
  await page.goto(`${made.stack.url}/?type=feature-created`);
  await page.getByText('There is much to look through.').first().waitFor();
  await page.unroute('**/v1/events?**');
  await page.route('**/v1/events?**', (route) => (route.request().url().includes('cursor=')
    ? route.continue({ url: route.request().url().replace('&cursor=x', '') })
    : route.fulfill({ json: { events: [], next: 'x', total: null, partial: true } })));
  await page.goto(`${made.stack.url}/`);
  await rows(page).first().waitFor();
});

test('all of it by keyboard alone', async () => {
  const { stack, browser } = made;
  const page = await browser.open('/', { scopes: [] });
  await page.getByLabel('Token of a key').waitFor();
  await page.keyboard.type(stack.keys.read);
  await page.keyboard.press('Enter');
  await rows(page).first().waitFor();
  const reach = async (what, where) => {
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press('Tab');
      if (await where.evaluate((element) => element === document.activeElement).catch(() => false)) return;
    }
    assert.fail(`${what} cannot be reached`);
  };
  await page.keyboard.press('Tab');
  await reach('the text', page.getByLabel('Text'));
  await page.keyboard.type('strategy');
  const expected = await ids('q=strategy');
  await until('what has the text', 10, async () => (await shown(page)).join() === expected.slice(0, 50).join());
  await reach('the first event', rows(page).first());
  await page.keyboard.press('Enter');
  const panel = page.getByRole('complementary', { name: 'Event' });
  await panel.getByRole('heading', { name: 'Payload' }).waitFor();
  await page.keyboard.press('Escape');
  await panel.waitFor({ state: 'hidden' });
  assert.ok(await rows(page).first().evaluate((element) => element === document.activeElement), 'the focus is where it was');
});
