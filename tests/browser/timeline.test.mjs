// The timeline: windows, lanes, groups, zoom, and a link that shows the same.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { flag, rig, until } from './harness.mjs';

const NOON = Date.parse('2026-06-01T12:00:00Z');
const at = (minutes) => new Date(NOON + minutes * 60_000).toISOString();

/** A day on which something happens every three minutes, and six errors 40 minutes apart. */
const BUSY = Date.parse('2026-05-20T00:00:00Z');
const busy = (minutes) => new Date(BUSY + minutes * 60_000).toISOString();

/** Two days before a noon: events, three of them at once, a signal, and an error in a log. */
async function ready(stack) {
  const minutes = [-2700, -600, -20, -10, -10.01, -10.02];
  await stack.post('unleash', minutes.map((one, n) => flag(810_000 + n, at(one), { environment: n % 2 ? 'production' : null })));
  await stack.post('signal', { time: at(-15), environment: 'production', text: 'Checkout is slow' });
  await stack.post('migration-manager', { time: at(-25), type: 'logging', metadata: { message: 'The import failed', level: 'ERROR', context: {} } });
  await stack.post('unleash', Array.from({ length: 200 }, (_, n) => flag(811_000 + n, busy(600 + n * 3), { project: 'busy', environment: 'production' })));
  for (let n = 0; n < 6; n += 1) {
    await stack.post('migration-manager', { time: busy(605 + n * 40), type: 'logging', metadata: { message: `Failed ${n}`, level: 'ERROR', context: {} } });
  }
}

const made = rig({ before, after, afterEach }, { ready });

const counts = (page) => page.locator('.lane h2').evaluateAll((all) => Object.fromEntries(all.map((one) => {
  const [name, count] = [one.firstChild.textContent, one.lastChild.textContent.trim()];
  return [name, Number(count)];
})));

test('windows from 30 minutes to 48 hours show what the API groups', async () => {
  const page = await made.browser.open(`/timeline?until=${at(0)}`);
  for (const [span, minutes] of [['30m', 30], ['1h', 60], ['12h', 720], ['48h', 2880]]) {
    await page.getByLabel('Window').selectOption(span);
    const { data } = await made.stack.call('GET', `/v1/timeline?from=${at(-minutes)}&to=${at(0)}`, { key: 'read' });
    await until(`what happened in ${span}`, 10, async () => {
      const all = await counts(page);
      return page.url().includes(`span=${span}`) && Object.values(all).reduce((a, b) => a + b, 0) === data.count;
    });
  }
  const { Signals: signals, Errors: errors } = await counts(page);
  assert.deepEqual([signals, errors], [1, 1]);
  await page.getByRole('region', { name: 'Errors' }).getByRole('button', { name: /Log/ }).waitFor();
});

test('groups open on hover and on focus, and close with Escape', async () => {
  const page = await made.browser.open(`/timeline?span=30m&until=${at(0)}`);
  const group = page.getByRole('button', { name: /3 events/ });
  await group.waitFor();
  await group.hover();
  const list = page.locator('.group.open').getByRole('listitem').getByRole('link');
  await until('its events', 5, async () => (await list.count()) === 3);
  await page.mouse.move(0, 0);
  await until('its end', 5, async () => (await list.count()) === 0);
  await group.focus();
  await until('its events again', 5, async () => (await list.count()) === 3);
  await page.getByText('Show all of this time in the log').waitFor();
  await page.setViewportSize({ width: 360, height: 500 });
  await page.getByRole('button', { name: 'Zoom in' }).focus();
  await group.focus();
  await until('all of it in view', 5, () => page.locator('.group.open .pop').evaluate((box) => box.getBoundingClientRect().bottom <= innerHeight + 1));
  await page.keyboard.press('Tab');
  assert.ok(await list.first().evaluate((one) => one === document.activeElement), 'the events can be reached');
  await page.keyboard.press('Escape');
  await until('its end again', 5, async () => (await list.count()) === 0);
  assert.equal(await group.getAttribute('aria-expanded'), 'false');
});

