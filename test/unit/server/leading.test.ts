/** How a leader cuts what it is asked into batches. */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { test } from 'node:test';
import { Writer } from '../../../engine/base/bytes.ts';
import { Leading } from '../../../engine/server/leading.ts';
import { Metrics } from '../../../engine/server/metrics.ts';
import { completeOptions } from '../../../engine/server/options.ts';
import type { Ports } from '../../../engine/server/ports.ts';
import type { Replication } from '../../../engine/server/replication.ts';
import { Tree } from '../../../engine/tree/tree.ts';
import { type Batch, TxnCursor } from '../../../engine/txn/batch.ts';
import { internalOp, writeRequest } from '../../../engine/txn/request.ts';

test('a batch ends when its time is over, and the next one goes on after it', () => {
  let now = 0;
  const ports = {
    // Each look takes a millisecond, as if a good many requests of a slow kind had passed since the last one.
    clock: { now: () => now++, wall: () => 0 },
    checksum: (bytes: Uint8Array) => crc32(bytes),
    machine: {},
  };
  const proposed: Batch[] = [];
  const replication = {
    core: { canPropose: true, lastLogged: 0, nextZxid: 1 },
    propose: (batch: Batch) => {
      proposed.push(batch);
      replication.core.lastLogged = batch.last;
      replication.core.nextZxid = batch.last + 1;
    },
  };
  const tree = Tree.fresh();
  const leading = new Leading(
    completeOptions({ dataDir: '/nowhere' }),
    ports as unknown as Ports,
    new Metrics(0),
    replication as unknown as Replication,
    tree,
  );
  leading.begin(tree);
  const count = 1000;
  const frame = new Writer(64 * 1024);
  const nothing = Buffer.alloc(0);
  for (let n = 0; n < count; n++) writeRequest(frame, internalOp.command, 0, n, nothing, nothing, 0, 0);
  leading.take(1, frame.copy());

  leading.propose(now + 3);
  assert.equal(proposed.length, 1);
  assert.ok(proposed[0]!.count < count / 4, `${proposed[0]!.count} txns in the first batch`);

  leading.propose(Infinity);
  const asked = proposed.flatMap((batch) => {
    const cxids: number[] = [];
    for (const cursor = new TxnCursor().reset(batch); cursor.next();) cxids.push(cursor.cxid);
    return cxids;
  });
  assert.deepEqual(
    asked,
    Array.from({ length: count }, (_, n) => n),
  );
  assert.ok(!leading.hasWork);
});
