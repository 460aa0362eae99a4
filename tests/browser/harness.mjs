// The local stack, a browser, and what must never happen in it.

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

/** Where screenshots are kept. */
export const SCREENSHOTS = join(TARGET, 'screenshots');

/** The source of axe-core, to be run in a page. */
export const axeSource = () => readFile(modules.resolve('axe-core/axe.min.js'), 'utf8');

/** Asks again until there is an answer, for at most so many seconds. */
export async function until(what, seconds, ask) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await ask();
    if (found) return found;
    assert.ok(Date.now() < end, `not within ${seconds} s: ${what}`);
    await sleep(50);
  }
}

/** A local stack with the demo's events and its target. */
export class Stack {
  static async start({ demo = true } = {}) {
    const stack = new Stack();
    stack.folder = await mkdtemp(join(tmpdir(), 'tidings-browser-'));
    const program = resolve(TARGET, 'debug', 'tidings');
    const data = join(stack.folder, 'data');
    stack.said = '';
    stack.process = spawn(program, ['dev', '--port', '0', '--data-dir', data, ...(demo ? ['--demo'] : [])], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [stack.process.stdout, stack.process.stderr]) stream.on('data', (text) => { stack.said += text; });
    await until('the stack', 30, () => stack.said.includes(demo ? 'demo loaded' : 'is ready at'));
    Object.assign(stack, JSON.parse(await readFile(join(data, 'dev.json'), 'utf8')));
    return stack;
  }

  /** Asks the API: the answer's status and its JSON. */
  async call(method, path, { key = 'manage', body, token } = {}) {
    const authorization = `Bearer ${token ?? this.keys[key] ?? this.keys.ingest[key]}`;
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await fetch(this.url + path, { method, body: text, headers: { authorization, 'content-type': 'application/json' } });
    const said = await answer.text();
    return { status: answer.status, data: said && answer.headers.get('content-type')?.includes('json') ? JSON.parse(said) : said };
  }

  /** Posts events as a source; they must all be kept. */
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

/** An event of Unleash. */
export function flag(id, time, fields = {}) {
  return {
    id, type: 'feature-updated', createdBy: 'ada', createdAt: time, featureName: 'dark-mode', project: 'web', environment: null,
    data: { name: 'dark-mode' }, preData: null, tags: [], ...fields,
  };
}

/** A browser; its pages may do nothing that a page of ours must not. */
export class Browser {
  static async start(stack) {
    const browser = new Browser();
    const path = process.env.CHROMIUM ?? '/usr/bin/chromium';
    browser.chromium = await chromium.launch({ executablePath: path, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
    browser.stack = stack;
    browser.wrong = [];
    return browser;
  }

  /** A page, signed in with keys of these scopes. */
  async open(path = '/', { scopes = ['read', 'manage'], ...options } = {}) {
    const context = await this.chromium.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB', timezoneId: 'UTC', acceptDownloads: true, ...options });
    context.setDefaultTimeout(10_000);
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

  /** Notes what must not happen. A request that the API refuses is in order: its page says so. */
  watch(page) {
    page.on('console', (message) => {
      const refused = message.text().startsWith('Failed to load resource');
      if (['error', 'warning'].includes(message.type()) && !refused) this.wrong.push(message.text());
    });
    page.on('pageerror', (error) => this.wrong.push(error.stack));
    page.on('dialog', (dialog) => {
      this.wrong.push(`a dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on('request', (request) => {
      const { origin, protocol } = new URL(request.url());
      if (origin !== this.stack.url && protocol !== 'blob:') this.wrong.push(`a request to ${request.url()}`);
    });
  }

  /** Fails where something has happened that must not. */
  check() {
    assert.deepEqual(this.wrong.splice(0), []);
  }

  async stop() {
    await this.chromium.close();
  }
}

/** A stack, which `ready` may prepare, and a browser for the tests of a file. Each test ends with a look at what must not have happened. */
export function rig({ before, after, afterEach }, { demo = true, ready = () => {} } = {}) {
  const made = {};
  before(async () => {
    made.stack = await Stack.start({ demo });
    await ready(made.stack);
    made.browser = await Browser.start(made.stack);
    await mkdir(SCREENSHOTS, { recursive: true });
  });
  afterEach(async () => {
    for (const context of made.browser.chromium.contexts()) {
      // A request that is still being answered by the test itself has nobody left who waits for it.
      for (const page of context.pages()) await page.unrouteAll({ behavior: 'ignoreErrors' });
      await context.close();
    }
    made.browser.check();
  });
  after(async () => {
    await made.browser?.stop();
    await made.stack?.stop();
  });
  return made;
}

/** What a list of events shows. */
export const rows = (page) => page.getByRole('list', { name: 'Events' }).locator('a');
