// Prints the load time of the first page and the frame time while scrolling a long list. Timings do not fail the tests.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { unleashEvent, setUp, rows, until } from './harness.mjs';

/** Number of events. `EVENTS=200000` measures the first page of a large log. */
const EVENTS = Number(process.env.EVENTS ?? 5000);

async function prepare(stack) {
  const start = Date.parse('2026-01-01T00:00:00Z');
  for (let done = 0; done < EVENTS; done += 500) {
    const batch = Array.from({ length: Math.min(500, EVENTS - done) }, (_, n) =>
      unleashEvent(done + n, new Date(start + (done + n) * 1000).toISOString(), { featureName: `flag-${(done + n) % 200}`, project: `project-${(done + n) % 20}` }));
    await stack.post('unleash', batch);
  }
}

const env = setUp({ before, after, afterEach }, { demo: false, prepare });

test('the first page loads', async () => {
  const times = [];
  for (let run = 0; run < 5; run += 1) {
    const page = await env.browser.open('/healthz');
    const started = Date.now();
    await page.goto(`${env.stack.url}/`);
    await rows(page).first().waitFor();
    times.push(Date.now() - started);
    await page.context().close();
  }
  times.sort((a, b) => a - b);
  console.log(`# first page with ${EVENTS} events: median ${times[2]} ms, maximum ${times[4]} ms`);
});

test('a list of 5,000 events loads completely and in order', async () => {
  const page = await env.browser.open('/');
  await rows(page).first().waitFor();
  const medianFrameMs = () => page.evaluate(async () => {
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
  const before = await medianFrameMs();
  const expected = Math.min(EVENTS, 5000);
  await until('5,000 events', 120, async () => {
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    return (await rows(page).count()) >= expected;
  });
  const after = await medianFrameMs();
  console.log(`# frame time while scrolling: ${before.toFixed(1)} ms with 50 events, ${after.toFixed(1)} ms with ${await rows(page).count()}, ratio ${(after / before).toFixed(2)}`);
  const ids = await rows(page).evaluateAll((links) => links.map((link) => Number(link.dataset.id)));
  assert.ok(ids.every((id, at) => at === 0 || id < ids[at - 1]), 'each event is listed once, in order');
});
