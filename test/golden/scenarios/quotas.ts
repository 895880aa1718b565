/** /zookeeper/quota: the figures that are kept, and hard limits. */
import { op } from '../../support/raw-client.ts';
import { record, type Part, type Peer } from '../talk.ts';
import type { Scenario } from './index.ts';

/** As `setquota` does it, in the same order. */
async function setQuota(peer: Peer, path: string, limits: string): Promise<void> {
  const folders = path.split('/').slice(1);
  for (let i = 1; i <= folders.length; i++) await peer.create(`/zookeeper/quota/${folders.slice(0, i).join('/')}`);
  await peer.create(`/zookeeper/quota${path}/zookeeper_limits`, limits);
  await peer.create(`/zookeeper/quota${path}/zookeeper_stats`, 'count=0,bytes=0');
}

const stats = (peer: Peer, path: string): Promise<void> => peer.get(`/zookeeper/quota${path}/zookeeper_stats`);
const create = (path: string, data = ''): Part => [op.create, record.create(path, data)];
const set = (path: string, data = ''): Part => [op.setData, record.set(path, data)];
const remove = (path: string): Part => [op.delete, record.versioned(path)];
const fails: Part = [op.check, record.versioned('/none')];

/** Without `enforceQuota`. */
export const quotas: { readonly [name: string]: Scenario } = {
  'figures of a quota': async (talk) => {
    const a = await talk.session('a');
    await a.create('/qf', 'four');
    await a.create('/qf/kid', 'x');
    await a.create('/qf/null', null);
    await a.create('/qfother', 'not counted');
    await setQuota(a, '/qf', 'count=5,bytes=100');
    await stats(a, '/qf');
    await a.get('/zookeeper/quota/qf/zookeeper_limits');
    await a.get('/zookeeper/quota/qf/zookeeper_stats', true);
    await a.create('/qf/kid/kid', 'abc', 1);
    await a.set('/qf/kid', 'longer');
    await a.set('/qf/kid', null);
    await a.set('/qf/null', 'now');
    await a.set('/qf', '', 7);
    await stats(a, '/qf');
    await a.delete('/qf/kid/kid');
    await a.multi('in it', create('/qf/m', '12345'), set('/qf/m', '1'), remove('/qf/null'));
    await a.multi('refused', create('/qf/n', '12345'), fails);
    await stats(a, '/qf');
    await a.set('/qfother', 'x');
    for (let i = 0; i < 5; i++) await a.create('/qf/over-', 'y'.repeat(50), 2);
    await stats(a, '/qf');
    await a.setAcl('/qf', [{ perms: 31, scheme: 'world', id: 'anyone' }]);
    await a.ping();
  },

  'figures of an ephemeral': async (talk) => {
    const a = await talk.session('a');
    const b = await talk.session('b');
    await a.create('/qe');
    await setQuota(a, '/qe', 'count=10,bytes=-1');
    await b.create('/qe/one', 'one', 1);
    await b.create('/qe/two', 'two', 1);
    await stats(a, '/qe');
    await b.closeSession();
    await a.sync('/qe');
    await stats(a, '/qe');
  },

  'quotas below quotas': async (talk) => {
    const a = await talk.session('a');
    await a.create('/qb');
    await a.create('/qb/low', 'low');
    await setQuota(a, '/qb/low', 'count=10,bytes=10');
    await setQuota(a, '/qb', 'count=20,bytes=20');
    await a.create('/qb/low/kid', 'x');
    await a.create('/qb/high', 'yy');
    await a.create('/qb/lower', 'zzz');
    await stats(a, '/qb');
    await stats(a, '/qb/low');
    await a.delete('/zookeeper/quota/qb/low/zookeeper_limits');
    await a.create('/qb/low/kid2', 'x');
    await stats(a, '/qb');
    await stats(a, '/qb/low');
    await a.delete('/zookeeper/quota/qb/low/zookeeper_stats');
    await a.create('/zookeeper/quota/qb/low/zookeeper_stats', '');
    await stats(a, '/qb/low');
    await a.delete('/zookeeper/quota/qb/zookeeper_stats');
    await a.create('/qb/more', 'x');
    await a.create('/zookeeper/quota/qb/zookeeper_stats', 'count=99,bytes=99');
    await stats(a, '/qb');
  },

  'a quota before its node': async (talk) => {
    const a = await talk.session('a');
    await setQuota(a, '/qn', 'count=10,bytes=10=;byteHardLimit=20;countHardLimit=20');
    await stats(a, '/qn');
    await a.create('/qn', 'abc');
    await a.create('/qn/kid', 'abc');
    await stats(a, '/qn');
    await a.delete('/qn/kid');
    await a.delete('/qn');
    await stats(a, '/qn');
    await a.set('/zookeeper/quota/qn/zookeeper_stats', 'count=5,bytes=7=;zebra=1;apple=2');
    await a.create('/qn', 'abc');
    await stats(a, '/qn');
    await a.set('/zookeeper/quota/qn/zookeeper_stats', 'bytes=5');
    await a.set('/qn', 'abcdef');
    await stats(a, '/qn');
    await a.getAllChildrenNumber('/zookeeper/quota/qn');
  },
};

