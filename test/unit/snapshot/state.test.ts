/** A capture is the state at one exact zxid, whatever happens while it is written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Capture, digestOf, Restore } from '../../../engine/snapshot/state.ts';
import type { Tree } from '../../../engine/tree/tree.ts';
import { TxnCursor } from '../../../engine/txn/batch.ts';
import { ask, Machine } from '../../support/machine.ts';
import { openAcl, type Record } from '../../support/raw-client.ts';

const name = fc.nat(15);
const acl = fc.constantFrom(
  openAcl,
  [{ perms: 31, scheme: 'digest', id: 'a:b' }, ...openAcl],
  [{ perms: 31, scheme: 'ip', id: '127.0.0.1' }],
);
const data = fc.constantFrom(null, '', 'short', 'long'.repeat(50));
const request: fc.Arbitrary<readonly [number, Record]> = fc.oneof(
  fc.tuple(name, data, fc.nat(1), acl).map(([n, data, flags, acl]) => ask.create(`/n${n}`, data, flags, acl)),
  fc.tuple(name, name, data).map(([n, m, data]) => ask.create(`/n${n}/kid${m}`, data)),
  fc.tuple(name, data).map(([n, data]) => ask.container(`/n${n}`, data)),
  fc.tuple(name, data).map(([n, data]) => ask.ttl(`/n${n}`, 2 ** 40 - 1, data)),
  fc.tuple(name, data).map(([n, data]) => ask.set(`/n${n}`, data)),
  fc.tuple(name, acl).map(([n, acl]) => ask.setAcl(`/n${n}`, acl)),
  name.map((n) => ask.delete(`/n${n}`)),
  fc.tuple(name, name).map(([n, m]) => ask.delete(`/n${n}/kid${m}`)),
);
/** A request, the end of the session, some of what it leaves freed, somebody who begins or ends to walk slots. */
const step = fc.oneof(
  { weight: 6, arbitrary: request },
  { weight: 3, arbitrary: fc.constantFrom('close' as const, 'tidy' as const, 'walk' as const) },
);
/** Between the steps, a chunk of the capture now and then. */
const chunkOr = fc.oneof({ weight: 9, arbitrary: step }, { weight: 3, arbitrary: fc.constant(null) });

function restore(chunks: readonly Buffer[]): Tree | string {
  const restore = new Restore();
  for (const chunk of chunks) {
    const error = restore.chunk(chunk);
    if (error !== null) return error;
  }
  return restore.finish();
}

function reapablePaths(tree: Tree): string[] {
  return [...tree.reapable].map((slot) => tree.store.path(slot)).toSorted();
}

test('what is restored is what was there when the capture began', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.array(chunkOr, { maxLength: 80 }), (before, during) => {
      const machine = new Machine();
      const { tree } = machine;
      let session = machine.session();
      let walks = false;
      const play = (one: (typeof before)[number]): void => {
        if (one === 'close') {
          machine.close(session);
          session = machine.session();
        } else if (one === 'tidy') {
          tree.store.tidy(2);
        } else if (one === 'walk') {
          if (walks) tree.store.letGoOfPaths();
          else tree.store.keepPaths();
          walks = !walks;
        } else {
          machine.request(one, session);
        }
        machine.commit();
      };
      before.forEach(play);
      const { lastZxid, nodeCount } = tree;
      const digest = digestOf(tree);
      const ephemerals = tree.table.ephemeralCount;
      const reapable = reapablePaths(tree);
      const capture = new Capture(tree, 100);
      const chunks: Buffer[] = [];
      const next = (): boolean => {
        const chunk = capture.next();
        if (chunk !== null) chunks.push(chunk);
        return chunk !== null;
      };
      for (const one of during) {
        if (one === null) next();
        else play(one);
      }
      while (next());
      assert.equal(tree.capture, null);
      const restored = restore(chunks);
      if (typeof restored === 'string') throw new Error(restored);
      assert.deepEqual(
        [restored.lastZxid, restored.nodeCount, restored.table.ephemeralCount, digestOf(restored)],
        [lastZxid, nodeCount, ephemerals, digest],
      );
      assert.deepEqual(reapablePaths(restored), reapable);
    }),
    { numRuns: 150 },
  );
});

test('a restored tree goes on like the original', () => {
  const machine = new Machine();
  const session = machine.session();
  machine.request(ask.create('/a', 'x', 1), session);
  machine.request(ask.create('/b'), session);
  machine.request(ask.create('/b/s-', '', 2), session);
  machine.commit();
  const capture = new Capture(machine.tree, 1 << 20);
  const copy = restore([capture.next()!]) as Tree;
  assert.equal(capture.next(), null);
  machine.request(ask.create('/b/s-', '', 3), session);
  machine.request(ask.delete('/b/s-0000000000'), session);
  machine.close(session);
  const batches = [...machine.inFlight];
  machine.commit();
  for (const batch of batches) {
    const txn = new TxnCursor().reset(batch);
    while (txn.next()) copy.apply(txn, null);
  }
  assert.equal(digestOf(copy), digestOf(machine.tree));
});

test('damaged chunks are refused with a reason, never thrown at', () => {
  const machine = new Machine();
  const session = machine.session();
  machine.request(ask.create('/a', 'data', 1, [{ perms: 31, scheme: 'ip', id: '10.0.0.1' }]), session);
  machine.request(ask.create('/b', 'data'), session);
  machine.commit();
  const capture = new Capture(machine.tree, 1 << 20);
  const chunk = capture.next()!;
  assert.notEqual(typeof restore([chunk]), 'string');
  for (let end = 0; end < chunk.length; end++) assert.equal(typeof restore([chunk.subarray(0, end)]), 'string');
  // The head's zxid is not part of the digest: the file has checksums of its own.
  for (let at = 13; at < chunk.length; at++) {
    const damaged = Buffer.from(chunk);
    damaged[at]! ^= 1 << (at & 7);
    assert.equal(typeof restore([damaged]), 'string', `byte ${at}`);
  }
  assert.equal(typeof restore([chunk, Buffer.of(1)]), 'string');
});

test('the state of a machine comes back piece by piece, and one of no bytes is told from none', () => {
  const big = Buffer.from(Array.from({ length: 700_000 }, (_, i) => i % 251));
  const through = (pieces?: Iterable<Uint8Array>): Buffer[] | null => {
    const capture = new Capture(new Machine().tree, 64 * 1024, pieces);
    const restore = new Restore();
    for (let chunk = capture.next(); chunk !== null; chunk = capture.next()) assert.equal(restore.chunk(chunk), null);
    assert.equal(typeof restore.finish(), 'object');
    return restore.machine;
  };
  const back = through([Buffer.from('first'), big, Buffer.alloc(0), Buffer.from('last')])!;
  assert.ok(back.length > 4, 'large pieces are cut');
  assert.ok(Buffer.concat(back).equals(Buffer.concat([Buffer.from('first'), big, Buffer.from('last')])));
  assert.deepEqual(through([]), [Buffer.alloc(0)]);
  assert.equal(through(), null);
});

test('a lost piece of a machine is noticed', () => {
  const pieces = ['one', 'two', 'three'].map((text) => Buffer.from(text.padEnd(3000, '.')));
  const capture = new Capture(new Machine().tree, 1000, pieces);
  const chunks: Buffer[] = [];
  for (let chunk = capture.next(); chunk !== null; chunk = capture.next()) chunks.push(chunk);
  const index = chunks.findIndex((chunk) => chunk.includes('two'));
  assert.equal(restore(chunks.toSpliced(index, 1)), 'the digest does not match');
});
