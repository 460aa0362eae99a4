// Going from page to page: what ends with a page, dialogs, and where the focus is.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { flag, rig, rows, until } from './harness.mjs';

const made = rig({ before, after, afterEach });

/** A page whose clock can be put forward. */
async function open(path, options) {
  const page = await made.browser.open('/healthz', options);
  await page.clock.install();
  await page.goto(made.stack.url + path);
  return page;
}

/** The API's addresses that a page asks from now on. */
function asked(page) {
  const found = [];
  page.on('request', (request) => { if (request.url().includes('/v1/')) found.push(request.url()); });
  return found;
}

const focused = (page) => page.evaluate(() => document.activeElement.ariaLabel ?? document.activeElement.textContent);

const expire = (page) => page.evaluate(() => sessionStorage.setItem('tidings.keys', JSON.stringify({ read: { name: 'gone', token: 'tdg_gone' } })));

test('nothing is asked any more after signing out', async () => {
  const page = await open('/');
  await rows(page).first().waitFor();
  await page.getByText('Signed in').click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Token of a key').fill('half a tok');
  const then = asked(page);
  await page.clock.runFor(60_000);
  assert.deepEqual(then, []);
  assert.equal(await page.getByLabel('Token of a key').inputValue(), 'half a tok');
  assert.equal(new URL(page.url()).pathname + new URL(page.url()).search, '/signin');
});

test('a page that is made anew leaves nobody behind who asks', async () => {
  const page = await open('/');
  for (let n = 0; n < 5; n += 1) {
    await rows(page).first().waitFor();
    await page.getByRole('link', { name: 'Events', exact: true }).click();
  }
  await rows(page).first().waitFor();
  const then = asked(page);
  await page.clock.runFor(10_500);
  await until('a look for new events', 5, () => then.length);
  assert.equal(then.length, 1);
});

test('several requests that are refused lead to one sign-in', async () => {
  const page = await open('/', { scopes: ['read'] });
  await rows(page).first().waitFor();
  await expire(page);
  await page.goto(`${made.stack.url}/subjects/test-flag`);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await until('the notice', 5, async () => (await page.locator('#says p').count()) === 1);
  assert.equal(new URL(page.url()).searchParams.get('to'), '/subjects/test-flag');
  await page.getByLabel('Token of a key').fill(made.stack.keys.read);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'test-flag' }).waitFor();
});

test('what is not there is said, at any address', async () => {
  const page = await made.browser.open('/nowhere');
  for (const path of ['/nowhere', '/events/', '/targets/demo/nonsense', '/events/123', '/targets/none']) {
    const answer = await page.goto(made.stack.url + path);
    assert.equal(answer.status(), ['/nowhere', '/events/'].includes(path) ? 404 : 200, path);
    await page.getByRole('heading', { level: 1 }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Try again' }).count(), 0, path);
  }
  const other = await fetch(`${made.stack.url}/nowhere`);
  assert.deepEqual([other.status, other.headers.get('content-type')], [404, 'application/problem+json']);
});

test('the sign-in is no step to go back to', async () => {
  const page = await made.browser.open('/signin', { scopes: [] });
  const steps = await page.evaluate(() => history.length);
  await page.getByLabel('Token of a key').fill(made.stack.keys.read);
  await page.keyboard.press('Enter');
  await rows(page).first().waitFor();
  assert.equal(page.url(), `${made.stack.url}/`);
  assert.equal(await page.evaluate(() => history.length), steps);
});

test('a dialog ends with its page', async () => {
  const page = await open('/timeline');
  await page.getByRole('link', { name: 'Events', exact: true }).click();
  await page.getByRole('button', { name: 'Export…' }).click();
  await page.getByRole('dialog').waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: 'Timeline' }).waitFor();
  assert.equal(await page.locator('dialog').count(), 0);
  await page.goForward();
  await rows(page).first().waitFor();
  await page.getByRole('button', { name: 'Export…' }).click();
  await expire(page);
  await page.clock.runFor(10_500);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.equal(await page.locator('dialog').count(), 0);
});

