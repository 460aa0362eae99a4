// How fast the first page is there, and how a long list scrolls: printed, and only what is far off fails.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { flag, rig, rows, until } from './harness.mjs';

/** Events of the list that is scrolled; `EVENTS=200000` measures the first page of a large log. */
const EVENTS = Number(process.env.EVENTS ?? 5000);

async function ready(stack) {
  const start = Date.parse('2026-01-01T00:00:00Z');
  for (let done = 0; done < EVENTS; done += 500) {
    const batch = Array.from({ length: Math.min(500, EVENTS - done) }, (_, n) =>
      flag(done + n, new Date(start + (done + n) * 1000).toISOString(), { featureName: `flag-${(done + n) % 200}`, project: `project-${(done + n) % 20}` }));
    await stack.post('unleash', batch);
  }
}

const made = rig({ before, after, afterEach }, { demo: false, ready });

test('the first page', async () => {
  const times = [];
  for (let run = 0; run < 5; run += 1) {
    const page = await made.browser.open('/healthz');
    const started = Date.now();
    await page.goto(`${made.stack.url}/`);
    await rows(page).first().waitFor();
    times.push(Date.now() - started);
    await page.context().close();
  }
  times.sort((a, b) => a - b);
  console.log(`# first page with ${EVENTS} events: median ${times[2]} ms, slowest ${times[4]} ms`);
});

test('scrolling through 5,000 events does not slow down', async () => {
  const page = await made.browser.open('/');
  await rows(page).first().waitFor();
  const frames = () => page.evaluate(async () => {
    const gaps = [];
    let last = performance.now();
    for (let n = 0; n < 60; n += 1) {
      scrollBy(0, n % 2 ? 400 : -380);
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      gaps.push(now - last);
      last = now;
    }
    return gaps.sort((a, b) => a - b)[30];
  });
  const before = await frames();
  const wanted = Math.min(EVENTS, 5000);
  await until('5,000 events', 120, async () => {
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    return (await rows(page).count()) >= wanted;
  });
  const then = await frames();
  console.log(`# a frame while scrolling: ${before.toFixed(1)} ms with 50 events, ${then.toFixed(1)} ms with ${await rows(page).count()}, ratio ${(then / before).toFixed(2)}`);
  const ids = await rows(page).evaluateAll((links) => links.map((link) => Number(link.dataset.id)));
  assert.ok(ids.every((id, at) => at === 0 || id < ids[at - 1]), 'each once, in order');
});
