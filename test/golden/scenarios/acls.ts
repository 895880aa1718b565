/** ACLs of the schemes world, auth, digest and ip on every operation, and auth itself. */
import { op } from '../../support/raw-client.ts';
import { record, type Acls, type Part, type Peer } from '../talk.ts';
import type { Scenario } from './index.ts';

const open = { perms: 31, scheme: 'world', id: 'anyone' };
/** bob:secret */
const bob = 'bob:fpFiqJ9LmDB+f9ULaDyDD17JF9c=';
const world = (perms: number): Acls => [{ perms, scheme: 'world', id: 'anyone' }];
const digest = (perms: number): Acls => [{ perms, scheme: 'digest', id: bob }];
const ip = (id: string, perms = 31): Acls => [{ perms, scheme: 'ip', id }];

/** Each operation that an ACL can refuse, on `path` and its child `kid`. */
async function tryAll(a: Peer, path: string): Promise<void> {
  await a.get(path);
  await a.children(path);
  await a.children2(path);
  await a.getAcl(path);
  await a.set(path, 'x');
  await a.create(`${path}/new`);
  await a.create2(`${path}/new-`, '', 2);
  await a.delete(`${path}/kid`);
  const part: Part = [op.check, record.versioned(path)];
  await a.multi('check', part);
  await a.setAcl(path, [{ perms: 31, scheme: 'digest', id: bob }], 9);
}

