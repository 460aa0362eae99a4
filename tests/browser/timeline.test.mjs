// The timeline: time ranges, lanes, groups, zoom, and the permalink.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { unleashEvent, setUp, until } from './harness.mjs';

const NOON = Date.parse('2026-06-01T12:00:00Z');
const at = (minutes) => new Date(NOON + minutes * 60_000).toISOString();

/** A day with an event every three minutes and six errors 40 minutes apart. */
const BUSY = Date.parse('2026-05-20T00:00:00Z');
const busy = (minutes) => new Date(BUSY + minutes * 60_000).toISOString();

/** Adds events in the two days before noon (three of them almost simultaneously, a signal, and an error) and the busy day. */
async function prepare(stack) {
  const minutes = [-2700, -600, -20, -10, -10.01, -10.02];
  await stack.post('unleash', minutes.map((one, n) => unleashEvent(810_000 + n, at(one), { environment: n % 2 ? 'production' : null })));
  await stack.post('signal', { time: at(-15), environment: 'production', text: 'Checkout is slow' });
  await stack.post('migration-manager', { time: at(-25), type: 'logging', metadata: { message: 'The import failed', level: 'ERROR', context: {} } });
  await stack.post('unleash', Array.from({ length: 200 }, (_, n) => unleashEvent(811_000 + n, busy(600 + n * 3), { project: 'busy', environment: 'production' })));
  for (let n = 0; n < 6; n += 1) {
    await stack.post('migration-manager', { time: busy(605 + n * 40), type: 'logging', metadata: { message: `Failed ${n}`, level: 'ERROR', context: {} } });
  }
}

const env = setUp({ before, after, afterEach }, { prepare });

const laneCounts = (page) => page.locator('.lane h2').evaluateAll((all) => Object.fromEntries(all.map((one) => {
  const [name, count] = [one.firstChild.textContent, one.lastChild.textContent.trim()];
  return [name, Number(count)];
})));

test('time ranges from 30 minutes to 48 hours show all events of the API', async () => {
  const page = await env.browser.open(`/timeline?until=${at(0)}`);
  for (const [span, minutes] of [['30m', 30], ['1h', 60], ['12h', 720], ['48h', 2880]]) {
    await page.getByLabel('Time range').selectOption(span);
    const { data } = await env.stack.call('GET', `/v1/timeline?from=${at(-minutes)}&to=${at(0)}`, { key: 'read' });
    await until(`the events of ${span}`, 10, async () => {
      const all = await laneCounts(page);
      return page.url().includes(`span=${span}`) && Object.values(all).reduce((a, b) => a + b, 0) === data.count;
    });
  }
  const { Signals: signals, Errors: errors } = await laneCounts(page);
  assert.deepEqual([signals, errors], [1, 1]);
  await page.getByRole('region', { name: 'Errors' }).getByRole('button', { name: /Log/ }).waitFor();
});

test('groups open on hover and on focus, and close on Escape', async () => {
  const page = await env.browser.open(`/timeline?span=30m&until=${at(0)}`);
  const group = page.getByRole('button', { name: /3 events/ });
  await group.waitFor();
  await group.hover();
  const list = page.locator('.group.open').getByRole('listitem').getByRole('link');
  await until('the events of the group', 5, async () => (await list.count()) === 3);
  await page.mouse.move(0, 0);
  await until('the closed group', 5, async () => (await list.count()) === 0);
  await group.focus();
  await until('the events after focusing', 5, async () => (await list.count()) === 3);
  await page.getByText('Show all events of this period in the log').waitFor();
  await page.setViewportSize({ width: 360, height: 500 });
  await page.getByRole('button', { name: 'Zoom in' }).focus();
  await group.focus();
  await until('the whole popover in view', 5, () => page.locator('.group.open .popover').evaluate((box) => box.getBoundingClientRect().bottom <= innerHeight + 1));
  await page.keyboard.press('Tab');
  assert.ok(await list.first().evaluate((one) => one === document.activeElement), 'the events can be focused');
  await page.keyboard.press('Escape');
  await until('the group closed by Escape', 5, async () => (await list.count()) === 0);
  assert.equal(await group.getAttribute('aria-expanded'), 'false');
});

