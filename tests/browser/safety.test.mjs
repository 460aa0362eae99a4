// Hostile data, accessibility, screenshots, and the size of the UI.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { SCREENSHOTS, axeSource, unleashEvent, setUp, rows, until } from './harness.mjs';

/** Texts that cause harm if a page interprets them. */
const HOSTILE = [
  '<img src=x onerror=alert(1)>', '<script>alert(1)</script>', '"><svg onload=alert(1)>', "'-alert(1)-'", 'javascript:alert(1)',
  '[click](javascript:alert(1))', '**<b onmouseover=alert(1)>bold</b>**', '`<iframe srcdoc="<script>alert(1)</script>">`',
  '{{constructor.constructor("alert(1)")()}}', '${alert(1)}', 'admin\u202egnp.exe', '\u0000\u0007bell', '../../etc/passwd', '%3Cscript%3E', '&lt;script&gt;',
  'x'.repeat(900), '🙂'.repeat(200), 'zero\u200bwidth\u061c\ufeff\u0085', 'a,b', '..',
];

const time = (n) => new Date(Date.parse('2026-06-01T12:00:00Z') + n * 1000).toISOString();
const events = [];

async function prepare(stack) {
  for (const [n, text] of HOSTILE.entries()) {
    const fields = { createdBy: text, featureName: text, project: text, environment: text, data: { [text]: text }, preData: { [text]: `${text}!` } };
    const { id } = await stack.post('unleash', unleashEvent(860_000 + n, time(n), fields));
    events.push(id);
    await stack.post('signal', { time: time(n), environment: text, text });
    await stack.call('POST', '/v1/events', { key: 'unleash', body: { type: text, id: text, [text]: text } });
    const target = { name: `hostile-${n}`, address: `http://127.0.0.1:9/${encodeURIComponent(text)}`, description: text, sources: [text.slice(0, 250)], events: [text.slice(0, 250)], projects: [text.slice(0, 250)], environments: [text.slice(0, 250)], retry_count: 1, username: text.slice(0, 200), body_template: '{{event.id}}' + text.replaceAll('{', '') };
    const { status, data } = await stack.call('POST', '/v1/targets', { body: target });
    assert.ok([201, 422].includes(status), JSON.stringify(data));
    await stack.call('POST', `/v1/targets/hostile-${n}/pause`, { body: { reason: text.slice(0, 150) } });
  }
}

const env = setUp({ before, after, afterEach }, { prepare });

/** Returns the paths of all pages, by name, with content on each. */
async function pages() {
  const { data } = await env.stack.call('GET', '/v1/quarantine?source=unleash&limit=3');
  const [first] = data.quarantined;
  const window = `span=30m&until=${time(300)}`;
  return {
    events: '/?from=2024-10-03', opened: `/?type=feature-updated&open=${events[0]}`, event: `/events/${events[1]}`, subject: '/subjects/test-flag',
    actor: '/actors/user%40getunleash.io', timeline: `/timeline?${window}`, lanes: `/timeline?${window}&lanes=project`, targets: '/targets', target: '/targets/demo',
    deliveries: '/targets/demo/deliveries', quarantine: '/quarantine', quarantined: `/quarantine/${first.source}/${encodeURIComponent(first.id)}`,
    sources: '/sources', keys: '/keys', schemas: '/schemas', schema: '/schemas/unleash/feature-created',
  };
}

/** Waits until a page and all its parts are loaded. */
async function settled(page) {
  await page.locator('main h1').first().waitFor();
  await until('the loaded page', 15, async () => !(await page.locator('main').getByText(/^Loading/).count()) && !(await page.getByText('…', { exact: true }).count()));
}

