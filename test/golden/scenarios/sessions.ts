/** The handshake, resuming, expiring and closing sessions. */
import { connectRequest, op, Record } from '../../support/raw-client.ts';
import type { Scenario } from './index.ts';

export const sessions: { readonly [name: string]: Scenario } = {
  'handshake of 45 and 44 bytes': async (talk) => {
    await talk.session('a');
    await talk.session('b', { readOnlyByte: false });
    const c = await talk.open('c');
    await c.connect({}, Buffer.concat([connectRequest({ readOnlyByte: false }), Buffer.from([1])]));
    const d = await talk.open('d');
    await d.connect({}, Buffer.concat([connectRequest(), Buffer.from('more')]));
    const e = await talk.open('e');
    const head = (password: Buffer | null): Buffer =>
      new Record().int(0).long(0n).int(10_000).long(0n).buffer(password).bool(false).bytes();
    await e.connect({}, head(null));
    const f = await talk.open('f');
    await f.connect({}, head(Buffer.alloc(3)));
    const g = await talk.open('g');
    await g.connect({}, new Record().int(7).long(0n).int(10_000).long(0n).buffer(Buffer.alloc(16)).bool(false).bytes());
  },

  'time-outs are clamped': async (talk) => {
    for (const timeoutMs of [-1, 0, 1, 999, 1000, 1001, 9999, 10_000, 10_001, 2 ** 31 - 1])
      await talk.session(`t${timeoutMs}`, { timeoutMs });
  },

  'a client from the future': async (talk) => {
    await talk.session('a', { lastZxidSeen: 2n ** 40n });
    await talk.session('b', { lastZxidSeen: -1n });
  },

  'sessions that are not there': async (talk) => {
    await talk.session('a', { session: { id: 12_345n, password: Buffer.alloc(16) } });
    await talk.session('b', { session: { id: -1n, password: Buffer.alloc(16) } });
    await talk.session('c', { session: { id: 2n ** 62n, password: Buffer.alloc(16, 1) } });
    await talk.session('d', { session: { id: 12_345n, password: Buffer.alloc(16) }, readOnlyByte: false });
    await talk.session('e', { session: { id: 12_345n, password: Buffer.alloc(3) } });
  },

  'resume on a new connection': async (talk) => {
    const a = await talk.session('a');
    await a.create('/resume', 'mine', 1);
    await a.dropped();
    const wrong = await talk.session('wrong', { session: { id: a.session.id, password: Buffer.alloc(16) } });
    await wrong.closed();
    const b = await talk.session('b', { session: a.session, timeoutMs: 5000 });
    await b.exists('/resume');
    await b.set('/resume', 'still');
    const c = await talk.session('c', { session: a.session, readOnlyByte: false });
    await b.closed();
    await c.get('/resume');
    await c.closeSession();
    const late = await talk.session('late', { session: a.session });
    await late.closed();
    const d = await talk.session('d');
    await d.exists('/resume');
  },

  'watches end with their connection': async (talk) => {
    const a = await talk.session('a');
    const b = await talk.session('b');
    await a.create('/lost');
    await a.get('/lost', true);
    await a.dropped();
    const again = await talk.session('again', { session: a.session });
    await b.set('/lost', 'x');
    await again.ping();
    await again.setWatches(0n, ['/lost'], [], []);
    await again.get('/lost');
  },

  'an expired session': async (talk) => {
    const a = await talk.session('a', { timeoutMs: 1000 });
    const b = await talk.session('b');
    await a.create('/expires', 'x', 1);
    await b.exists('/expires', true);
    await a.dropped();
    await b.events(1);
    await b.exists('/expires');
    const late = await talk.session('late', { session: a.session });
    await late.closed();
  },

  'closing a session': async (talk) => {
    const a = await talk.session('a');
    const b = await talk.session('b');
    await a.create('/closes');
    await a.create('/closes/1', '', 1);
    await a.create('/closes/2', '', 1);
    await b.exists('/closes/1', true);
    await a.closeSession();
    await b.events(1);
    await b.children2('/closes');
    const c = await talk.session('c');
    await Promise.all([c.create('/closes/c', '', 1), c.request('closeSession', op.closeSession)]);
    await c.closed();
    await b.exists('/closes/c');
  },
};
