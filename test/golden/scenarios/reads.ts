/** Reads of later releases: multiRead, getEphemerals, getAllChildrenNumber, whoAmI. */
import { op, Record } from '../../support/raw-client.ts';
import { record, type Part } from '../talk.ts';
import type { Scenario } from './index.ts';

const get = (path: string, watch = false): Part => [op.getData, record.watched(path, watch)];
const list = (path: string, watch = false): Part => [op.getChildren, record.watched(path, watch)];
const noRead = [{ perms: 30, scheme: 'world', id: 'anyone' }];

export const reads: { readonly [name: string]: Scenario } = {
  multiRead: async (talk) => {
    const a = await talk.session('a');
    await a.create('/mr', 'one');
    await a.create('/mr/null', null);
    await a.create('/mr/kid', '');
    await a.multiRead('data and children', get('/mr'), list('/mr'), get('/mr/null'), get('/mr/kid'), list('/mr/kid'));
    await a.multiRead('empty');
    await a.multiRead('none', get('/mr/none'), list('/mr/none'), get('/mr/kid'));
    await a.multiRead('twice', get('/mr/kid'), get('/mr/kid'));
    await a.multiRead('odd paths', get(''), list(''), get('mr'), get('/mr/'));
    await a.create('/mr/hidden', '', 0, noRead);
    await a.multiRead('hidden', get('/mr/hidden'), list('/mr/hidden'), list('/mr'));
    await a.multiRead('watches', get('/mr', true), list('/mr', true));
    await a.set('/mr', 'two');
    await a.create('/mr/more');
    await a.ping();
  },

  'multiRead refused': async (talk) => {
    const a = await talk.session('a');
    await a.create('/mrr');
    await a.multiRead('mixed', get('/mrr'), [op.setData, record.set('/mrr')]);
    await a.multiRead('writes', [op.setData, record.set('/mrr')]);
    await a.multiRead('exists', [op.exists, record.watched('/mrr')]);
    await a.multiRead('getChildren2', [op.getChildren2, record.watched('/mrr')]);
    await a.multiRead('check', [op.check, record.versioned('/mrr')]);
    const header = (type: number): Record => new Record().int(type).bool(false).int(-1);
    await a.request('no end', op.multiRead, header(op.getData).raw(record.watched('/mrr').bytes()));
    await a.request('nothing', op.multiRead);
    await a.request('short part', op.multiRead, header(op.getData).int(100));
    await a.multi('of reads alone', get('/mrr'));
    await a.multi('of nothing');
    await a.exists('/mrr');
  },

  'multiRead behind writes': async (talk) => {
    const a = await talk.session('a');
    await a.create('/mrb');
    await Promise.all([
      a.set('/mrb', 'x'),
      a.multiRead('it', get('/mrb')),
      a.set('/mrb', 'y'),
      a.multiRead('it', get('/mrb')),
    ]);
  },

  getEphemerals: async (talk) => {
    const a = await talk.session('a');
    const b = await talk.session('b');
    await a.getEphemerals('/');
    await a.create('/ge');
    await a.create('/ge/one', '', 1);
    await a.create('/ge/only', '', 1);
    await a.create('/ge/two', '', 1);
    await a.create('/ge/hidden', '', 1, noRead);
    await b.create('/ge/other', '', 1);
    for (const prefix of [
      '/',
      '',
      '  ',
      ' / ',
      null,
      '/ge',
      '/ge/',
      '/ge/on',
      '/ge/one',
      '/none',
      'ge',
      ' /ge',
      '/ge/x',
    ])
      await a.getEphemerals(prefix);
    await b.getEphemerals('/');
    await a.delete('/ge/two');
    await a.getEphemerals('/ge');
    await a.request('getEphemerals of nothing', op.getEphemerals);
    await a.request('getEphemerals cut short', op.getEphemerals, new Record().int(10));
    await a.ping();
  },

  getAllChildrenNumber: async (talk) => {
    const a = await talk.session('a');
    await a.create('/gacn');
    await a.getAllChildrenNumber('/gacn');
    for (const path of ['/gacn/a', '/gacn/a/b', '/gacn/a/b/c', '/gacn/d', '/gacn/e']) await a.create(path);
    await a.create('/gacn-other');
    await a.create('/gacn/e/f', '', 1);
    for (const path of ['/gacn', '/gacn/a', '/gacn/a/b/c', '/gacn/none', 'gacn', '/gacn/'])
      await a.getAllChildrenNumber(path);
    await a.create('/gacn/hidden', '', 0, noRead);
    await a.getAllChildrenNumber('/gacn/hidden');
    await a.getAllChildrenNumber('/gacn');
    await a.getAllChildrenNumber('/zookeeper');
    await a.request('getAllChildrenNumber of nothing', op.getAllChildrenNumber);
    await a.ping();
  },

  whoAmI: async (talk) => {
    const a = await talk.session('a');
    await a.whoAmI();
    await a.auth('digest', 'ann:secret');
    await a.whoAmI();
    await a.auth('digest', 'bob:secret');
    await a.auth('digest', 'bob:other');
    await a.auth('ip', '');
    await a.whoAmI();
    await a.request('whoAmI with a body', op.whoAmI, Buffer.alloc(9));
    const b = await talk.session('b');
    await b.auth('digest', 'nobody');
    await b.whoAmI();
  },
};
