/**
 * Each recipe with a connection that breaks at each of its requests in turn, once before the request leaves and once
 * before its answer comes: the outcome is as if nothing had happened, and nothing is left behind.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from '../../engine/client/index.ts';
import { ownProcess } from '../../engine/client/environment.ts';
import {
  Barrier,
  Cache,
  ConfigStore,
  Counter,
  DoubleBarrier,
  LeaderElection,
  Lock,
  Membership,
  PriorityQueue,
  ReadWriteLock,
  Semaphore,
} from '../../engine/recipes/index.ts';
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

type Work = (client: Client, folder: string, others: Client) => Promise<void>;

/** Side by side, so that they share the disk's time. */
const runsAtOnce = 12;

/** @param work may be run in any folder; `others` is a client whose connection does not break */
function withCuts(name: string, work: Work): void {
  test(name, async () => {
    for (const when of ['before', 'after'] as const) {
      let wasCut = true;
      for (let first = 1; wasCut; first += runsAtOnce) {
        const runs = Array.from({ length: runsAtOnce }, (_, n) => runWithCut(work, first + n, when));
        const cuts = await Promise.all(runs);
        assert.ok(first > 1 || (cuts[0]! && cuts[1]!), 'a scenario without requests');
        wasCut = cuts.at(-1)!;
      }
    }
  });
}

/** Resolves with whether it had so many requests. */
async function runWithCut(work: Work, at: number, when: 'before' | 'after'): Promise<boolean> {
  const cutter = new Cutter(at, when);
  const folder = await other.create(`/cut-${folders++}`);
  const client = await Client.connect(ensemble.connectString, { connector: cutter.connector, environment });
  try {
    await work(client, folder, other);
    cutter.disarm();
    const what = `end of all nodes after a cut ${when} request ${at}`;
    await until(what, 5000, async () => (await untilAnswered(() => client.getEphemerals(folder))).length === 0);
    return cutter.cuts === 1;
  } catch (error) {
    throw new Error(`cut ${when} request ${at}`, { cause: error });
  } finally {
    cutter.disarm();
    await client.close();
  }
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

withCuts('semaphore', async (client, folder, others) => {
  const semaphore = new Semaphore(client, `${folder}/semaphore`, 2);
  const [one, two] = await Promise.all([semaphore.acquire(), semaphore.acquire()]);
  assert.equal(await new Semaphore(others, `${folder}/semaphore`, 2).tryAcquire(), null);
  const waiting = semaphore.acquire();
  await one!.release();
  await two!.release();
  await (await waiting).release();
});

withCuts('barrier', async (client, folder, others) => {
  const barrier = new Barrier(client, `${folder}/barrier`);
  await barrier.set();
  assert.notEqual(await others.exists(`${folder}/barrier`), null);
  const waiting = barrier.wait();
  await barrier.remove();
  assert.equal(await others.exists(`${folder}/barrier`), null);
  await waiting;
});

withCuts('double barrier', async (client, folder, others) => {
  const pair = [client, others].map((each) => new DoubleBarrier(each, `${folder}/double`, 2));
  await Promise.all(pair.map((each) => each.enter()));
  await Promise.all(pair.map((each) => each.leave()));
  assert.deepEqual(await others.getChildren(`${folder}/double`), []);
});

withCuts('queue', async (client, folder) => {
  const queue = new PriorityQueue(client, `${folder}/queue`);
  await queue.put('b');
  await queue.put('a', 1);
  assert.equal(await queue.size(), 2);
  assert.deepEqual([String(await queue.take()), String(await queue.take())], ['a', 'b']);
  const taking = queue.take();
  await queue.put('c');
  assert.equal(String(await taking), 'c');
  assert.equal(await queue.tryTake(), null);
});

withCuts('configuration', async (client, folder, others) => {
  const options = { validate: (value: unknown) => value as number, initial: 0 };
  const store = await ConfigStore.open<number>(client, `${folder}/config`, options);
  const other = await ConfigStore.open<number>(others, `${folder}/config`, options);
  const add = (value: number): number => value + 1;
  await Promise.all([store.update(add), store.update(add), other.update(add)]);
  await store.sync();
  assert.equal(store.value, 3);
  await others.setData(`${folder}/config`, '7');
  await until('change', 5000, () => store.value === 7);
  store.close();
  other.close();
});

withCuts('membership', async (client, folder, others) => {
  const group = new Membership<string>(client, `${folder}/group`);
  const seat = await group.join('a', 'x');
  await seat.update('y');
  const members = [{ id: 'a', metadata: 'y', token: seat.token }];
  assert.deepEqual(await new Membership(others, `${folder}/group`).members(), members);
  const heir = new Membership(others, `${folder}/group`).join('a');
  await seat.leave();
  await (await heir).leave();
  assert.deepEqual(await group.members(), []);
});
