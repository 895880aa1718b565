/** When the leader asks for deletions, and how many at a time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completeOptions } from '../../../engine/server/options.ts';
import { Reaper } from '../../../engine/server/reaper.ts';
import { ask, Machine } from '../../support/machine.ts';

const options = completeOptions({
  dataDir: '/nowhere',
  extendedTypesEnabled: true,
  containerCheckIntervalMs: 1000,
  containerMaxPerMinute: 600,
});

/** A tree with ten TTL nodes of 100 ms, ten of an hour and a container that nobody used. */
function tree(): Machine['tree'] {
  const machine = new Machine();
  const session = machine.session();
  for (let i = 0; i < 10; i++) {
    machine.request(ask.ttl(`/short${i}`, 100), session);
    machine.request(ask.ttl(`/long${i}`, 3_600_000), session);
  }
  machine.request(ask.container('/container'), session);
  machine.commit();
  return machine.tree;
}

test('it looks once in an interval and spreads what it finds', () => {
  const reaper = new Reaper(options);
  const nodes = tree();
  assert.deepEqual(reaper.take(nodes, 5000, 10_000), []);
  reaper.begin(5000);
  assert.deepEqual(reaper.take(nodes, 5999, 10_000), []);
  // 600 in a minute: one every 100 ms.
  assert.deepEqual(reaper.take(nodes, 6000, 10_000), ['/short0']);
  assert.deepEqual(reaper.take(nodes, 6099, 10_000), []);
  assert.deepEqual(reaper.take(nodes, 6250, 10_000), ['/short1', '/short2']);
  reaper.end();
  assert.deepEqual(reaper.take(nodes, 60_000, 10_000), []);
});

test('who leads anew starts over', () => {
  const reaper = new Reaper(options);
  const nodes = tree();
  reaper.begin(0);
  assert.equal(reaper.take(nodes, 1000, 10_000).length, 1);
  reaper.begin(2000);
  assert.deepEqual(reaper.take(nodes, 2500, 10_000), []);
  assert.deepEqual(reaper.take(nodes, 3000, 10_000), ['/short0']);
  assert.equal(reaper.take(nodes, 99_000, 10_000).length, 9);
});

test('containers without a child go after the time that is set for them', () => {
  const never = new Reaper(options);
  const soon = new Reaper({ ...options, extendedTypesEnabled: false, containerMaxNeverUsedMs: 500 });
  const nodes = tree();
  for (const reaper of [never, soon]) reaper.begin(0);
  assert.ok(!never.take(nodes, 60_000, 10_000).includes('/container'));
  assert.deepEqual(soon.take(nodes, 60_000, 1200), []);
  assert.deepEqual(soon.take(nodes, 120_000, 10_000), ['/container']);
});
