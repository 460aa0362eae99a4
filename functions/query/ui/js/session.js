// The keys one is signed in with. They live as long as the tab, and never stand in an address.

const PLACE = 'tidings.keys';

/** The signed-in keys by scope: `{ read: { name, token }, manage: … }`. */
export function keys() {
  try {
    return JSON.parse(sessionStorage.getItem(PLACE)) ?? {};
  } catch {
    return {};
  }
}

/** Whether a key of this scope is there; `either` is any. */
export const may = (scope) => Boolean(token(scope));

export function token(scope) {
  const { read, manage } = keys();
  return { read, manage, either: read ?? manage }[scope]?.token;
}

export function keep(scope, name, token) {
  sessionStorage.setItem(PLACE, JSON.stringify({ ...keys(), [scope]: { name, token } }));
}

/** Forgets the keys with this token, or all of them. */
export function forget(token) {
  const left = Object.entries(keys()).filter(([, key]) => token && key.token !== token);
  if (left.length) sessionStorage.setItem(PLACE, JSON.stringify(Object.fromEntries(left)));
  else sessionStorage.removeItem(PLACE);
}
