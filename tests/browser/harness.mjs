// Starts the local stack and a browser, and fails a test on console errors, external requests, and native dialogs.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, mkdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const TARGET = process.env.TIDINGS_TARGET ?? 'target';
const modules = createRequire(resolve(TARGET, 'browser', 'index.js'));
const { chromium } = modules('playwright-core');

/** Minimum of all time limits in seconds: no test depends on the speed of the machine. */
const MIN_LIMIT = 120;

/** Factor of all time limits: `PATIENCE=5` is for very busy machines. */
const PATIENCE = Number(process.env.PATIENCE ?? 1);

/** Folder of the screenshots. */
export const SCREENSHOTS = join(TARGET, 'screenshots');

/** Returns the source of axe-core, which runs in a page. */
export const axeSource = () => readFile(modules.resolve('axe-core/axe.min.js'), 'utf8');

/** Calls `check` until it returns a truthy value, and returns that value. Fails after `seconds`, or later. */
export async function until(description, seconds, check) {
  const limit = Math.max(seconds, MIN_LIMIT) * PATIENCE;
  const end = Date.now() + limit * 1000;
  for (;;) {
    const result = await check();
    if (result) return result;
    assert.ok(Date.now() < end, `not within ${limit} s: ${description}`);
    await sleep(50);
  }
}

/** A local stack, with the events and the target of the demo unless `demo` is false. */
export class Stack {
  static async start({ demo = true } = {}) {
    const stack = new Stack();
    stack.folder = await mkdtemp(join(tmpdir(), 'tidings-browser-'));
    const program = resolve(TARGET, 'debug', 'tidings');
    const data = join(stack.folder, 'data');
    stack.output = '';
    stack.process = spawn(program, ['dev', '--port', '0', '--data-dir', data, ...(demo ? ['--demo'] : [])], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [stack.process.stdout, stack.process.stderr]) stream.on('data', (text) => { stack.output += text; });
    await until('the stack', 30, () => stack.output.includes(demo ? 'demo loaded' : 'is ready at'));
    Object.assign(stack, JSON.parse(await readFile(join(data, 'dev.json'), 'utf8')));
    return stack;
  }

  /** Sends a request to the API. Returns the status and the parsed JSON, or the text of another response. */
  async call(method, path, { key = 'manage', body, token } = {}) {
    const authorization = `Bearer ${token ?? this.keys[key] ?? this.keys.ingest[key]}`;
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(this.url + path, { method, body: text, headers: { authorization, 'content-type': 'application/json' } });
    const content = await response.text();
    const isJson = content && response.headers.get('content-type')?.includes('json');
    return { status: response.status, data: isJson ? JSON.parse(content) : content };
  }

  /** Posts events as a source, and fails unless all of them are stored. */
  async post(source, events) {
    const { status, data } = await this.call('POST', '/v1/events', { key: source, body: events });
    assert.ok([200, 201].includes(status), JSON.stringify(data).slice(0, 500));
    return data;
  }

  async stop() {
    this.process.kill('SIGTERM');
    await new Promise((resolve) => { this.process.exitCode === null ? this.process.once('exit', resolve) : resolve(); });
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Creates an Unleash event. */
export function unleashEvent(id, time, fields = {}) {
  return {
    id, type: 'feature-updated', createdBy: 'ada', createdAt: time, featureName: 'dark-mode', project: 'web', environment: null,
    data: { name: 'dark-mode' }, preData: null, tags: [], ...fields,
  };
}

/** A browser that records forbidden behaviour of its pages in `failures`. */
export class Browser {
  static async start(stack) {
    const browser = new Browser();
    const path = process.env.CHROMIUM ?? '/usr/bin/chromium';
    browser.chromium = await chromium.launch({ executablePath: path, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
    browser.stack = stack;
    browser.failures = [];
    return browser;
  }

  /** Opens a page, signed in with keys of these scopes. */
  async open(path = '/', { scopes = ['read', 'manage'], ...options } = {}) {
    const context = await this.chromium.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB', timezoneId: 'UTC', acceptDownloads: true, ...options });
    context.setDefaultTimeout(MIN_LIMIT * 1000 * PATIENCE);
    const page = await context.newPage();
    this.watch(page);
    const keys = Object.fromEntries(scopes.map((scope) => [scope, { name: `dev-${scope}`, token: this.stack.keys[scope] }]));
    await page.addInitScript((keys) => {
      addEventListener('securitypolicyviolation', (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
      if (Object.keys(keys).length && !sessionStorage.getItem('tested')) {
        sessionStorage.setItem('tidings.keys', JSON.stringify(keys));
        sessionStorage.setItem('tested', 'yes');
      }
    }, keys);
    await page.goto(this.stack.url + path);
    return page;
  }

  /** Records console errors, exceptions, native dialogs, and external requests. Error responses of the API are allowed. */
  watch(page) {
    page.on('console', (message) => {
      const isErrorResponse = message.text().startsWith('Failed to load resource');
      if (['error', 'warning'].includes(message.type()) && !isErrorResponse) this.failures.push(message.text());
    });
    page.on('pageerror', (error) => this.failures.push(error.stack));
    page.on('dialog', (dialog) => {
      this.failures.push(`native dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on('request', (request) => {
      const { origin, protocol } = new URL(request.url());
      if (origin !== this.stack.url && protocol !== 'blob:') this.failures.push(`external request: ${request.url()}`);
    });
  }

  /** Fails if forbidden behaviour was recorded. */
  check() {
    assert.deepEqual(this.failures.splice(0), []);
  }

  async stop() {
    await this.chromium.close();
  }
}

/** Starts a stack and a browser for the tests of a file. `prepare(stack)` adds test data. Each test ends with `check`. */
export function setUp({ before, after, afterEach }, { demo = true, prepare = () => {} } = {}) {
  const env = {};
  before(async () => {
    env.stack = await Stack.start({ demo });
    await prepare(env.stack);
    env.browser = await Browser.start(env.stack);
    await mkdir(SCREENSHOTS, { recursive: true });
  });
  afterEach(async () => {
    for (const context of env.browser.chromium.contexts()) {
      // A route handler of the test may still be running.
      for (const page of context.pages()) await page.unrouteAll({ behavior: 'ignoreErrors' });
      await context.close();
    }
    env.browser.check();
  });
  after(async () => {
    await env.browser?.stop();
    await env.stack?.stop();
  });
  return env;
}

/** Returns the rows of the event list. */
export const rows = (page) => page.getByRole('list', { name: 'Events' }).locator('a');