/** With it. */
export const hardQuotas: { readonly [name: string]: Scenario } = {
  'a hard limit of nodes': async (talk) => {
    const a = await talk.session('a');
    await a.create('/hc');
    await setQuota(a, '/hc', 'count=-1,bytes=-1=;countHardLimit=3');
    await a.create('/hc/one');
    await a.create('/hc/two');
    await a.create('/hc/three');
    await a.create('/hc/three', '', 1);
    await a.create('/hc/none/kid');
    await a.create('/hc/one');
    await a.create2('/hc/s-', '', 2);
    await a.request('createContainer', op.createContainer, record.create('/hc/co', '', 4));
    await a.request('createTTL', op.createTtl, record.createTtl('/hc/ttl', '', 5, 3_600_000n));
    await a.set('/hc/one', 'x'.repeat(1000));
    await stats(a, '/hc');
    await a.multi('one in, one out', create('/hc/three'), remove('/hc/two'));
    await a.delete('/hc/two');
    await a.create('/hc/three');
    await a.create('/hc/four');
    await stats(a, '/hc');
  },

  'a hard limit of bytes': async (talk) => {
    const a = await talk.session('a');
    await a.create('/hb', '12345');
    await setQuota(a, '/hb', 'count=-1,bytes=-1=;byteHardLimit=10');
    await a.create('/hb/kid', '12345');
    await a.create('/hb/none', '');
    await a.create('/hb/one', '1');
    await a.set('/hb/none', '1');
    await a.set('/hb/none', '1', 7);
    await a.set('/hb', '54321');
    await a.set('/hb', '1');
    await a.set('/hb/none', '1234');
    await a.set('/hb/none', '12345');
    await a.set('/hb/none', null);
    await stats(a, '/hb');
    await a.multi('refused', set('/hb', ''), set('/hb/none', '1234567890'));
    await stats(a, '/hb');
    await a.set('/zookeeper/quota/hb/zookeeper_limits', 'count=-1,bytes=-1=;byteHardLimit=2');
    await a.set('/hb/kid', '1234');
    await a.set('/hb/kid', '1');
    await stats(a, '/hb');
  },

  'soft limits refuse nothing': async (talk) => {
    const a = await talk.session('a');
    await a.create('/hs');
    await setQuota(a, '/hs', 'count=1,bytes=1');
    await a.create('/hs/kid', 'four');
    await a.create('/hs/more', 'four');
    await a.set('/hs/more', 'still more');
    await stats(a, '/hs');
  },

  'both limits': async (talk) => {
    const a = await talk.session('a');
    await a.create('/hm');
    await setQuota(a, '/hm', 'count=2,bytes=5=;byteHardLimit=8;countHardLimit=4');
    for (const name of ['a', 'b', 'c', 'd']) await a.create(`/hm/${name}`, '12');
    await a.set('/hm/a', '12345');
    await stats(a, '/hm');
    await a.delete('/zookeeper/quota/hm/zookeeper_limits');
    await a.create('/hm/e', '1234567890');
    await stats(a, '/hm');
  },

  'the deepest hard limit counts': async (talk) => {
    const a = await talk.session('a');
    await a.create('/hd');
    await a.create('/hd/low');
    await setQuota(a, '/hd', 'count=-1,bytes=-1=;countHardLimit=3');
    await a.create('/zookeeper/quota/hd/low');
    await a.create('/zookeeper/quota/hd/low/zookeeper_limits', 'count=-1,bytes=-1=;countHardLimit=5');
    await a.create('/zookeeper/quota/hd/low/zookeeper_stats', '');
    for (const name of ['a', 'b', 'c', 'd', 'e']) await a.create(`/hd/low/${name}`);
    await a.create('/hd/a');
    await a.create('/hd/b');
    await stats(a, '/hd');
    await stats(a, '/hd/low');
  },
};