test('a dialog begins at its first field; a token that is shown once is not lost by a key', async () => {
  const page = await made.browser.open('/keys');
  await page.getByRole('button', { name: 'Create a key' }).click();
  const dialog = page.getByRole('dialog', { name: 'Create a key' });
  await dialog.waitFor();
  await page.keyboard.type('focused');
  assert.equal(await dialog.getByLabel('Name').inputValue(), 'focused');
  await page.keyboard.press('Enter');
  const once = page.getByRole('dialog', { name: 'The token of focused' });
  await once.waitFor();
  for (let n = 0; n < 3; n += 1) await page.keyboard.press('Escape');
  await once.getByRole('button', { name: 'Copy' }).click();
  await once.getByRole('status').getByText(/^Copied|does not allow/).waitFor();
  assert.ok(await once.isVisible());
  assert.equal(await once.getByRole('button', { name: 'Close' }).count(), 0);
  await once.getByRole('button', { name: 'I have kept it' }).click();
  await once.waitFor({ state: 'detached' });
  await page.getByRole('row', { name: 'dev-manage' }).getByText('(this one)').waitFor();
});

test('the focus stays where something was done', async () => {
  const { stack, browser } = made;
  await stack.call('POST', '/v1/targets', { body: { name: 'focus', address: 'http://127.0.0.1:9/hook', retry_count: 1 } });
  const page = await browser.open('/targets/focus');
  await page.getByRole('button', { name: 'Send a test' }).press('Enter');
  await page.getByRole('heading', { name: /^Test/ }).waitFor();
  assert.equal(await focused(page), 'Send a test');
  await page.getByRole('button', { name: 'Pause' }).press('Enter');
  await page.getByRole('dialog').getByLabel('Why').press('Enter');
  await page.getByRole('button', { name: 'Resume' }).waitFor();
  await until('the other way', 5, async () => (await focused(page)) === 'Resume');
  await page.goto(`${stack.url}/targets/demo/deliveries`);
  await page.getByText('50 deliveries, and more').waitFor();
  await page.getByRole('button', { name: 'Show more' }).press('Enter');
  await page.getByText(/^[6-9]\d deliveries|^1\d\d deliveries/).waitFor();
  assert.equal(await page.getByRole('table').count(), 1);
  assert.ok(await page.evaluate(() => document.activeElement !== document.body), 'it is not lost');
});

test('the bar covers neither what has the focus nor the day', async () => {
  const page = await made.browser.open('/');
  await rows(page).nth(30).focus();
  await page.evaluate(() => scrollTo(0, 600));
  for (let n = 0; n < 25; n += 1) {
    await page.keyboard.press('Shift+Tab');
    const [top, bar] = await page.evaluate(() => [document.activeElement, document.getElementById('bar')].map((one) => one.getBoundingClientRect()))
      .then(([row, { bottom }]) => [row.top, bottom]);
    assert.ok(top >= bar, `the focus is at ${top}, the bar ends at ${bar}`);
  }
  await page.setViewportSize({ width: 768, height: 900 });
  await page.evaluate(() => scrollTo(0, 600));
  const covered = () => page.evaluate(() => {
    const bar = document.getElementById('bar').getBoundingClientRect();
    const days = [...document.querySelectorAll('.day')].map((day) => day.getBoundingClientRect());
    return days.every(({ bottom }) => bottom < bar.bottom);
  });
  assert.equal(await covered(), false);
});

test('where an event covers the page, nothing below it can be reached', async () => {
  const page = await made.browser.open('/', { viewport: { width: 800, height: 900 } });
  await rows(page).first().click();
  const panel = page.getByRole('complementary', { name: 'Event' });
  await panel.getByRole('heading', { name: 'Payload' }).waitFor();
  for (let n = 0; n < 30; n += 1) {
    await page.keyboard.press('Tab');
    assert.ok(await panel.evaluate((one) => one.contains(document.activeElement) || document.activeElement === document.body));
  }
  await panel.getByRole('heading', { name: 'Payload' }).click();
  await page.keyboard.press('Escape');
  await panel.waitFor({ state: 'hidden' });
  await page.getByRole('link', { name: 'Timeline' }).click();
  await page.getByRole('heading', { name: 'Timeline' }).waitFor();
  await page.goto(`${made.stack.url}/?open=${await made.stack.post('unleash', flag(870_001, new Date().toISOString())).then(({ id }) => id)}`);
  await panel.getByRole('heading', { name: 'Payload' }).waitFor();
  await until('its mark in the list', 5, async () => (await page.locator('.row a[aria-current]').count()) === 1);
  await panel.getByRole('definition').getByRole('link', { name: 'dark-mode' }).click();
  await page.getByRole('heading', { name: 'dark-mode' }).waitFor();
  await page.getByRole('link', { name: 'Events', exact: true }).click();
  await page.getByRole('heading', { name: 'Events' }).waitFor();
});
