// Signs in with an API key.

import { h, render } from '../dom.js';
import { request } from '../api.js';
import { field, input, runBusy } from '../components/forms.js';
import { problemState } from '../components/states.js';
import * as session from '../session.js';

export async function page({ path, query, signal, go, requiredScope }) {
  const token = field('API key', input({ type: 'password', name: 'token', required: true, placeholder: 'tdg_…' }),
    'The key stays in this browser tab until you sign out or close the tab. It is sent only to this server.');
  const errors = h('div', { role: 'alert' });
  const submit = h('button.primary', 'Sign in');
  const showError = (error) => {
    if (error.status === 401 || error.rejection) token.error(error.rejection ?? 'Invalid or expired API key.');
    else render(errors, problemState(error));
    token.input.focus();
    token.input.select();
  };
  const onsubmit = (event) => {
    event.preventDefault();
    token.error('');
    render(errors);
    runBusy(submit, async () => {
      await signIn(token.input.value.trim(), signal);
      await go(...destination(path, query), { replace: true });
    }, showError);
  };
  const expired = query.has('ended') && 'Your API key is no longer valid. Sign in again.';
  const insufficient = requiredScope && session.hasKey('either') && `This page requires a ${requiredScope} key.`;
  const reason = expired || insufficient;
  const help = 'A read key shows the event log. A manage key manages targets, sources, API keys, and the quarantine. '
    + 'You can sign in with one of each.';
  const content = h('section.signin', h('h1', 'Sign in'), reason && h('p.note', reason),
    h('p', help), h('form', { onsubmit }, token.element, errors, submit));
  return { title: 'Sign in', content, focus: token.input };
}

/** Reads the scope of the key and stores the key. */
async function signIn(token, signal) {
  const { data } = await request('/v1/key', { token, signal });
  if (data.scope === 'ingest') {
    throw { rejection: `“${data.name}” is an ingest key, which can only send events. Use a read or manage key.` };
  }
  session.saveKey(data.scope, data.name, token);
}

/** Returns the page to open: the requested page, or the first one that the keys allow. */
function destination(path, query) {
  const to = path === '/signin' ? query.get('to') : path + location.search;
  const url = to?.startsWith('/') && !to.startsWith('//') ? new URL(to, location.origin) : null;
  if (url && url.pathname !== '/signin' && (url.pathname !== '/' || session.hasKey('read'))) {
    return [url.pathname, url.searchParams];
  }
  return [session.hasKey('read') ? '/' : '/targets', null];
}
