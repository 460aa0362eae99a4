// Requests to the API.

import * as session from './session.js';

/** Maximum duration of a request. The API itself gives up after 30 s. */
const REQUEST_TIMEOUT_MS = 35_000;

/** Paths that require a manage key. */
const MANAGE_PATHS = /^\/v1\/(targets|replays|quarantine|sources|keys|deliveries\/)/;

/** An error response of the API, or a request that got no response. */
export class ApiError extends Error {
  /** `status` is 0 if there was no response. `body` is the problem document (RFC 9457). */
  constructor(status, body, requestId) {
    super(body.detail ?? `The server responded with status ${status}.`);
    this.status = status;
    this.body = body;
    this.requestId = requestId;
  }

  /** Invalid fields of the request: `[{ pointer, message }]`. */
  get violations() {
    return this.body.violations ?? [];
  }
}

/**
 * Sends a request to the API.
 *
 * The path determines which key is sent. `scope: 'either'` allows the other key as well; `token` overrides both.
 * `body` is sent as JSON, and a string is sent unchanged. Returns `{ status, data, text, headers }`, where `data` is the
 * parsed JSON, or the text of any other response. Throws an `ApiError`, or the reason of an aborted signal.
 */
export async function request(path, options = {}) {
  const { method = 'GET', query, body, scope = MANAGE_PATHS.test(path) ? 'manage' : 'read', headers = {}, signal } = options;
  const token = options.token ?? session.token(scope);
  const address = query ? `${path}?${new URLSearchParams(query)}` : path;
  const signals = [AbortSignal.timeout(REQUEST_TIMEOUT_MS), ...(signal ? [signal] : [])];
  const init = { method, signal: AbortSignal.any(signals), cache: 'no-store', headers: { ...headers } };
  // Tokens contain only characters that are allowed in a header.
  if (/[^!-~]/.test(token)) throw new ApiError(401, { detail: 'Invalid or expired API key.' });
  if (token) init.headers.authorization = `Bearer ${token}`;
  if (body !== undefined) {
    init.body = typeof body === 'string' ? body : JSON.stringify(body);
    init.headers['content-type'] ??= 'application/json';
  }
  const { response, text } = await fetchText(address, init, signal);
  const data = parseBody(response, text);
  if (response.ok) return { status: response.status, data, text, headers: response.headers };
  if (response.status === 401 && token && !options.token) {
    session.removeKeys(token);
    window.dispatchEvent(new Event('signed-out'));
  }
  const problem = data && typeof data === 'object' ? data : { title: response.statusText };
  throw new ApiError(response.status, problem, response.headers.get('x-request-id'));
}

async function fetchText(address, init, signal) {
  try {
    const response = await fetch(address, init);
    return { response, text: await response.text() };
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    const timedOut = error.name === 'TimeoutError';
    const detail = timedOut ? `The server did not respond within ${REQUEST_TIMEOUT_MS / 1000} seconds.` : 'The server cannot be reached.';
    throw new ApiError(0, { title: 'No response', detail }, null);
  }
}

function parseBody(response, text) {
  const json = /^application\/([a-z.-]+\+)?json/.test(response.headers.get('content-type') ?? '');
  if (!json || !text) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Returns whether an error only means that the user left the page. */
export function isAborted(error, signal) {
  return signal.aborted || error?.name === 'AbortError';
}
