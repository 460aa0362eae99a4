// Requests to the API.

import * as session from './session.js';

/** The longest that a request may take: the API gives up after 30 s itself. */
const PATIENCE_MS = 35_000;

/** The paths that a key which may manage is needed for. */
const MANAGED = /^\/v1\/(targets|replays|quarantine|sources|keys|deliveries\/)/;

/** What the API refused, or why it could not be asked. */
export class Problem extends Error {
  /** `status` is 0 where there was no answer; `body` is the problem document. */
  constructor(status, body, requestId) {
    super(body.detail ?? `The server answered ${status}.`);
    this.status = status;
    this.body = body;
    this.requestId = requestId;
  }

  /** What is wrong with fields: `[{ pointer, message }]`. */
  get violations() {
    return this.body.violations ?? [];
  }
}

/**
 * Asks the API.
 *
 * It is asked with the key that the path needs; `scope: 'either'` takes the other as well, and `token` another altogether.
 * `body` is sent as JSON; a text is sent as it is. Answers `{ status, data, text, headers }`, where `data`
 * is parsed JSON, or the text where the answer is none. Throws a `Problem`; a signal that was aborted throws what aborted it.
 */
export async function call(path, options = {}) {
  const { method = 'GET', query, body, scope = MANAGED.test(path) ? 'manage' : 'read', headers = {}, signal } = options;
  const token = options.token ?? session.token(scope);
  const address = query ? `${path}?${new URLSearchParams(query)}` : path;
  const limits = [AbortSignal.timeout(PATIENCE_MS), ...(signal ? [signal] : [])];
  const request = { method, signal: AbortSignal.any(limits), cache: 'no-store', headers: { ...headers } };
  // What a header cannot have is in no token.
  if (/[^!-~]/.test(token)) throw new Problem(401, { detail: 'No key has this token.' });
  if (token) request.headers.authorization = `Bearer ${token}`;
  if (body !== undefined) {
    request.body = typeof body === 'string' ? body : JSON.stringify(body);
    request.headers['content-type'] ??= 'application/json';
  }
  const { response, text } = await exchange(address, request, signal);
  const data = parse(response, text);
  if (response.ok) return { status: response.status, data, text, headers: response.headers };
  if (response.status === 401 && token && !options.token) {
    session.forget(token);
    window.dispatchEvent(new Event('signed-out'));
  }
  const said = data && typeof data === 'object' ? data : { title: response.statusText };
  throw new Problem(response.status, said, response.headers.get('x-request-id'));
}

async function exchange(address, request, signal) {
  try {
    const response = await fetch(address, request);
    return { response, text: await response.text() };
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    const late = error.name === 'TimeoutError';
    const detail = late ? `There was no answer within ${PATIENCE_MS / 1000} seconds.` : 'The server cannot be reached.';
    throw new Problem(0, { title: 'No answer', detail }, null);
  }
}

function parse(response, text) {
  const json = /^application\/([a-z.-]+\+)?json/.test(response.headers.get('content-type') ?? '');
  if (!json || !text) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Whether an error only says that its page was left. */
export function left(error, signal) {
  return signal.aborted || error?.name === 'AbortError';
}
