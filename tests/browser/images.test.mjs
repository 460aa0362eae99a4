// The images in the README. `README_IMAGES=1 cargo xtask browser` writes them to `docs/images`.

import assert from 'node:assert/strict';
import { mkdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { SCREENSHOTS, rows, setUp } from './harness.mjs';

const FOLDER = process.env.README_IMAGES ? resolve(import.meta.dirname, '../../docs/images') : SCREENSHOTS;
const MAX_BYTES = 200_000;

const env = setUp({ before, after, afterEach });

test('the event log is rendered for the README, in light and dark', async () => {
  await mkdir(FOLDER, { recursive: true });
  for (const colorScheme of ['light', 'dark']) {
    const page = await env.browser.open('/?q=strategy', { colorScheme, reducedMotion: 'reduce', viewport: { width: 1280, height: 800 } });
    await rows(page).filter({ hasText: 'Strategy order' }).first().click();
    const panel = page.getByRole('complementary', { name: 'Event' });
    await panel.getByRole('heading', { name: 'Payload' }).waitFor();
    await panel.getByRole('heading', { name: 'demo' }).waitFor();
    await page.mouse.move(0, 0);
    const path = join(FOLDER, `event-log-${colorScheme}.png`);
    await page.screenshot({ path });
    const { size } = await stat(path);
    assert.ok(size < MAX_BYTES, `${path} has ${size} bytes`);
  }
});
