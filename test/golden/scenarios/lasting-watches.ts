/** addWatch, checkWatches, removeWatches, setWatches2: watches that stay, and how they go. */
import { op, Record } from '../../support/raw-client.ts';
import type { Scenario } from './index.ts';

const persistent = 0;
const recursive = 1;
const type = { children: 1, data: 2, any: 3, persistent: 4, recursive: 5 } as const;
const noRead = [{ perms: 30, scheme: 'world', id: 'anyone' }];

export const lastingWatches: { readonly [name: string]: Scenario } = {
  'a persistent watch': async (talk) => {
    const a = await talk.session('a');
    await a.addWatch('/pw', persistent);
    await a.create('/pw');
    await a.set('/pw', '1');
    await a.set('/pw', '2');
    await a.create('/pw/kid');
    await a.set('/pw/kid', 'x');
    await a.create('/pw/kid/kid');
    await a.delete('/pw/kid/kid');
    await a.delete('/pw/kid');
    await a.setAcl('/pw', [{ perms: 31, scheme: 'world', id: 'anyone' }]);
    await a.delete('/pw');
    await a.create('/pw');
    await a.addWatch('/pw', persistent);
    await a.set('/pw', '3');
    await a.delete('/pw');
    await a.ping();
  },

  'a recursive watch': async (talk) => {
    const a = await talk.session('a');
    await a.addWatch('/rw', recursive);
    await a.create('/rw');
    await a.set('/rw', '1');
    await a.create('/rw/kid');
    await a.create('/rw/kid/kid', '', 1);
    await a.set('/rw/kid/kid', 'x');
    await a.create('/rwx');
    await a.delete('/rwx');
    await a.addWatch('/rw/kid', recursive);
    await a.addWatch('/rw/kid', persistent);
    await a.set('/rw/kid', 'x');
    await a.delete('/rw/kid/kid');
    await a.delete('/rw/kid');
    await a.delete('/rw');
    await a.ping();
  },

  'a watch on everything': async (talk) => {
    const a = await talk.session('a');
    const b = await talk.session('b');
    await a.addWatch('/', recursive);
    await b.create('/every');
    await b.create('/every/kid', '', 1);
    await b.multi(
      'several',
      [op.setData, new Record().buffer('/every').buffer('x').int(-1)],
      [op.delete, new Record().buffer('/every/kid').int(-1)],
    );
    await b.create('/every/mine', '', 1);
    await b.closeSession();
    await a.events(6);
    await a.delete('/every');
    await a.ping();
  },

  'watches of several kinds': async (talk) => {
    const a = await talk.session('a');
    const b = await talk.session('b');
    await a.create('/kinds');
    await b.get('/kinds', true);
    await b.children('/kinds', true);
    await b.addWatch('/kinds', persistent);
    await a.set('/kinds', '1');
    await a.create('/kinds/kid');
    await a.delete('/kinds/kid');
    await a.delete('/kinds');
    await b.events(4);
    await b.ping();
    const c = await talk.session('c');
    await a.create('/kinds');
    await c.get('/kinds', true);
    await c.addWatch('/kinds', recursive);
    await a.set('/kinds', '2');
    await c.events(1);
    await a.set('/kinds', '3');
    await c.events(1);
    await a.create('/kinds/kid');
    await c.events(1);
    await a.delete('/kinds/kid');
    await a.delete('/kinds');
    await c.events(2);
    await c.ping();
  },

  'a watch that fires once beside one that stays': async (talk) => {
    const a = await talk.session('a');
    await a.create('/beside');
    await a.addWatch('/beside', persistent);
    await a.get('/beside', true);
    await a.set('/beside', '1');
    await a.set('/beside', '2');
    await a.addWatch('/beside', recursive);
    await a.set('/beside', '3');
    await a.create('/beside/kid');
    await a.ping();
  },

  'an event before the reply, again and again': async (talk) => {
    const a = await talk.session('a');
    const b = await talk.session('b');
    await a.create('/always', '0');
    await b.addWatch('/always', recursive);
    for (let i = 1; i <= 5; i++) {
      await a.set('/always', String(i));
      await b.get('/always');
    }
  },

  'lasting events of what may not be read': async (talk) => {
    const a = await talk.session('a');
    const b = await talk.session('b');
    await b.addWatch('/lasting-hidden', recursive);
    await a.create('/lasting-hidden', '', 0, noRead);
    await a.set('/lasting-hidden', 'x');
    await b.ping();
    await a.ping();
  },

  'addWatch refused': async (talk) => {
    const a = await talk.session('a');
    for (const mode of [-1, 2, 3, 99]) await a.addWatch('/refused', mode);
    await a.request('addWatch cut short', op.addWatch, new Record().buffer('/refused'));
    await a.request('addWatch of nothing', op.addWatch);
    await a.addWatch('', persistent);
    await a.addWatch('no path', persistent);
    await a.addWatch('no path', recursive);
    await a.addWatch('/refused/', recursive);
    await a.create('/refused');
    await a.ping();
  },

  'checking watches': async (talk) => {
    const a = await talk.session('a');
    await a.create('/checked');
    for (const each of [type.children, type.data, type.any]) await a.checkWatches('/checked', each);
    await a.get('/checked', true);
    await a.checkWatches('/checked', type.data);
    await a.checkWatches('/checked', type.any);
    await a.checkWatches('/checked', type.children);
    await a.children('/checked', true);
    await a.checkWatches('/checked', type.children);
    await a.set('/checked', 'x');
    await a.checkWatches('/checked', type.data);
    for (const each of [0, -1, 6, 99]) await a.checkWatches('/checked', each);
    await a.request('checkWatches cut short', op.checkWatches, new Record().buffer('/checked'));
    await a.ping();
  },

  'watches of somebody else': async (talk) => {
    const a = await talk.session('a');
    const b = await talk.session('b');
    await a.create('/elsewhere');
    await a.get('/elsewhere', true);
    await b.checkWatches('/elsewhere', type.data);
    await b.removeWatches('/elsewhere', type.any);
    await b.set('/elsewhere', 'x');
    await a.events(1);
    await a.ping();
  },

  'removing watches': async (talk) => {
    const a = await talk.session('a');
    await a.create('/removed');
    for (const each of [type.children, type.data, type.any]) await a.removeWatches('/removed', each);
    await a.get('/removed', true);
    await a.children('/removed', true);
    await a.removeWatches('/removed', type.data);
    await a.removeWatches('/removed', type.data);
    await a.set('/removed', 'x');
    await a.create('/removed/kid');
    await a.removeWatches('/removed', type.children);
    await a.exists('/removed/none', true);
    await a.removeWatches('/removed/none', type.children);
    await a.removeWatches('/removed/none', type.any);
    await a.create('/removed/none');
    await a.get('/removed', true);
    await a.children('/removed', true);
    await a.removeWatches('/removed', type.any);
    await a.delete('/removed/kid');
    await a.set('/removed', 'y');
    for (const each of [0, -1, 6, 99]) await a.removeWatches('/removed', each);
    await a.request('removeWatches cut short', op.removeWatches, new Record().buffer('/removed'));
    await a.ping();
  },

  'removing lasting watches': async (talk) => {
    const a = await talk.session('a');
    await a.create('/relasting');
    await a.addWatch('/relasting', persistent);
    await a.removeWatches('/relasting', type.any);
    await a.set('/relasting', '1');
    await a.removeWatches('/relasting', type.any);
    await a.addWatch('/relasting', recursive);
    await a.removeWatches('/relasting/kid', type.any);
    await a.removeWatches('/relasting', type.any);
    await a.create('/relasting/kid');
    await a.ping();
  },

  'removing lasting watches by their type': async (talk) => {
    const a = await talk.session('a');
    await a.create('/bytype');
    for (const each of [type.persistent, type.recursive]) {
      await a.checkWatches('/bytype', each);
      await a.removeWatches('/bytype', each);
    }
    await a.addWatch('/bytype', persistent);
    for (const each of [type.data, type.children, type.recursive]) {
      await a.checkWatches('/bytype', each);
      await a.removeWatches('/bytype', each);
    }
    await a.checkWatches('/bytype', type.persistent);
    await a.set('/bytype', '1');
    await a.removeWatches('/bytype', type.persistent);
    await a.set('/bytype', '2');
    await a.addWatch('/bytype', recursive);
    await a.get('/bytype', true);
    await a.removeWatches('/bytype', type.recursive);
    await a.set('/bytype', '3');
    await a.set('/bytype', '4');
    await a.ping();
  },

  setWatches2: async (talk) => {
    const a = await talk.session('a');
    await a.create('/sw2');
    await a.create('/sw2/kid');
    const far = 2n ** 62n;
    await a.setWatches2(
      0n,
      ['/sw2', '/sw2/none'],
      ['/sw2/kid', '/sw2/later'],
      ['/sw2', '/sw2/none2'],
      ['/sw2/p'],
      ['/sw2/r'],
    );
    await a.create('/sw2/later');
    await a.create('/sw2/p');
    await a.create('/sw2/p/kid');
    await a.create('/sw2/r');
    await a.create('/sw2/r/kid');
    await a.setWatches2(far, ['/sw2/kid'], [], ['/sw2/kid'], ['/sw2'], ['/sw2/r']);
    await a.set('/sw2/kid', 'x');
    await a.set('/sw2/kid', 'y');
    await a.set('/sw2', 'x');
    await a.delete('/sw2/r/kid');
    await a.setWatches2(far, [], [], [], [], []);
    await a.request('setWatches2 without the new lists', op.setWatches2, Buffer.alloc(20), -8);
    await a.request('setWatches2 with a number', op.setWatches2, Buffer.alloc(28));
    await a.ping();
  },

  'lasting watches end with the connection': async (talk) => {
    const a = await talk.session('a');
    const b = await talk.session('b');
    await b.addWatch('/gone', persistent);
    await b.addWatch('/gone', recursive);
    await b.dropped();
    const again = await talk.session('again', { session: b.session });
    await a.create('/gone');
    await again.ping();
    await again.removeWatches('/gone', type.any);
  },
};
