// The API keys of the signed-in user. They are stored for the lifetime of the tab and never appear in a URL.

const STORAGE_KEY = 'tidings.keys';

/** Returns the signed-in keys by scope: `{ read: { name, token }, manage: … }`. */
export function keys() {
  try {
    return JSON.parse(sessionStorage.getItem(STORAGE_KEY)) ?? {};
  } catch {
    return {};
  }
}

/** Returns whether there is a key with this scope; `either` accepts both scopes. */
export const hasKey = (scope) => Boolean(token(scope));

export function token(scope) {
  const { read, manage } = keys();
  return { read, manage, either: read ?? manage }[scope]?.token;
}

export function saveKey(scope, name, token) {
  sessionStorage.setItem(STORAGE_KEY, JSON.stringify({ ...keys(), [scope]: { name, token } }));
}

/** Removes the keys with this token, or all keys if no token is given. */
export function removeKeys(token) {
  const remaining = Object.entries(keys()).filter(([, key]) => token && key.token !== token);
  if (remaining.length) sessionStorage.setItem(STORAGE_KEY, JSON.stringify(Object.fromEntries(remaining)));
  else sessionStorage.removeItem(STORAGE_KEY);
}
