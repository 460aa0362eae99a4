// The pages for those who run the deployment. A page with `under` is reached from the page of that path.

import * as deliveries from './deliveries.js';
import * as keys from './keys.js';
import * as quarantine from './quarantine.js';
import * as schemas from './schemas.js';
import * as sources from './sources.js';
import * as target from './target.js';
import * as targets from './targets.js';

export const managing = [
  { path: '/targets', scope: 'manage', page: targets.page, word: 'Targets' },
  { path: '/targets/{name}', scope: 'manage', page: target.page, under: '/targets' },
  { path: '/targets/{name}/deliveries', scope: 'either', page: deliveries.page, under: '/targets' },
  { path: '/quarantine', scope: 'manage', page: quarantine.page, word: 'Quarantine' },
  { path: '/quarantine/{source}/{id}', scope: 'manage', page: quarantine.one, under: '/quarantine' },
  { path: '/sources', scope: 'manage', page: sources.page, word: 'Sources' },
  { path: '/keys', scope: 'manage', page: keys.page, word: 'Keys' },
  { path: '/schemas', scope: 'read', page: schemas.page, word: 'Schemas' },
  { path: '/schemas/{catalog}/{type}', scope: 'read', page: schemas.type, under: '/schemas' },
];
