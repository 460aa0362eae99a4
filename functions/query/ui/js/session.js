// The keys one is signed in with. They live as long as the tab, and never stand in an address.

const PLACE = 'tidings.keys';

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(PLACE)) ?? {};
  } catch {
    return {};
  }
}

/** The signed-in keys by scope: `{ read: { name, token }, manage: … }`. */
export function keys() {
  return stored();
}

/** Whether a key of this scope is there; `either` is any. */
export function may(scope) {
  const here = stored();
  return scope === 'either' ? Boolean(here.read ?? here.manage) : Boolean(here[scope]);
}

/** The token for a scope. */
export function token(scope) {
  const here = stored();
  return (scope === 'either' ? here.read ?? here.manage : here[scope])?.token;
}

/** Keeps a key. */
export function keep(scope, name, token) {
  sessionStorage.setItem(PLACE, JSON.stringify({ ...stored(), [scope]: { name, token } }));
}

/** Forgets the keys with this token, or all of them. */
export function forget(token) {
  const left = Object.entries(stored()).filter(([, key]) => token && key.token !== token);
  if (left.length) sessionStorage.setItem(PLACE, JSON.stringify(Object.fromEntries(left)));
  else sessionStorage.removeItem(PLACE);
}
