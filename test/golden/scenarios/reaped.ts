/** Containers and TTL nodes: how they are made, alone and in multis, and that they go by themselves. */
import { op, openAcl, Record } from '../../support/raw-client.ts';
import { record, type Acls, type Part, type Peer } from '../talk.ts';
import type { Scenario } from './index.ts';

const readOnly = [{ perms: 1, scheme: 'world', id: 'anyone' }];
/** Longer than any conversation. */
const long = 3_600_000n;

function container(peer: Peer, path: string, data = '', flags = 4, acl: Acls = openAcl): Promise<void> {
  return peer.request(`createContainer ${path} ${flags}`, op.createContainer, record.create(path, data, flags, acl));
}

function ttl(peer: Peer, path: string, ms: bigint, flags = 5, acl: Acls = openAcl): Promise<void> {
  return peer.request(`createTTL ${path} ${flags} ${ms}`, op.createTtl, record.createTtl(path, 'x', flags, ms, acl));
}

const part = {
  create: (path: string, flags = 0): Part => [op.create, record.create(path, '', flags)],
  create2: (path: string, flags = 0): Part => [op.create2, record.create(path, '', flags)],
  container: (path: string, flags = 4): Part => [op.createContainer, record.create(path, '', flags)],
  ttl: (path: string, ms: bigint, flags = 5): Part => [op.createTtl, record.createTtl(path, '', flags, ms)],
  delete: (path: string): Part => [op.delete, record.versioned(path)],
  set: (path: string): Part => [op.setData, record.set(path, 'y')],
  check: (path: string): Part => [op.check, record.versioned(path, 9)],
};