test('hostile texts stay plain text on every page', async () => {
  const page = await env.browser.open('/');
  const all = [...Object.values(await pages()), ...events.map((id) => `/events/${id}`), ...HOSTILE.slice(0, 10).map((text) => `/subjects/${encodeURIComponent(text)}`), ...HOSTILE.slice(0, 4).map((_, n) => `/targets/hostile-${n}`)];
  for (const path of all) {
    await page.goto(env.stack.url + path);
    await settled(page);
    const found = await page.evaluate(() => ({
      elements: document.querySelectorAll('main img, main script, main iframe, main svg, main b[onmouseover], main [onerror], main [onload]').length,
      links: [...document.querySelectorAll('a[href]')].map((link) => link.protocol).filter((one) => !['http:', 'https:'].includes(one)),
    }));
    assert.deepEqual(found, { elements: 0, links: [] }, path);
    const hidden = await page.evaluate(() => `${document.title} ${document.body.textContent}`.match(/[\u0080-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/));
    assert.equal(hidden, null, `${path} escapes invisible characters`);
  }
  await page.goto(`${env.stack.url}/?type=target-paused`);
  const escaped = rows(page).filter({ hasText: 'hostile-7' });
  await escaped.waitFor();
  assert.equal(await escaped.locator('code').count(), 0, 'backticks in data are not Markdown');
  await page.goto(`${env.stack.url}/events/${events[HOSTILE.indexOf('admin\u202egnp.exe')]}`);
  await page.getByText('admin\\u202egnp.exe').first().waitFor();
});

test('links with special characters lead to the named value', async () => {
  const page = await env.browser.open(`/events/${events[HOSTILE.indexOf('a,b')]}`);
  for (const path of ['/?project=%22a,b%22', '/actors/a%2Cb']) {
    await page.goto(`${env.stack.url}/events/${events[HOSTILE.indexOf('a,b')]}`);
    await page.getByRole('definition').getByRole('link', { name: 'a,b' }).and(page.locator(`[href="${path}"]`)).click();
    await rows(page).filter({ hasText: 'a,b' }).first().waitFor();
    assert.equal(await rows(page).filter({ hasNotText: 'a,b' }).count(), 0, path);
  }
  await page.goto(`${env.stack.url}/?project=%22a%2Cb%22`);
  await page.locator('.selected-values li').getByText('a,b', { exact: true }).waitFor();
  await page.goto(`${env.stack.url}/events/${events[HOSTILE.indexOf('..')]}`);
  const links = page.getByRole('definition').getByRole('link', { name: '..', exact: true });
  await links.first().waitFor();
  assert.deepEqual(await links.evaluateAll((all) => all.map((one) => one.pathname + one.search)), ['/?actor=..', '/?subject=..', '/?project=..', '/?environment=..']);
  await page.goto(`${env.stack.url}/?subject=${'x'.repeat(900)}`);
  const chip = page.locator('.selected-values li').first();
  await chip.waitFor();
  assert.ok((await chip.boundingBox()).height < 100, 'a long value is cut');
});

test('hostile URLs show a page or an error', async () => {
  const page = await env.browser.open('/');
  for (const path of ['/?q=%3Cscript%3Ealert(1)%3C/script%3E', '/?open=%3Cimg%20src=x%20onerror=alert(1)%3E', '/?open=..%2F..%2Fkeys', '/timeline?span=%22%3E&until=never', '/subjects/%E0%A4%A', '/?order=sideways&type=,,', '/targets/..%2F..%2F']) {
    await page.goto(env.stack.url + path);
    await until(path, 15, async () => (await page.locator('main h1, main .state, pre').count()) > 0);
  }
  const signin = await env.browser.open('/signin?to=//example.com/', { scopes: [] });
  await signin.getByLabel('API key').fill(env.stack.keys.read);
  await signin.keyboard.press('Enter');
  await rows(signin).first().waitFor();
  assert.equal(new URL(signin.url()).origin, env.stack.url);
});

test('all pages pass axe-core and fit their width, in light and dark', async () => {
  const axe = await axeSource();
  for (const colorScheme of ['light', 'dark']) {
    const page = await env.browser.open('/', { colorScheme, reducedMotion: 'reduce' });
    for (const [name, path] of Object.entries(await pages())) {
      await page.goto(env.stack.url + path);
      await settled(page);
      for (const width of [360, 1280, 2560]) {
        await page.setViewportSize({ width, height: 900 });
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(overflow <= 0, `${name} overflows ${width} px by ${overflow} px`);
        await page.screenshot({ path: join(SCREENSHOTS, `${name}-${colorScheme}-${width}.png`) });
      }
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.evaluate(axe);
      const found = await page.evaluate(async () => {
        const { violations } = await axe.run(document, { resultTypes: ['violations'] });
        return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.html} ${node.failureSummary}`).join(' | ')}`);
      });
      assert.deepEqual(found, [], `${name} in ${colorScheme}`);
    }
    await page.context().close();
  }
});

test('dialogs and the sign-in page pass axe-core', async () => {
  const axe = await axeSource();
  const check = async (page, name) => {
    await page.evaluate(axe);
    const found = await page.evaluate(async () => (await axe.run(document)).violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`));
    assert.deepEqual(found, [], name);
  };
  const page = await env.browser.open('/targets');
  await page.getByRole('button', { name: 'Create target' }).click();
  for (const summary of ['Retries and timeouts', 'Authentication', 'Request body']) await page.getByText(summary, { exact: true }).click();
  await check(page, 'target form');
  await page.screenshot({ path: join(SCREENSHOTS, 'target-form-light-1280.png') });
  await page.goto(`${env.stack.url}/targets/demo`);
  await page.getByRole('button', { name: 'Replay…' }).click();
  await check(page, 'replay dialog');
  const signin = await env.browser.open('/', { scopes: [] });
  await signin.getByLabel('API key').waitFor();
  await check(signin, 'sign-in page');
  await signin.screenshot({ path: join(SCREENSHOTS, 'signin-light-1280.png') });
});

test('the first page loads less than 120 KB', async () => {
  const page = await env.browser.open('/', { scopes: [] });
  await page.getByLabel('API key').waitFor();
  const sizes = await page.evaluate(() => performance.getEntriesByType('resource').map(({ encodedBodySize }) => encodedBodySize));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  console.log(`# ${sizes.length} files, ${bytes} compressed bytes`);
  assert.ok(sizes.length > 10 && bytes < 120_000, `${bytes} bytes`);
});
