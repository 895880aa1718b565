/**
 * Each recipe with a connection that breaks at each of its requests in turn, once before the request leaves and once
 * before its answer comes: the outcome is as if nothing had happened, and nothing is left behind.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from '../../engine/client/index.ts';
import { ownProcess } from '../../engine/client/environment.ts';
import { Cache, Counter, LeaderElection, Lock, ReadWriteLock } from '../../engine/recipes/index.ts';
import { untilAnswered } from '../../engine/recipes/calls.ts';
import { Ensemble } from '../../engine/index.ts';
import { Cutter } from '../support/cutter.ts';
import { until } from '../support/until.ts';

let ensemble: Ensemble;
let other: Client;
before(async () => {
  ensemble = await Ensemble.start({ servers: 1 });
  other = await Client.connect(ensemble.connectString);
});
after(async () => {
  await other.close();
  await ensemble.close();
});

/** Reconnects without a pause. */
const environment = { ...ownProcess, random: () => 0 };
let folders = 0;

/** @param work may be run in any folder; `others` is a client whose connection does not break */
function withCuts(name: string, work: (client: Client, folder: string, others: Client) => Promise<void>): void {
  test(name, async () => {
    for (const when of ['before', 'after'] as const) {
      for (let at = 1, isCut = true; isCut; at++) {
        const cutter = new Cutter(at, when);
        const folder = await other.create(`/cut-${folders++}`);
        const { connector } = cutter;
        const client = await Client.connect(ensemble.connectString, { connector, environment });
        await work(client, folder, other);
        cutter.disarm();
        isCut = cutter.cuts === 1;
        const what = `end of all nodes after a cut ${when} request ${at}`;
        await until(what, 5000, async () => (await untilAnswered(() => client.getEphemerals(folder))).length === 0);
        await client.close();
        assert.ok(at > 2 || isCut, 'a scenario without requests');
      }
    }
  });
}

withCuts('lock', async (client, folder, others) => {
  const lock = new Lock(client, `${folder}/lock`);
  const first = await lock.acquire();
  assert.equal(await new Lock(others, `${folder}/lock`).tryAcquire(), null);
  const waiting = lock.acquire();
  await first.release();
  const second = await waiting;
  assert.ok(second.token > first.token && second.isHeld);
  await second.release();
});

withCuts('lock not to be had', async (client, folder, others) => {
  const held = await new Lock(others, `${folder}/lock`).acquire();
  const lock = new Lock(client, `${folder}/lock`);
  assert.equal(await lock.tryAcquire(), null);
  const giveUp = new AbortController();
  const waiting = lock.acquire({ signal: giveUp.signal });
  setImmediate(() => giveUp.abort(new Error('enough')));
  await assert.rejects(waiting, { message: 'enough' });
  await held.release();
});

withCuts('read-write lock', async (client, folder) => {
  const { read, write } = new ReadWriteLock(client, `${folder}/lock`);
  const reading = await Promise.all([read.acquire(), read.acquire()]);
  const writing = write.acquire();
  await Promise.all(reading.map((each) => each.release()));
  await (await writing).release();
});

withCuts('election', async (client, folder, others) => {
  const election = new LeaderElection(client, `${folder}/election`, { id: 'a' });
  const looker = new LeaderElection(others, `${folder}/election`, { id: 'b' });
  const leadership = await election.campaign();
  assert.deepEqual(await looker.leader(), { id: 'a', token: leadership.token });
  assert.deepEqual(await election.leader(), { id: 'a', token: leadership.token });
  await leadership.resign();
  assert.equal(await looker.leader(), null);
});

withCuts('counter', async (client, folder) => {
  const counter = new Counter(client, `${folder}/deep/count`);
  assert.equal(await counter.add(), 1);
  assert.equal(await counter.add(), 2);
  assert.deepEqual((await Promise.all([counter.add(), counter.add()])).toSorted(), [3, 4]);
  assert.equal(await counter.get(), 4);
});

withCuts('cache', async (client, folder, others) => {
  await others.multi().create(`${folder}/a`, '1').create(`${folder}/b`, '1').create(`${folder}/a/c`, '1').commit();
  const cache = await Cache.open(client, folder);
  const seen: string[] = [];
  const looking = (async () => {
    for await (const { type, node } of cache.events()) seen.push(`${type} ${node.path.slice(folder.length)}`);
  })();
  await others.multi().setData(`${folder}/a`, '2').delete(`${folder}/b`).create(`${folder}/d`, '1').commit();
  await cache.sync();
  await until('current mirror', 5000, () => cache.isCurrent);
  await cache.sync();
  assert.equal(String(cache.get(`${folder}/a`)!.data), '2');
  assert.deepEqual(cache.children(folder).toSorted(), ['a', 'd']);
  cache.close();
  await looking;
  assert.deepEqual(seen.toSorted(), ['changed /a', 'created /d', 'deleted /b']);
});
