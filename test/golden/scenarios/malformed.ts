/** Bytes that make no sense: each ends its own connection at most. */
import { op, Record } from '../../support/raw-client.ts';
import type { Scenario } from './index.ts';

const int = (value: number): Buffer => new Record().int(value).bytes();

export const malformed: { readonly [name: string]: Scenario } = {
  'lengths before the handshake': async (talk) => {
    for (const length of [-1, 0x7fffffff, 0x100000, -(2 ** 31)]) {
      const peer = await talk.open(`l${length}`);
      peer.raw(`length ${length}`, int(length));
      await peer.closed();
    }
    for (const [name, bytes] of Object.entries({
      'no bytes': int(0),
      'a short connect request': Buffer.concat([int(8), Buffer.alloc(8)]),
      'a password that does not fit': new Record()
        .int(44)
        .int(0)
        .long(0n)
        .int(0)
        .long(0n)
        .int(99)
        .raw(Buffer.alloc(16))
        .bytes(),
      'a request before the handshake': new Record().int(14).int(1).int(op.exists).buffer('/').bool(false).bytes(),
    })) {
      const peer = await talk.open(name);
      peer.raw('it', bytes);
      await peer.closed();
    }
  },

  'lengths after the handshake': async (talk) => {
    for (const length of [-1, 0x7fffffff, 0x100000, 0, 4, 7]) {
      const peer = await talk.session(`l${length}`);
      peer.raw(`length ${length}`, Buffer.concat([int(length), Buffer.alloc(Math.min(Math.max(length, 0), 100))]));
      await peer.closed();
    }
  },

  'operations that do not exist': async (talk) => {
    for (const code of [10, 23, 99, 108, 500, 777, -1, -2, 0, 2 ** 31 - 1]) {
      const peer = await talk.session(`o${code}`);
      await peer.request(`operation ${code}`, code, record());
      await peer.closed();
    }
  },

  'records cut short': async (talk) => {
    const a = await talk.session('a');
    await a.create('/cut');
    const codes = [op.create, op.create2, op.delete, op.exists, op.getData, op.setData, op.getAcl, op.setAcl];
    for (const code of [...codes, op.getChildren, op.getChildren2, op.multi]) {
      await a.request(`nothing ${code}`, code, Buffer.alloc(0));
      await a.request(`half a length ${code}`, code, Buffer.alloc(2));
      await a.request(`a length too long ${code}`, code, int(100));
      await a.request(`a negative length ${code}`, code, int(-5));
      await a.request(`a path alone ${code}`, code, new Record().buffer('/cut'));
    }
    await a.exists('/cut');
    await a.request('extra bytes', op.exists, new Record().buffer('/cut').bool(false).raw(Buffer.alloc(5)));
    await a.request('extra bytes of a write', op.setData, new Record().buffer('/cut').buffer('x').int(-1).int(7));
    await a.request('a bool of 2', op.exists, new Record().buffer('/cut').raw(Buffer.from([2])));
    await a.request(
      'acl count',
      op.create,
      new Record()
        .buffer('/cut/x')
        .buffer('')
        .int(2 ** 30)
        .int(0),
    );
    await a.request('negative acl count', op.create, new Record().buffer('/cut/x').buffer('').int(-2).int(0));
    await a.ping();
  },

  'more than a node may hold': async (talk) => {
    const a = await talk.session('a');
    await a.create('/huge');
    await a.set('/huge', 'x'.repeat(0xfffff - 100));
    await a.exists('/huge');
    await a.set('/huge', '');
    await a.set('/huge', 'x'.repeat(0x100000));
    const b = await talk.session('b');
    await b.exists('/huge');
    const c = await talk.session('c', { session: a.session });
    await c.ping();
  },
};

function record(): Record {
  return new Record().buffer('/').bool(false);
}
