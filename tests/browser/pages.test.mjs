// Navigation: requests and dialogs end with their page, and the focus is preserved.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { unleashEvent, setUp, rows, until } from './harness.mjs';

const env = setUp({ before, after, afterEach });

/** Opens a page whose clock the test controls. */
async function open(path, options) {
  const page = await env.browser.open('/healthz', options);
  await page.clock.install();
  await page.goto(env.stack.url + path);
  return page;
}

/** Records the URLs of API requests from now on. */
function recordRequests(page) {
  const urls = [];
  page.on('request', (request) => { if (request.url().includes('/v1/')) urls.push(request.url()); });
  return urls;
}

const focusedName = (page) => page.evaluate(() => document.activeElement.ariaLabel ?? document.activeElement.textContent);

const expireKey = (page) => page.evaluate(() => sessionStorage.setItem('tidings.keys', JSON.stringify({ read: { name: 'gone', token: 'tdg_gone' } })));

test('no requests are sent after signing out', async () => {
  const page = await open('/');
  await rows(page).first().waitFor();
  await page.getByText('Signed in').click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('API key').fill('half a tok');
  const requests = recordRequests(page);
  await page.clock.runFor(60_000);
  assert.deepEqual(requests, []);
  assert.equal(await page.getByLabel('API key').inputValue(), 'half a tok');
  assert.equal(new URL(page.url()).pathname + new URL(page.url()).search, '/signin');
});

test('reopening a page stops its previous timers', async () => {
  const page = await open('/');
  for (let n = 0; n < 5; n += 1) {
    await rows(page).first().waitFor();
    await page.getByRole('link', { name: 'Events', exact: true }).click();
  }
  await rows(page).first().waitFor();
  const requests = recordRequests(page);
  await page.clock.runFor(10_500);
  await until('the check for new events', 5, () => requests.length);
  assert.equal(requests.length, 1);
});

test('several unauthorized requests lead to one sign-in page', async () => {
  const page = await open('/', { scopes: ['read'] });
  await rows(page).first().waitFor();
  await expireKey(page);
  await page.goto(`${env.stack.url}/subjects/test-flag`);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await until('the notice', 5, async () => (await page.locator('#announcements p').count()) === 1);
  assert.equal(new URL(page.url()).searchParams.get('to'), '/subjects/test-flag');
  await page.getByLabel('API key').fill(env.stack.keys.read);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'test-flag' }).waitFor();
});

