/** create, create2, delete, setData and the reads: every code, the order of checks, the Stat rules. */
import { op, Record } from '../../support/raw-client.ts';
import { record } from '../talk.ts';
import type { Scenario } from './index.ts';

const nobody = [{ perms: 31, scheme: 'auth', id: '' }];
const locked = [{ perms: 0, scheme: 'world', id: 'anyone' }];
const readOnly = [{ perms: 1, scheme: 'world', id: 'anyone' }];
const adminOnly = [{ perms: 16, scheme: 'world', id: 'anyone' }];

export const znodes: { readonly [name: string]: Scenario } = {
  'a new server': async (talk) => {
    const a = await talk.session('a');
    for (const path of ['/', '/zookeeper', '/zookeeper/quota']) {
      await a.get(path);
      await a.children2(path);
      await a.getAcl(path);
    }
    await a.set('/zookeeper/quota', 'x');
    await a.set('/', 'root');
    await a.get('/');
    await a.set('/zookeeper/config', 'x');
  },

  'no configuration in a server alone': async (talk) => {
    const a = await talk.session('a');
    await a.get('/zookeeper/config');
    await a.children2('/zookeeper/config');
    await a.getAcl('/zookeeper/config');
  },

  create: async (talk) => {
    const a = await talk.session('a');
    await a.create('/create', 'one');
    await a.create('/create', 'two');
    await a.create('/create/null', null);
    await a.create('/create/empty', '');
    await a.create2('/create/two', 'two');
    await a.create2('/create/two', 'two');
    await a.create('/create/no/where');
    await a.create('/create/ünï-☃-\u{1f600}', 'snow');
    await a.get('/create/null');
    await a.get('/create/empty');
    await a.get('/create/ünï-☃-\u{1f600}');
    await a.children('/create');
    await a.exists('/create');
    await a.create('/create/big', 'x'.repeat(100_000));
    await a.exists('/create/big');
  },

  'create flags': async (talk) => {
    const a = await talk.session('a');
    await a.create('/flags');
    for (const flags of [0, 1, 2, 3]) await a.create2(`/flags/plain${flags}-`, 'x', flags);
    for (const flags of [-1, 5, 6, 7, 9, 2 ** 31 - 1]) await a.create('/flags/bad', 'x', flags);
    await a.create('/flags/container', 'x', 4);
    await a.create2('/flags/container2', 'x', 4);
    await a.exists('/flags/container');
    // Which check comes first.
    await a.create('bad', 'x', 9, []);
    await a.create('bad', 'x', 0, []);
    await a.create('/flags/none/x', 'x', 9, []);
    await a.create('/flags/none/x', 'x', 0, []);
    await a.create('/flags/none/x/', 'x', 0);
    await a.create('/flags/x/', 'x', 0, []);
    await a.create('bad', 'x', 5, []);
    await a.exists('/flags');
  },

  'create paths': async (talk) => {
    const a = await talk.session('a');
    await a.create('/paths');
    const bad = ['', '/', 'paths', 'paths/x', '/paths/', '/paths//x', '//paths', '/paths/.', '/paths/..', '/paths/./x'];
    bad.push(
      '/paths/../x',
      '/paths/\u0001',
      '/paths/\u001f',
      '/paths/\u007f',
      '/paths/\u009f',
      '/paths/\0',
      '/paths/\0/x',
    );
    bad.push('/paths/\uf8ff', '/paths/\ue000', '/paths/\ufff0', '/paths/\uffff');
    for (const path of bad) await a.create(path);
    for (const path of ['/paths/\u00a0', '/paths/\ud7ff', '/paths/\uf900', '/paths/\uffef', '/paths/ ', '/paths/...'])
      await a.create(path);
    for (const path of ['/paths/.x', '/paths/x.', '/paths/x..y', '/paths/~', '/paths/\u0020x']) await a.create(path);
    await a.create('/paths/.', '', 2);
    await a.create('/paths/..', '', 2);
    await a.create('/paths/x//', '', 2);
    await a.create('/paths/x/', '', 2);
    await a.create('/paths/', '', 2);
    await a.create('paths/', '', 2);
    await a.create('/paths/./', '', 2);
    await a.children('/paths');
    await a.request('create null path', op.create, record.create(null));
    await a.request(
      'create latin1 path',
      op.create,
      new Record().buffer(Buffer.from('/paths/\xff', 'latin1')).int(-1).int(0),
    );
  },

  sequential: async (talk) => {
    const a = await talk.session('a');
    await a.create('/seq');
    await a.create('/seq/n-', '', 2);
    await a.create('/seq/plain');
    await a.create('/seq/n-', '', 2);
    await a.delete('/seq/plain');
    await a.create('/seq/n-', '', 3);
    await a.create('/seq/other', '', 2);
    await a.create2('/seq/', '', 2);
    await a.create('/seq/gone/', '', 2);
    await a.create('/seq/n-0000000009', '');
    await a.create('/seq/n-', '', 2);
    await a.create('/seq/eight0000000008', '');
    await a.create('/seq/eight', '', 2);
    await a.create('/seq/n-', '', 2);
    await a.children2('/seq');
    await a.create('/', '', 2);
    await a.create('', '', 2);
    await a.create('', '', 2, []);
  },

  ephemeral: async (talk) => {
    const a = await talk.session('a');
    const b = await talk.session('b');
    await a.create2('/eph', 'mine', 1);
    await a.create('/eph/x');
    await a.create('/eph/x', '', 1);
    await a.create('/eph/x', '', 2);
    await a.create('/eph/x/y');
    await b.create('/eph', 'theirs', 1);
    await b.exists('/eph');
    await b.set('/eph', 'changed');
    await a.exists('/eph');
    await b.delete('/eph');
    await a.create('/eph', 'again', 1);
    await a.delete('/eph');
    await a.create('/eph', 'persistent');
    await a.exists('/eph');
    await b.create('/eph/kid', '', 1);
    await b.create('/eph/kid-', '', 3);
    await b.closeSession();
    await a.children2('/eph');
    await a.create('/eph/kid-', '', 3);
  },

  delete: async (talk) => {
    const a = await talk.session('a');
    await a.create('/del');
    await a.create('/del/kid');
    await a.delete('/del');
    await a.delete('/del', 7);
    await a.delete('/del/kid', 7);
    await a.delete('/del/none', 7);
    await a.delete('/none/kid');
    await a.delete('/del/kid', 0);
    await a.delete('/del/kid');
    await a.exists('/del');
    for (const path of ['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config', 'del', '', '/del/', '/del//', '//'])
      await a.delete(path);
    for (const path of ['/del/.', '/del/\0', 'del/kid', '/zookeeper/none']) await a.delete(path);
    await a.create('/del/closed', '', 0, readOnly);
    await a.create('/del/closed/kid');
    await a.setAcl('/del', readOnly);
    await a.delete('/del/closed', 7);
    await a.delete('/del/none', 7);
    await a.create('/del/x');
    await a.create('/del/closed');
    await a.delete('/del', -2);
    await a.delete('/del', 0);
  },

  setData: async (talk) => {
    const a = await talk.session('a');
    await a.create('/set', 'one');
    await a.set('/set', 'two');
    await a.set('/set', 'three', 1);
    await a.set('/set', 'four', 1);
    await a.set('/set', null);
    await a.get('/set');
    await a.set('/set', '', 3);
    await a.get('/set');
    await a.set('/set', 'x', -2);
    for (const path of ['/set/none', 'set', '', '/set/', '/set//x', '/set/.', '/set/\0']) await a.set(path, 'x', 9);
    await a.create('/set/locked', '', 0, locked);
    await a.set('/set/locked', 'x', 9);
    await a.set('/set/locked', 'x', 0);
    await a.exists('/set');
  },

  reads: async (talk) => {
    const a = await talk.session('a');
    await a.create('/reads', 'data');
    await a.create('/reads/one');
    await a.create('/reads/two');
    for (const path of ['/reads', '/reads/', '/reads/none', 'reads', '', '/reads//one', '/\0', '/reads\0']) {
      await a.get(path);
      await a.exists(path);
      await a.children(path);
      await a.children2(path);
      await a.getAcl(path);
    }
    await a.create('/reads/locked', 'x', 0, locked);
    await a.create('/reads/admin', 'x', 0, adminOnly);
    for (const path of ['/reads/locked', '/reads/admin']) {
      await a.get(path, true);
      await a.children(path, true);
      await a.children2(path, true);
      await a.getAcl(path);
    }
    for (const code of [op.getData, op.exists, op.getChildren, op.getChildren2, op.getAcl]) {
      await a.request(`null path ${code}`, code, new Record().buffer(null).bool(false));
    }
  },

  'acl fixups of create': async (talk) => {
    const a = await talk.session('a');
    await a.create('/fixup', '', 0, []);
    await a.create('/fixup', '', 0, nobody);
    await a.create('/fixup/none/x', '', 0, nobody);
    await a.create('/fixup');
    await a.create('/fixup', '', 0, []);
    await a.request('create null acl', op.create, new Record().buffer('/fixup/null').buffer('x').int(-1).int(0));
  },

  'stat rules': async (talk) => {
    const a = await talk.session('a');
    await a.create2('/stat', 'one');
    await a.create2('/stat/kid', '');
    await a.exists('/stat');
    await a.set('/stat/kid', 'x');
    await a.exists('/stat');
    await a.create('/stat/kid/grandkid');
    await a.exists('/stat');
    await a.exists('/stat/kid');
    await a.setAcl('/stat', [{ perms: 31, scheme: 'world', id: 'anyone' }]);
    await a.exists('/stat');
    await a.delete('/stat/kid/grandkid');
    await a.delete('/stat/kid');
    await a.exists('/stat');
    await a.create2('/stat/kid', 'new');
    await a.exists('/stat');
    await a.set('/stat', null);
  },

  'sync and ping': async (talk) => {
    const a = await talk.session('a');
    await a.create('/sync');
    await a.sync('/sync');
    await a.sync('/none');
    await a.sync('none//');
    await a.sync('');
    await a.ping();
    await a.exists('/sync');
  },

  'many at once': async (talk) => {
    const a = await talk.session('a');
    await Promise.all([
      a.create('/once', '0'),
      a.get('/once'),
      a.set('/once', '1'),
      a.get('/once'),
      a.set('/once', '2', 7),
      a.exists('/once'),
      a.ping(),
      a.delete('/once'),
      a.exists('/once'),
      a.create('/once', '3', 1),
      a.exists('/once'),
    ]);
  },
};