test('the user can zoom into a group, move, and return to now', async () => {
  const page = await env.browser.open(`/timeline?span=12h&until=${at(0)}`);
  await page.getByRole('button', { name: /events,/ }).first().focus();
  await page.getByRole('button', { name: 'Zoom to these events' }).first().click();
  await until('a shorter time range', 5, async () => !page.url().includes('span=12h'));
  await page.getByRole('button', { name: 'Zoom out' }).click();
  const before = new URL(page.url()).searchParams.get('until');
  await page.getByRole('button', { name: 'Earlier' }).click();
  await until('an earlier time range', 5, async () => new URL(page.url()).searchParams.get('until') < before);
  await page.getByLabel('Time range').selectOption('30m');
  await until('the disabled zoom button', 5, async () => (await page.getByRole('button', { name: 'Zoom in' }).getAttribute('aria-disabled')) === 'true');
  await page.getByRole('button', { name: 'Now' }).click();
  await until('the current time range', 5, async () => !new URL(page.url()).searchParams.has('until'));
});

test('marks of regular events do not overlap', async () => {
  const page = await env.browser.open(`/timeline?span=24h&until=${busy(1440)}`);
  const errors = page.getByRole('region', { name: 'Errors' }).getByRole('button');
  await errors.first().waitFor();
  assert.equal(await errors.count(), 6);
  assert.match(await errors.first().getAttribute('aria-label'), /1 error/);
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    const marks = page.getByRole('region', { name: 'Events' }).getByRole('button');
    const boxes = () => marks.evaluateAll((all) => all.map((one) => one.getBoundingClientRect()).map(({ left, right }) => [left, right]));
    await until(`separate marks at a width of ${width} px`, 5, async () => {
      const all = await boxes();
      return all.length > 3 && all.every(([left], at) => at === 0 || left >= all[at - 1][1] - 1);
    });
  }
  await page.getByLabel('Group by').selectOption('project');
  const group = page.getByRole('region', { name: 'busy' }).getByRole('button').first();
  await group.focus();
  const count = Number((await group.getAttribute('aria-label')).match(/^\d+/)[0]);
  await page.getByRole('link', { name: 'Show these events in the log' }).first().click();
  await page.getByText(`End of results: ${count} events.`).waitFor();
  await page.goBack();
  await group.focus();
  await page.getByRole('button', { name: 'Zoom to these events' }).first().click();
  await until('a shorter time range', 5, () => page.url().includes('span=') && !page.url().includes('span=24h'));
});

test('at most one group is open, and a second tap or Escape closes it', async () => {
  const page = await env.browser.open(`/timeline?span=24h&until=${busy(1440)}`, { hasTouch: true });
  const open = page.locator('.group.open');
  const errors = page.getByRole('region', { name: 'Errors' }).getByRole('button');
  await errors.first().focus();
  await errors.nth(3).hover();
  assert.equal(await open.count(), 1);
  await page.keyboard.press('Escape');
  assert.equal(await open.count(), 0);
  await page.mouse.move(0, 0);
  await errors.nth(5).tap();
  assert.equal(await open.count(), 1);
  await errors.nth(5).tap();
  assert.equal(await open.count(), 0);
});

test('lanes group events by environment or project, and filters apply', async () => {
  const page = await env.browser.open(`/timeline?span=30m&until=${at(0)}&lanes=environment`);
  await until('a lane for production', 10, async () => (await laneCounts(page)).production > 0);
  assert.ok((await laneCounts(page))['No environment'] > 0);
  await page.getByLabel('Group by').selectOption('project');
  await until('a lane for the project', 10, async () => (await laneCounts(page)).web > 0);
  await page.getByText('Filters', { exact: true }).click();
  await page.getByLabel('Environment', { exact: true }).fill('staging');
  await page.keyboard.press('Enter');
  await until('the events that match the filter', 10, async () => {
    const { data } = await env.stack.call('GET', `/v1/timeline?from=${at(-30)}&to=${at(0)}&environment=staging`, { key: 'read' });
    const all = Object.values(await laneCounts(page)).reduce((a, b) => a + b, 0);
    return data.count > 0 && all === data.count;
  });
});

test('the permalink shows the same time range and lanes', async () => {
  const page = await env.browser.open('/healthz', { permissions: ['clipboard-read', 'clipboard-write'] });
  // The time range of the page ends now, and the permalink is created later. Both must be in the same minute.
  await page.clock.setFixedTime(new Date());
  await page.goto(`${env.stack.url}/timeline?span=6h&lanes=project&type=feature-updated`);
  await page.getByText(/events? from/).waitFor();
  await page.getByRole('button', { name: 'Copy link' }).click();
  const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
  assert.ok(link.searchParams.has('until'), 'the permalink has a fixed end');
  const caption = (timeline) => timeline.getByText(/events? from/).textContent();
  const other = await env.browser.open(link.pathname + link.search);
  await other.getByText(/events? from/).waitFor();
  assert.equal(await caption(other), await caption(page));
  assert.equal(await other.getByLabel('Group by').inputValue(), 'project');
});
