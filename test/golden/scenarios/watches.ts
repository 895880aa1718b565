/** Watches: what fires them, an event before the reply that reveals the change, and catching up. */
import { op } from '../../support/raw-client.ts';
import type { Scenario } from './index.ts';

const noRead = [{ perms: 30, scheme: 'world', id: 'anyone' }];

export const watches: { readonly [name: string]: Scenario } = {
  'own watches': async (talk) => {
    const a = await talk.session('a');
    await a.create('/own');
    await a.get('/own', true);
    await a.set('/own', 'x');
    await a.set('/own', 'y');
    await a.exists('/own', true);
    await a.set('/own', 'z');
    await a.exists('/own/kid', true);
    await a.children('/own', true);
    await a.create('/own/kid');
    await a.children2('/own', true);
    await a.get('/own/kid', true);
    await a.children('/own/kid', true);
    await a.delete('/own/kid');
    await a.get('/own/none', true);
    await a.children('/own/none', true);
    await a.create('/own/none');
    await a.get('/own', true);
    await a.setAcl('/own', [{ perms: 31, scheme: 'world', id: 'anyone' }]);
    await a.create('/own/other');
    await a.delete('/own/other');
    await a.ping();
  },

  'watches of others': async (talk) => {
    const a = await talk.session('a');
    const b = await talk.session('b');
    await a.create('/others');
    await a.create('/others/kid');
    await b.get('/others', true);
    await b.exists('/others', true);
    await b.get('/others/kid', true);
    await b.exists('/others/kid', true);
    await b.children('/others/kid', true);
    await b.children('/others', true);
    await b.exists('/others/later', true);
    await a.set('/others', 'x');
    await b.events(1);
    await a.delete('/others/kid');
    await b.events(2);
    await b.exists('/others/kid');
    await a.create('/others/later', '', 1);
    await b.events(1);
    await b.get('/others/later', true);
    await b.children('/others', true);
    await a.closeSession();
    await b.events(2);
    await b.exists('/others/later');
    await b.children2('/others');
    await b.ping();
  },

  'a watch fires once': async (talk) => {
    const a = await talk.session('a');
    const b = await talk.session('b');
    await a.create('/once-only');
    for (let i = 0; i < 3; i++) await b.get('/once-only', true);
    await a.set('/once-only', '1');
    await a.set('/once-only', '2');
    await b.events(1);
    await b.get('/once-only');
    await b.children('/once-only', true);
    await b.children2('/once-only', true);
    await a.create('/once-only/x');
    await a.create('/once-only/y');
    await b.events(1);
    await b.ping();
  },

  'an event comes before the reply that shows the change': async (talk) => {
    const a = await talk.session('a');
    const b = await talk.session('b');
    await a.create('/before', '0');
    for (let i = 1; i <= 5; i++) {
      await b.get('/before', true);
      await a.set('/before', String(i));
      await b.get('/before');
    }
  },

  'deleting a watched parent and child': async (talk) => {
    const a = await talk.session('a');
    await a.create('/top');
    await a.create('/top/kid', '', 1);
    await a.children('/top', true);
    await a.get('/top', true);
    await a.children('/top/kid', true);
    await a.delete('/top/kid');
    await a.children('/top', true);
    await a.delete('/top');
    await a.ping();
  },

  setWatches: async (talk) => {
    const a = await talk.session('a');
    await a.create('/sw');
    await a.create('/sw/kid');
    const far = 2n ** 62n;
    await a.setWatches(0n, ['/sw', '/sw/none'], ['/sw/kid', '/sw/later'], ['/sw', '/sw/none2']);
    await a.create('/sw/later');
    await a.setWatches(far, ['/sw', '/sw/kid'], ['/sw/even-later'], ['/sw', '/sw/kid']);
    await a.set('/sw', 'x');
    await a.set('/sw/kid', 'x');
    await a.create('/sw/even-later');
    await a.create('/sw/kid/kid');
    await a.setWatches(far, [], [], []);
    await a.setWatches(0n, ['/sw/none'], [], ['/sw/none']);
    await a.setWatches(0n, ['bad', ''], ['bad'], ['bad']);
    await a.ping();
    await a.request('setWatches with a number', op.setWatches, Buffer.alloc(20));
    await a.request('setWatches cut short', op.setWatches, Buffer.alloc(10), -8);
    await a.ping();
  },

  'exists without the right to read': async (talk) => {
    const a = await talk.session('a');
    await a.create('/unreadable', '', 0, noRead);
    await a.exists('/unreadable');
    await a.exists('/unreadable', true);
  },

  'events of what may not be read': async (talk) => {
    const a = await talk.session('a');
    const b = await talk.session('b');
    await a.create('/hidden');
    await b.get('/hidden', true);
    await b.children('/hidden', true);
    await b.exists('/hidden/kid', true);
    await a.setAcl('/hidden', noRead);
    await a.set('/hidden', 'x');
    await a.create('/hidden/kid', '', 0, noRead);
    await b.ping();
    await a.ping();
  },
};
