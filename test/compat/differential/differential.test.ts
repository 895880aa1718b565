/** A real ZooKeeper and we answer the same; `npm run differential` compares for longer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Comparison } from './run.ts';
import { zookeeperMissing } from './zookeeper.ts';

const requests = 1500;

test('the same sequences to ZooKeeper and to us are answered the same', { skip: zookeeperMissing }, async () => {
  const comparison = await Comparison.start();
  try {
    for (let seed = 1; comparison.totals.requests < requests; seed++)
      assert.equal(await comparison.sequence(seed), null);
  } finally {
    await comparison.close();
  }
});
