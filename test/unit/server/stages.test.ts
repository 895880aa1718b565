/** The time of a batch, told apart by what it waited for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stages } from '../../../engine/server/stages.ts';
import type { Batch } from '../../../engine/txn/batch.ts';

function batch(last: number, count = 1, time = 0): Batch {
  return { prev: last - count, first: last - count + 1, last, count, time, bytes: Buffer.alloc(0) };
}

const figures = ({ count, sum }: { count: number; sum: number }): [number, number] => [count, sum / 1000];

test('one batch on its way through the leader', () => {
  const stages = new Stages();
  stages.proposed(10, 100, 101, 103);
  stages.appended(1, batch(10, 3, 1000), 104);
  stages.acked(2, 10, 110);
  stages.synced(1, 4, 112, 1012);
  stages.acked(3, 10, 113);
  stages.committed(10, 113);
  assert.deepEqual(figures(stages.queue), [1, 1]);
  assert.deepEqual(figures(stages.prep), [1, 2]);
  assert.deepEqual(figures(stages.logged), [1, 8]);
  assert.deepEqual(figures(stages.log), [1, 4]);
  assert.deepEqual(figures(stages.fsync), [1, 4]);
  assert.deepEqual(figures(stages.quorum), [1, 10]);
  assert.deepEqual(figures(stages.durableDelay), [1, 12]);
  assert.deepEqual([stages.groupTxns.count, stages.groupTxns.sum], [1, 3]);
  assert.deepEqual(figures(stages.acks.get(2)!), [1, 7]);
  assert.deepEqual(figures(stages.acks.get(3)!), [1, 10]);
});

test('an fsync and an ack may stand for several batches', () => {
  const stages = new Stages();
  for (const [n, last] of [10, 20, 30].entries()) {
    stages.proposed(last, n, n, n);
    stages.appended(n + 5, batch(last, 10), n);
  }
  stages.synced(6, 1, 10, 10);
  assert.deepEqual([stages.groupTxns.count, stages.groupTxns.sum], [1, 20]);
  assert.equal(stages.fsync.count, 1);
  assert.equal(stages.logged.count, 2);
  stages.synced(9, 1, 10, 10);
  assert.deepEqual([stages.groupTxns.count, stages.groupTxns.sum], [2, 30]);
  stages.acked(2, 20, 4);
  stages.acked(2, 25, 4);
  assert.deepEqual(figures(stages.acks.get(2)!), [1, 3], 'an ack between two batches is nobody’s');
  stages.committed(20, 9);
  stages.committed(30, 12);
  assert.deepEqual(figures(stages.quorum), [2, 18], 'the one before was committed with it');
});

test('what belongs to no proposal of ours is left out: an older history, an earlier role, a lone state write', () => {
  const stages = new Stages();
  stages.committed(5, 1);
  stages.synced(3, 9, 1, 1);
  stages.ponged(7);
  stages.proposed(10, 0, 0, 0);
  stages.pinged(5);
  stages.forget();
  stages.ponged(7);
  stages.acked(2, 10, 8);
  stages.committed(10, 8);
  for (const one of [stages.quorum, stages.fsync, stages.groupTxns, stages.network]) assert.equal(one.count, 0);
  assert.equal(stages.acks.size, 0);
  stages.pinged(10);
  stages.ponged(12);
  assert.deepEqual(figures(stages.network), [1, 2]);
});

test('memory is bounded: of very many in flight the oldest are not followed', () => {
  const stages = new Stages();
  for (let last = 1; last <= 5000; last++) {
    stages.proposed(last, 0, 0, 0);
    stages.appended(last, batch(last), 0);
  }
  stages.committed(5000, 1);
  stages.synced(5000, 1, 1, 1);
  assert.equal(stages.quorum.count, 1);
  assert.equal(stages.logged.count, 1024);
});
