/** multi: one zxid, all or nothing, each part seeing the ones before it. */
import { op, Record } from '../../support/raw-client.ts';
import { record, type Part } from '../talk.ts';
import type { Scenario } from './index.ts';

const create = (path: string, data = '', flags = 0): Part => [op.create, record.create(path, data, flags)];
const create2 = (path: string, data = '', flags = 0): Part => [op.create2, record.create(path, data, flags)];
const remove = (path: string, version = -1): Part => [op.delete, record.versioned(path, version)];
const set = (path: string, data: string | null = '', version = -1): Part => [
  op.setData,
  record.set(path, data, version),
];
const check = (path: string, version = -1): Part => [op.check, record.versioned(path, version)];
const readOnly = [{ perms: 1, scheme: 'world', id: 'anyone' }];

export const multis: { readonly [name: string]: Scenario } = {
  multi: async (talk) => {
    const a = await talk.session('a');
    await a.create('/m');
    await a.multi(
      'all kinds',
      create('/m/1', 'one'),
      create2('/m/2', 'two'),
      set('/m/1', 'x'),
      check('/m/1', 1),
      remove('/m/2'),
    );
    await a.children2('/m');
    await a.multi('empty');
    await a.multi('set twice', set('/m/1', 'p'), set('/m/1', 'qq', 2), set('/m/1', null, 3));
    await a.multi('delete and create', remove('/m/1'), create2('/m/1', 'new'));
    await a.exists('/m/1');
    await a.multi('create and delete', create('/m/3'), remove('/m/3'));
    await a.exists('/m/3');
    await a.multi('parent and kids', create('/m/4'), create('/m/4/kid'), create2('/m/4/kid/kid'), set('/m/4', 'x', 0));
    await a.multi('away again', remove('/m/4/kid/kid'), remove('/m/4/kid'), remove('/m/4'));
    await a.exists('/m');
    await a.multi(
      'sequence',
      create('/m/s-', '', 2),
      create2('/m/s-', '', 2),
      create('/m/e-', '', 3),
      create('/m/s-', '', 2),
    );
    await a.multi('ephemeral', create2('/m/e', 'x', 1), check('/m/e', 0));
    await a.multi('check alone', check('/m', 0));
    await a.multi('check any', check('/m', -1));
    await a.children2('/m');
  },

  'multi refused': async (talk) => {
    const a = await talk.session('a');
    await a.create('/r', 'data');
    await a.create('/r/kid');
    await a.create('/r/locked', '', 0, readOnly);
    const good = (n: number): Part => create(`/r/new${n}`);
    const bad: { [name: string]: Part } = {
      'check version': check('/r', 9),
      'check none': check('/none'),
      'check bad path': check('r'),
      'create existing': create('/r/kid'),
      'create without parent': create('/none/x'),
      'create bad path': create('/r/'),
      'create bad flags': create('/r/x', '', 9),
      'create acl': [op.create, record.create('/r/x', '', 0, [])],
      'create in locked': create('/r/locked/x'),
      'delete none': remove('/none'),
      'delete version': remove('/r/kid', 3),
      'delete not empty': remove('/r'),
      'delete root': remove('/'),
      'set none': set('/none'),
      'set version': set('/r', 'x', 9),
      'set locked': set('/r/locked'),
    };
    for (const [name, part] of Object.entries(bad)) await a.multi(name, part);
    const fails = check('/r', 9);
    await a.multi('first', fails, good(1), good(2));
    await a.multi('middle', good(1), fails, good(2));
    await a.multi('last', good(1), good(2), fails);
    await a.multi('two', good(1), fails, fails, good(2));
    await a.children2('/r');
    await a.exists('/r');
  },

  'multi leaves no trace': async (talk) => {
    const a = await talk.session('a');
    await a.create('/trace', 'data');
    await a.create('/trace/kid');
    const fails = check('/none');
    // All in flight together, so that the leader prepares them against what is outstanding.
    await Promise.all([
      a.create('/trace/s-', '', 2),
      a.multi('sequence', create('/trace/s-', '', 2), create('/trace/s-', '', 2), fails),
      a.create('/trace/s-', '', 2),
      a.multi('create', create('/trace/new', '', 1), create('/trace/new2'), fails),
      a.create('/trace/new'),
      a.multi('set', set('/trace', 'x', 0), set('/trace', 'y', 1), fails),
      a.set('/trace', 'z', 0),
      a.multi('delete', remove('/trace/kid'), fails),
      a.create('/trace/kid'),
      a.multi('delete parent', remove('/trace/kid'), remove('/trace/new'), create('/trace/new', '', 1), fails),
      a.delete('/trace'),
      a.children2('/trace'),
      a.multi('again', remove('/trace/kid'), create('/trace/kid', 'again')),
      a.get('/trace/kid'),
    ]);
  },

  'multi malformed': async (talk) => {
    const a = await talk.session('a');
    const header = (type: number): Record => new Record().int(type).bool(false).int(-1);
    await a.create('/mal');
    const first = (): Record => header(op.create).raw(record.create('/mal/x').bytes());
    await a.request('no end', op.multi, first());
    await a.request('nothing', op.multi, new Record());
    await a.request('short part', op.multi, first().raw(header(op.setData).bytes()).int(100));
    await a.request('end in the middle', op.multi, first().int(-1).bool(true).int(-1).raw(first().bytes()));
    await a.children('/mal');
    await a.delete('/mal/x');
    await a.request('unknown part', op.multi, first().raw(header(77).bytes()).int(-1).bool(true).int(-1));
    await a.children('/mal');
  },

  'multi with reads': async (talk) => {
    const a = await talk.session('a');
    await a.create('/mixed');
    await a.multi('getData', create('/mixed/x'), [op.getData, record.watched('/mixed')]);
    await a.children('/mixed');
  },

  'multi with acls': async (talk) => {
    const a = await talk.session('a');
    await a.create('/macl');
    await a.multi('setAcl', [op.setAcl, record.setAcl('/macl', readOnly)]);
    await a.getAcl('/macl');
  },

  'multi and watches': async (talk) => {
    const a = await talk.session('a');
    const b = await talk.session('b');
    await a.create('/mw');
    await b.get('/mw', true);
    await b.children('/mw', true);
    await b.exists('/mw/x', true);
    await a.multi('changes', set('/mw', 'x'), create('/mw/x'), set('/mw/x', 'y'), remove('/mw/x'));
    await b.events(3);
    await b.ping();
    await b.get('/mw', true);
    await a.multi('refused', set('/mw', 'z'), check('/none'));
    await b.ping();
  },
};