test('missing pages and resources show an error without a retry button', async () => {
  const page = await env.browser.open('/nowhere');
  for (const path of ['/nowhere', '/events/', '/targets/demo/nonsense', '/events/123', '/targets/none']) {
    const response = await page.goto(env.stack.url + path);
    assert.equal(response.status(), ['/nowhere', '/events/'].includes(path) ? 404 : 200, path);
    await page.getByRole('heading', { level: 1 }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Try again' }).count(), 0, path);
  }
  const other = await fetch(`${env.stack.url}/nowhere`);
  assert.deepEqual([other.status, other.headers.get('content-type')], [404, 'application/problem+json']);
});

test('the sign-in page is not a history entry', async () => {
  const page = await env.browser.open('/signin', { scopes: [] });
  const entries = await page.evaluate(() => history.length);
  await page.getByLabel('API key').fill(env.stack.keys.read);
  await page.keyboard.press('Enter');
  await rows(page).first().waitFor();
  assert.equal(page.url(), `${env.stack.url}/`);
  assert.equal(await page.evaluate(() => history.length), entries);
});

test('a dialog closes with its page', async () => {
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
  await expireKey(page);
  await page.clock.runFor(10_500);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.equal(await page.locator('dialog').count(), 0);
});

test('a dialog focuses its first field, and Escape does not close a token', async () => {
  const page = await env.browser.open('/keys');
  await page.getByRole('button', { name: 'Create API key' }).click();
  const dialog = page.getByRole('dialog', { name: 'Create API key' });
  await dialog.waitFor();
  await page.keyboard.type('focused');
  assert.equal(await dialog.getByLabel('Name').inputValue(), 'focused');
  await page.keyboard.press('Enter');
  const once = page.getByRole('dialog', { name: 'Token of focused' });
  await once.waitFor();
  for (let n = 0; n < 3; n += 1) await page.keyboard.press('Escape');
  await once.getByRole('button', { name: 'Copy' }).click();
  await once.getByRole('status').getByText(/^Copied|does not allow copying/).waitFor();
  assert.ok(await once.isVisible());
  assert.equal(await once.getByRole('button', { name: 'Close' }).count(), 0);
  await once.getByRole('button', { name: 'I have saved it' }).click();
  await once.waitFor({ state: 'detached' });
  await page.getByRole('row', { name: 'dev-manage' }).getByText('(current)').waitFor();
});

test('the focus stays on the control that was used', async () => {
  const { stack, browser } = env;
  await stack.call('POST', '/v1/targets', { body: { name: 'focus', address: 'http://127.0.0.1:9/hook', retry_count: 1 } });
  const page = await browser.open('/targets/focus');
  await page.getByRole('button', { name: 'Send test event' }).press('Enter');
  await page.getByRole('heading', { name: /^Test event/ }).waitFor();
  assert.equal(await focusedName(page), 'Send test event');
  await page.getByRole('button', { name: 'Pause…' }).press('Enter');
  await page.getByRole('dialog').getByLabel('Reason').press('Enter');
  await page.getByRole('button', { name: 'Resume' }).waitFor();
  await until('the focus on the replaced button', 5, async () => (await focusedName(page)) === 'Resume');
  await page.goto(`${stack.url}/targets/demo/deliveries`);
  await page.getByText('50 deliveries shown').waitFor();
  await page.getByRole('button', { name: 'Load more' }).press('Enter');
  await page.getByText(/^[6-9]\d deliveries|^1\d\d deliveries/).waitFor();
  assert.equal(await page.getByRole('table').count(), 1);
  assert.ok(await page.evaluate(() => document.activeElement !== document.body), 'an element has the focus');
});

test('the bar covers neither the focused row nor the date heading', async () => {
  const page = await env.browser.open('/');
  await rows(page).nth(30).focus();
  await page.evaluate(() => scrollTo(0, 600));
  for (let n = 0; n < 25; n += 1) {
    await page.keyboard.press('Shift+Tab');
    const [top, bar] = await page.evaluate(() => [document.activeElement, document.getElementById('bar')].map((one) => one.getBoundingClientRect()))
      .then(([row, { bottom }]) => [row.top, bottom]);
    assert.ok(top >= bar, `the focused element is at ${top} px, the bar ends at ${bar} px`);
  }
  await page.setViewportSize({ width: 768, height: 900 });
  await page.evaluate(() => scrollTo(0, 600));
  const areAllCovered = () => page.evaluate(() => {
    const bar = document.getElementById('bar').getBoundingClientRect();
    const days = [...document.querySelectorAll('.day')].map((day) => day.getBoundingClientRect());
    return days.every(({ bottom }) => bottom < bar.bottom);
  });
  assert.equal(await areAllCovered(), false);
});

test('elements below a full-screen event panel cannot be focused', async () => {
  const page = await env.browser.open('/', { viewport: { width: 800, height: 900 } });
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
  await page.goto(`${env.stack.url}/?open=${await env.stack.post('unleash', unleashEvent(870_001, new Date().toISOString())).then(({ id }) => id)}`);
  await panel.getByRole('heading', { name: 'Payload' }).waitFor();
  await until('the marked row', 5, async () => (await page.locator('.row a[aria-current]').count()) === 1);
  await panel.getByRole('definition').getByRole('link', { name: 'dark-mode' }).click();
  await page.getByRole('heading', { name: 'dark-mode' }).waitFor();
  await page.getByRole('link', { name: 'Events', exact: true }).click();
  await page.getByRole('heading', { name: 'Events' }).waitFor();
});