test('one zooms into a group, moves, and comes back to now', async () => {
  const page = await made.browser.open(`/timeline?span=12h&until=${at(0)}`);
  await page.getByRole('button', { name: /events,/ }).first().focus();
  await page.getByRole('button', { name: 'Zoom to these' }).first().click();
  await until('a smaller window', 5, async () => !page.url().includes('span=12h'));
  await page.getByRole('button', { name: 'Zoom out' }).click();
  const before = new URL(page.url()).searchParams.get('until');
  await page.getByRole('button', { name: 'Earlier' }).click();
  await until('an earlier window', 5, async () => new URL(page.url()).searchParams.get('until') < before);
  await page.getByLabel('Window').selectOption('30m');
  await until('the end of zooming in', 5, async () => (await page.getByRole('button', { name: 'Zoom in' }).getAttribute('aria-disabled')) === 'true');
  await page.getByRole('button', { name: 'Now' }).click();
  await until('now', 5, async () => !new URL(page.url()).searchParams.has('until'));
});

test('what happens regularly is drawn along the time, without marks over each other', async () => {
  const page = await made.browser.open(`/timeline?span=24h&until=${busy(1440)}`);
  const errors = page.getByRole('region', { name: 'Errors' }).getByRole('button');
  await errors.first().waitFor();
  assert.equal(await errors.count(), 6);
  assert.match(await errors.first().getAttribute('aria-label'), /1 error/);
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    const marks = page.getByRole('region', { name: 'Events' }).getByRole('button');
    const boxes = () => marks.evaluateAll((all) => all.map((one) => one.getBoundingClientRect()).map(({ left, right }) => [left, right]));
    await until(`marks beside each other at ${width}`, 5, async () => {
      const all = await boxes();
      return all.length > 3 && all.every(([left], at) => at === 0 || left >= all[at - 1][1] - 1);
    });
  }
  await page.getByLabel('Lanes').selectOption('project');
  const group = page.getByRole('region', { name: 'busy' }).getByRole('button').first();
  await group.focus();
  const several = Number((await group.getAttribute('aria-label')).match(/^\d+/)[0]);
  await page.getByRole('link', { name: 'Show this time in the log' }).first().click();
  await page.getByText(`That is all: ${several} events.`).waitFor();
  await page.goBack();
  await group.focus();
  await page.getByRole('button', { name: 'Zoom to these' }).first().click();
  await until('a smaller window', 5, () => page.url().includes('span=') && !page.url().includes('span=24h'));
});

test('one group is open at most; a second tap and Escape close it', async () => {
  const page = await made.browser.open(`/timeline?span=24h&until=${busy(1440)}`, { hasTouch: true });
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

test('lanes by environment and project, and filters', async () => {
  const page = await made.browser.open(`/timeline?span=30m&until=${at(0)}&lanes=environment`);
  await until('a lane for production', 10, async () => (await counts(page)).production > 0);
  assert.ok((await counts(page))['No environment'] > 0);
  await page.getByLabel('Lanes').selectOption('project');
  await until('a lane for the project', 10, async () => (await counts(page)).web > 0);
  await page.getByText('Filters', { exact: true }).click();
  await page.getByLabel('Environment', { exact: true }).fill('staging');
  await page.keyboard.press('Enter');
  await until('what belongs to no environment', 10, async () => {
    const { data } = await made.stack.call('GET', `/v1/timeline?from=${at(-30)}&to=${at(0)}&environment=staging`, { key: 'read' });
    const all = Object.values(await counts(page)).reduce((a, b) => a + b, 0);
    return data.count > 0 && all === data.count;
  });
});

test('a colleague who opens the link sees the same picture', async () => {
  const page = await made.browser.open('/timeline?span=6h&lanes=project&type=feature-updated', { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.getByText(/events? from/).waitFor();
  await page.getByRole('button', { name: 'Copy a link to this' }).click();
  const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
  assert.ok(link.searchParams.has('until'), 'it does not move with the time');
  const words = async (one) => one.getByText(/events? from/).textContent();
  const other = await made.browser.open(link.pathname + link.search);
  await other.getByText(/events? from/).waitFor();
  assert.equal(await words(other), await words(page));
  assert.equal(await other.getByLabel('Lanes').inputValue(), 'project');
});