export const acls: { readonly [name: string]: Scenario } = {
  'rights one by one': async (talk) => {
    const a = await talk.session('a');
    await a.create('/rights');
    for (const perms of [0, 1, 2, 4, 8, 16, 15, 32, -1]) {
      const path = `/rights/${perms}`;
      await a.create(path);
      await a.create(`${path}/kid`);
      await a.setAcl(path, world(perms));
      await tryAll(a, path);
    }
  },

  'what a list may hold': async (talk) => {
    const a = await talk.session('a');
    await a.create('/lists');
    const lists: { [name: string]: Acls } = {
      empty: [],
      'unknown scheme': [{ perms: 31, scheme: 'nope', id: 'x' }],
      'empty scheme': [{ perms: 31, scheme: '', id: '' }],
      'world but not anyone': [{ perms: 31, scheme: 'world', id: 'bob' }],
      'digest without colon': [{ perms: 31, scheme: 'digest', id: 'bob' }],
      'digest with two colons': [{ perms: 31, scheme: 'digest', id: 'a:b:c' }],
      'digest of nothing': [{ perms: 31, scheme: 'digest', id: ':' }],
      'digest with empty hash': [{ perms: 31, scheme: 'digest', id: 'bob:' }],
      'digest empty': [{ perms: 31, scheme: 'digest', id: '' }],
      'ip out of range': ip('300.1.1.1'),
      'ip short': ip('1.2.3'),
      'ip with bits': ip('10.0.0.0/8'),
      'ip with too many bits': ip('10.0.0.0/33'),
      'ip with negative bits': ip('10.0.0.0/-1'),
      'ip with no bits': ip('10.0.0.0/'),
      'ip with two slashes': ip('10.0.0.0/8/8'),
      'ip of letters': ip('a.b.c.d'),
      'ip empty': ip(''),
      'auth of nobody': [{ perms: 31, scheme: 'auth', id: '' }],
      super: [{ perms: 31, scheme: 'super', id: '' }],
      sasl: [{ perms: 31, scheme: 'sasl', id: 'bob' }],
      x509: [{ perms: 31, scheme: 'x509', id: 'CN=bob' }],
      'one bad of two': [open, { perms: 31, scheme: 'nope', id: 'x' }],
      duplicates: [open, open, { ...open, perms: 1 }],
    };
    for (const [name, list] of Object.entries(lists)) {
      const path = `/lists/${name.replaceAll(' ', '-')}`;
      await a.create(path, '', 0, list);
      await a.getAcl(path);
      await a.setAcl('/lists', list, 99);
    }
  },

  'addresses of IPv6': async (talk) => {
    const a = await talk.session('a');
    await a.create('/six');
    await a.create('/six/one', '', 0, ip('::1'));
    await a.create('/six/bits', '', 0, ip('fe80::/10'));
    await a.create('/six/bad', '', 0, ip('fe80::/129'));
  },

  setAcl: async (talk) => {
    const a = await talk.session('a');
    await a.create('/setacl');
    await a.setAcl('/setacl', world(31), 0);
    await a.setAcl('/setacl', world(31), 0);
    await a.setAcl('/setacl', world(31), 1);
    await a.setAcl('/setacl', world(31), -1);
    await a.setAcl('/setacl', world(31), -2);
    await a.setAcl('/none', world(31));
    await a.setAcl('/none', []);
    await a.setAcl('bad', []);
    await a.setAcl('/setacl/', []);
    await a.setAcl('/setacl/\0', world(31));
    await a.setAcl('', world(31));
    await a.create('/setacl/closed', '', 0, world(1));
    await a.setAcl('/setacl/closed', world(31), 9);
    await a.setAcl('/setacl/closed', [], 9);
    await a.getAcl('/setacl');
    await a.setAcl('/', world(31));
    await a.getAcl('/');
    await a.exists('/');
  },

  digest: async (talk) => {
    const a = await talk.session('a');
    const b = await talk.session('b');
    await a.create('/digest', '', 0, [...digest(31), ...world(1)]);
    await a.create('/digest/kid');
    await a.getAcl('/digest');
    await tryAll(a, '/digest');
    await a.auth('digest', 'bob:secret');
    await a.create('/digest/kid');
    await a.getAcl('/digest');
    await tryAll(a, '/digest');
    await b.auth('digest', 'bob:wrong');
    await b.getAcl('/digest');
    await b.set('/digest', 'x');
    await b.auth('digest', 'bob:secret');
    await b.set('/digest', 'x');
    await b.create('/digest/both', '', 0, [{ perms: 31, scheme: 'auth', id: 'ignored' }]);
    await b.getAcl('/digest/both');
    await a.get('/digest/both');
    await b.auth('digest', 'bob:secret');
    await b.create('/digest/once', '', 0, [{ perms: 31, scheme: 'auth', id: '' }, ...digest(31)]);
    await b.getAcl('/digest/once');
    await b.create('/digest/secret', '', 0, digest(16));
    await b.getAcl('/digest/secret');
    await b.create('/digest/readable', '', 0, [...digest(1), { perms: 31, scheme: 'digest', id: 'ann:hash' }]);
    await b.getAcl('/digest/readable');
  },

  'auth packets': async (talk) => {
    const a = await talk.session('a');
    await a.auth('digest', 'ann:pw');
    await a.auth('digest', 'nocolon');
    await a.auth('digest', '');
    await a.auth('digest', 'a:b:c');
    await a.create('/auths', '', 0, [{ perms: 31, scheme: 'auth', id: '' }]);
    await a.getAcl('/auths');
    await a.request('auth with a number', op.auth, record.auth('digest', 'n:n'));
    await a.auth('ip', 'anything');
    await a.auth('world', 'anyone');
    await a.closed();
    for (const scheme of ['nope', '', 'super', 'auth']) {
      const c = await talk.session(`c-${scheme}`);
      await c.auth(scheme, 'x');
      await c.closed();
    }
  },

  ip: async (talk) => {
    const a = await talk.session('a');
    await a.create('/ip');
    const ids = ['127.0.0.1', '127.0.0.0/8', '127.0.0.2', '127.0.0.2/30', '127.128.0.0/9', '0.0.0.0/0', '128.0.0.0/1'];
    for (const [index, id] of ids.entries()) {
      await a.create(`/ip/${index}`, id, 0, ip(id));
      await a.get(`/ip/${index}`);
      await a.getAcl(`/ip/${index}`);
    }
    await a.create('/ip/auth', '', 0, [{ perms: 31, scheme: 'auth', id: '' }]);
  },
};
