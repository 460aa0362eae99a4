// The defaults, limits, and catalogs of the API.

import { request } from './api.js';

let pending = null;

/** Returns the response of `GET /v1/defaults`, which is requested once per visit. */
export function loadDefaults() {
  pending ??= request('/v1/defaults', { scope: 'either' }).then(({ data }) => data).catch((error) => {
    pending = null;
    throw error;
  });
  return pending;
}
