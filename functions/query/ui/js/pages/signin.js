// Sign in with a key's token.

import { h, show } from '../dom.js';
import { call } from '../api.js';
import * as session from '../session.js';
import { busy, field, input } from '../parts/forms.js';
import { problem } from '../parts/table.js';

export async function page({ path, query, signal, go, needs }) {
  const token = field('Token of a key', input({ type: 'password', name: 'token', required: true, placeholder: 'tdg_…' }),
    'It stays in this tab until you sign out or close it, and is sent to this server alone.');
  const wrong = h('div', { role: 'alert' });
  const submit = h('button.main', 'Sign in');
  const failed = (error) => {
    if (error.status === 401 || error.refused) token.error(error.refused ?? 'No key has this token, or it has expired.');
    else show(wrong, problem(error));
    token.input.focus();
    token.input.select();
  };
  const onsubmit = (event) => {
    event.preventDefault();
    token.error('');
    show(wrong);
    busy(submit, async () => {
      await enter(token.input.value.trim(), signal);
      await go(...target(path, query), { replace: true });
    }, failed);
  };
  const why = query.has('ended') ? 'The key is not valid any more.' : needs && session.may('either') && `This page needs a key that may ${needs}.`;
  const words = 'A key that may read shows the log; one that may manage runs targets, sources, keys and the quarantine. '
    + 'You can sign in with one of each.';
  const content = h('section.signin', h('h1', 'Sign in'), why && h('p.note', why),
    h('p', words), h('form', { onsubmit }, token.element, wrong, submit));
  return { title: 'Sign in', content, focus: token.input };
}

/** Asks what the key may do, and keeps it. */
async function enter(token, signal) {
  const { data } = await call('/v1/key', { token, signal });
  if (data.scope === 'ingest') {
    throw { refused: `“${data.name}” may only send events. Use a key that may read or manage.` };
  }
  session.keep(data.scope, data.name, token);
}

/** Where to go then: back, or to the first page that the keys allow. */
function target(path, query) {
  const to = path === '/signin' ? query.get('to') : path + location.search;
  const url = to?.startsWith('/') && !to.startsWith('//') ? new URL(to, location.origin) : null;
  if (url && url.pathname !== '/signin' && (url.pathname !== '/' || session.may('read'))) {
    return [url.pathname, url.searchParams];
  }
  return [session.may('read') ? '/' : '/targets', null];
}