/** With `extendedTypesEnabled`, and a look for what is due several times a second. */
export const reaped: { readonly [name: string]: Scenario } = {
  containers: async (talk) => {
    const a = await talk.session('a');
    await container(a, '/co', 'data');
    await a.get('/co');
    await a.getAcl('/co');
    await container(a, '/co');
    await container(a, '/none/co');
    await container(a, '/co/');
    await container(a, 'co');
    await container(a, '/co/kid', '', 4, []);
    for (const flags of [0, 1, 2, 3]) await container(a, `/co/flags${flags}-`, '', flags);
    for (const flags of [-1, 5, 6, 7]) await container(a, `/co/flags${flags}-`, '', flags);
    await a.create('/co/flags0-/kid', '', 1);
    await a.create('/co/flags1-/kid', '', 1);
    await a.set('/co', 'more', 0);
    await a.exists('/co');
    await a.getEphemerals('/');
    // Nothing may be left here that becomes due in another conversation.
    for (const path of ['/co/flags0-', '/co/flags1-'])
      await a.multi(`delete ${path}`, part.delete(`${path}/kid`), part.delete(path));
    await a.create('/locked', '', 0, readOnly);
    await container(a, '/locked/co');
    await a.request('createContainer cut short', op.createContainer, new Record().buffer('/co/x'));
    await a.delete('/co');
    await a.create('/co/plain', '', 4);
    await a.exists('/co/plain');
  },

  'ttl nodes': async (talk) => {
    const a = await talk.session('a');
    await ttl(a, '/ttl', long);
    await a.get('/ttl');
    await ttl(a, '/ttl', long);
    await ttl(a, '/ttl/s-', long, 6);
    await ttl(a, '/ttl/s-', long, 6);
    for (const ms of [0n, -1n, 2n ** 40n - 1n, 2n ** 40n, 2n ** 62n]) await ttl(a, `/ttl/ms${ms}`, ms);
    for (const flags of [0, 1, 2, 3, 4]) await ttl(a, `/ttl/flags${flags}-`, long, flags);
    for (const flags of [-1, 7]) await ttl(a, `/ttl/flags${flags}-`, long, flags);
    await ttl(a, '/ttl/', long);
    await ttl(a, '/none/ttl', long);
    await ttl(a, '/ttl/acl', long, 5, []);
    await ttl(a, '/locked/ttl', long);
    await a.create('/ttl/s-0000000000/kid', '', 1);
    await a.create2('/ttl/create5', 'x', 5);
    await a.create('/ttl/create6', 'x', 6);
    await a.exists('/ttl');
    await a.set('/ttl', 'y');
    await a.children2('/ttl');
    await a.request('createTTL cut short', op.createTtl, record.create('/ttl/short', '', 5));
  },

  'a container goes after its last child': async (talk) => {
    const a = await talk.session('a');
    await container(a, '/leaving');
    await a.create('/leaving/one');
    await a.create('/leaving/two', '', 1);
    await a.delete('/leaving/one');
    await a.exists('/leaving', true);
    await a.delete('/leaving/two');
    await a.events(1);
    await a.exists('/leaving');
    await a.exists('/');
  },

  'a container that was never used stays': async (talk) => {
    const a = await talk.session('a');
    await container(a, '/unused');
    await container(a, '/used');
    await a.create('/used/kid');
    await a.exists('/used', true);
    await a.delete('/used/kid');
    await a.events(1);
    await a.exists('/unused');
  },

  'a ttl node goes when nobody writes to it': async (talk) => {
    const a = await talk.session('a');
    await ttl(a, '/short', 300n);
    await a.exists('/short', true);
    await a.events(1);
    await a.exists('/short');
    await ttl(a, '/parent', 600n);
    await a.create('/parent/kid');
    await ttl(a, '/later', 600n);
    await a.exists('/later', true);
    await a.events(1);
    await a.exists('/parent', true);
    await a.delete('/parent/kid');
    await a.events(1);
  },

  'containers and ttl nodes in multis': async (talk) => {
    const a = await talk.session('a');
    await a.create('/in');
    await a.multi('both', part.container('/in/co'), part.ttl('/in/ttl', long), part.create('/in/ttl/kid'));
    await a.multi('sequence', part.ttl('/in/s-', long, 6), part.ttl('/in/s-', long, 6), part.container('/in/s-', 2));
    await a.multi('create with flags', part.create('/in/c4', 4), part.create2('/in/d4', 4));
    await a.multi('other flags', part.container('/in/e0', 0), part.container('/in/e1', 1), part.ttl('/in/f0', long, 0));
    await a.multi('a ttl dropped', part.ttl('/in/g4', long, 4), part.ttl('/in/g3-', -1n, 3));
    await a.multi('deleted again', part.container('/in/h'), part.set('/in/h'), part.delete('/in/h'));
    for (const ms of [0n, -1n, 2n ** 40n]) await a.multi(`ttl ${ms}`, part.create('/in/i'), part.ttl('/in/j', ms));
    await a.multi('bad flags', part.container('/in/k', 9), part.ttl('/in/k', long, 9));
    await a.multi('undone', part.container('/in/l'), part.ttl('/in/m', long), part.check('/in'));
    await a.children2('/in');
    for (const name of ['co', 'ttl', 'c4', 'd4', 'e0', 'e1', 'f0', 'g4']) await a.exists(`/in/${name}`);
    await a.getEphemerals('/in');
  },

  'flags without their ttl in multis': async (talk) => {
    const a = await talk.session('a');
    await a.create('/noin');
    for (const flags of [5, 6]) {
      await a.multi(`create ${flags}`, part.create('/noin/x', flags));
      await a.multi(`create2 ${flags}`, part.create('/noin/y'), part.create2('/noin/x', flags));
      await a.multi(`createContainer ${flags}`, part.container('/noin/x', flags));
    }
    await a.multi('deleteContainer', [op.deleteContainer, new Record().buffer('/noin')]);
  },

  'what a container was': async (talk) => {
    const a = await talk.session('a');
    await a.auth('digest', 'ann:secret');
    await a.create('/was');
    await container(a, '/was/co', 'x', 4, [{ perms: 31, scheme: 'auth', id: '' }]);
    await a.getAcl('/was/co');
    await a.delete('/was/co');
    await a.create('/was/co', '', 1);
    await a.create('/was/co/kid');
    await a.delete('/was/co');
    await ttl(a, '/was/co', long, 5, [{ perms: 31, scheme: 'auth', id: '' }]);
    await a.getAcl('/was/co');
    await a.exists('/was/co');
  },
};

/** Without it. */
export const notExtended: { readonly [name: string]: Scenario } = {
  'operations of later releases, switched off': async (talk) => {
    const a = await talk.session('a');
    await a.create('/off');
    await a.request('deleteContainer', op.deleteContainer, new Record().buffer('/off'));
    await a.request('deleteContainer raw', op.deleteContainer, Buffer.from('/off'));
    await a.exists('/off');
    for (const flags of [5, 6]) await ttl(a, '/off/ttl', long, flags);
    await ttl(a, '/off/ttl', -1n, 5);
    await ttl(a, '/off/ttl', 1n, 7);
    await a.multi('ttl', part.create('/off/x'), part.ttl('/off/ttl', long));
    await container(a, '/off/co');
    await a.multi('container', part.container('/off/co2'));
    await container(a, '/off/co3', '', 5);
    await a.children('/off');
  },
};
