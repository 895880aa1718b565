/** What the recipes do with real servers, whichever: the same for ours and for Apache ZooKeeper. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, deleteAll, type ClientOptions } from '../../engine/client/index.ts';
import { Cache, Counter, LeaderElection, Lock, ReadWriteLock, type CacheEvent } from '../../engine/recipes/index.ts';
import { groupScenarios } from './group-scenarios.ts';
import { until } from './until.ts';

let folders = 0;

export type Scene = (work: (...clients: Client[]) => Promise<void>) => Promise<void>;

/** Clients below a folder of their own, with these options. */
export function sceneOf(servers: () => string, options: ClientOptions = {}): Scene {
  return async (work) => {
    const root = await Client.connect(servers());
    const folder = await root.create(`/recipes-${process.pid}-${folders++}`);
    const clients = await Promise.all(Array.from({ length: 3 }, () => Client.connect(servers() + folder, options)));
    try {
      await work(...clients);
    } finally {
      await Promise.all(clients.map((each) => each.close()));
      await deleteAll(root, folder);
      await root.close();
    }
  };
}

/** @param servers their connect string, once they run */
export function recipeScenarios(servers: () => string): void {
  const scene = sceneOf(servers);
  locks(scene);
  elections(scene);
  counters(scene);
  caches(scene);
  groupScenarios(scene);
}

const aborted = (): AbortSignal => AbortSignal.abort(new Error('no longer wanted'));

function locks(scene: Scene): void {
  test('a lock: one at a time, in order, with tokens that grow', () =>
    scene(async (...clients) => {
      const order: number[] = [];
      const tokens: number[] = [];
      let inside = 0;
      const work = clients.flatMap((client, index) => {
        const lock = new Lock(client, '/lock');
        return Array.from({ length: 10 }, () =>
          lock.run(async ({ token, isHeld, lost }) => {
            assert.deepEqual([++inside, isHeld, lost.aborted], [1, true, false]);
            order.push(index);
            tokens.push(token);
            await clients[0]!.sync();
            inside--;
          }),
        );
      });
      await Promise.all(work);
      assert.equal(order.length, 30);
      assert.deepEqual(
        tokens,
        tokens.toSorted((a, b) => a - b),
      );
      await clients[0]!.sync();
      assert.deepEqual(await clients[0]!.getChildren('/lock'), []);
    }));

  test('a lock: not to be had in time, given up, or not waited for, leaves nothing behind', () =>
    scene(async (one, two) => {
      const held = await new Lock(one, '/l/lock', { data: 'one' }).acquire();
      const lock = new Lock(two, '/l/lock');
      assert.equal(await lock.tryAcquire(), null);
      await assert.rejects(lock.acquire({ timeoutMs: 50 }), { name: 'WaitTimeoutError', timeoutMs: 50 });
      await assert.rejects(lock.acquire({ signal: aborted() }), { message: 'no longer wanted' });
      const giveUp = new AbortController();
      const waiting = lock.acquire({ signal: giveUp.signal });
      await until('second contender', 5000, async () => (await one.getChildren('/l/lock')).length === 2);
      giveUp.abort(new Error('enough'));
      await assert.rejects(waiting, { message: 'enough' });
      await until('end of the second one', 5000, async () => (await one.getChildren('/l/lock')).length === 1);
      const next = lock.acquire();
      await held.release();
      await held.release();
      assert.equal(held.isHeld, false);
      assert.equal(held.lost.aborted, false);
      const second = await next;
      assert.ok(second.token > held.token);
      await second.release();
      await assert.rejects(
        lock.run(() => Promise.reject(new Error('of the work'))),
        { message: 'of the work' },
      );
      await one.sync();
      assert.deepEqual(await one.getChildren('/l/lock'), []);
      assert.throws(() => new Lock(one, 'lock'), /the path "lock"/);
    }));

  test('a re-entrant lock does not wait for itself', () =>
    scene(async (client) => {
      const lock = new Lock(client, '/lock', { reentrant: true });
      const depth = await lock.run((outer) => lock.run((inner) => (inner.token === outer.token ? 2 : 0)));
      assert.equal(depth, 2);
      const outside = lock.run(async () => {
        await client.sync();
        return 'after';
      });
      assert.deepEqual(await Promise.all([lock.run(() => 'before'), outside]), ['before', 'after']);
    }));

  test('a lock is lost with its session or its node, and says so', () =>
    scene(async (one, two) => {
      const lock = new Lock(one, '/lock');
      const held = await lock.acquire();
      await two.sync();
      const [name] = await two.getChildren('/lock');
      await two.delete(`/lock/${name}`);
      await until('loss', 5000, () => held.lost.aborted);
      assert.match(String(held.lost.reason), /LostError: .*its node was deleted/);
      assert.equal(held.isHeld, false);
      const run = lock.run(async ({ lost }) => {
        const heir = await Client.connect(`${one.server!.host}:${one.server!.port}`, { session: one.sessionKey });
        await heir.close();
        await until('loss', 5000, () => lost.aborted);
      });
      await assert.rejects(run, /LostError: .*the session is over/);
      await assert.rejects(lock.acquire(), { code: 'sessionExpired' });
      await (await new Lock(two, '/lock').acquire({ timeoutMs: 5000 })).release();
    }));

  test('readers together, a writer alone, nobody starved', () =>
    scene(async (one, two, three) => {
      const [a, b, c] = [one, two, three].map((client) => new ReadWriteLock(client, '/rw'));
      const readers = await Promise.all([a!.read.acquire(), b!.read.acquire()]);
      assert.equal(await c!.write.tryAcquire(), null);
      await one.sync();
      const writing = c!.write.acquire();
      await until('writer in line', 5000, async () => (await one.getChildren('/rw')).length === 3);
      assert.equal(await a!.read.tryAcquire(), null, 'a reader does not pass a writer');
      await Promise.all(readers.map((each) => each.release()));
      const writer = await writing;
      const both = Promise.all([a!.read.acquire(), b!.read.acquire()]);
      await writer.release();
      for (const each of await both) {
        assert.ok(each.token > writer.token);
        await each.release();
      }
    }));
}

function elections(scene: Scene): void {
  test('an election: leaders one after the other, seen by whoever looks on', () =>
    scene(async (one, two, three) => {
      const [a, b] = [
        new LeaderElection(one, '/election', { id: 'a' }),
        new LeaderElection(two, '/election', { id: 'b' }),
      ];
      const looker = new LeaderElection(three, '/election', { id: 'looks on' });
      assert.equal(await looker.leader(), null);
      const seen: (string | null)[] = [];
      const stop = new AbortController();
      const looking = (async () => {
        for await (const leader of looker.observe({ signal: stop.signal })) seen.push(leader?.id ?? null);
      })();
      await until('first look', 5000, () => seen.length === 1);
      const first = await a!.campaign();
      await until('first leader', 5000, () => seen.length === 2);
      await two.sync();
      assert.deepEqual(await b!.leader(), { id: 'a', token: first.token });
      // Neither a candidate that gives up nor an empty line is to be seen in between.
      const inLine = async (count: number): Promise<boolean> => (await one.getChildren('/election')).length === count;
      const giveUp = new AbortController();
      const inVain = b!.campaign({ signal: giveUp.signal });
      await until('candidate that gives up', 5000, () => inLine(2));
      giveUp.abort(new Error('enough'));
      await assert.rejects(inVain, { message: 'enough' });
      await until('end of its campaign', 5000, () => inLine(1));
      const campaign = b!.campaign();
      await until('second candidate', 5000, () => inLine(2));
      await first.resign();
      const second = await campaign;
      assert.ok(second.token > first.token);
      await until('second leader', 5000, () => seen.length === 3);
      await two.close();
      assert.equal(second.isHeld, false);
      await until('no leader', 5000, () => seen.length === 4);
      stop.abort();
      await looking;
      assert.deepEqual(seen, [null, 'a', 'b', null]);
    }));
}

function counters(scene: Scene): void {
  test('a counter counts every change once', () =>
    scene(async (...clients) => {
      const counters = clients.map((client) => new Counter(client, '/counters/orders'));
      assert.equal(await counters[0]!.get(), 0);
      const results = await Promise.all(counters.flatMap((counter) => Array.from({ length: 10 }, () => counter.add())));
      assert.deepEqual(
        results.toSorted((a, b) => a - b),
        Array.from({ length: 30 }, (_, n) => n + 1),
      );
      await clients[0]!.sync();
      assert.equal(await counters[0]!.get(), 30);
      await counters[1]!.set(-5);
      assert.equal(await counters[1]!.add(2), -3);
      await clients[0]!.setData('/counters/orders', 'many');
      await assert.rejects(counters[0]!.add(), { name: 'InvalidDataError', path: '/counters/orders' });
    }));

  test('a counter in the formats of others', () =>
    scene(async (client) => {
      for (const [format, value, hex] of [
        ['text', -12, '2d3132'],
        ['int32', -2, 'fffffffe'],
        ['int64', -2, 'fffffffffffffffe'],
        ['int64', Number.MAX_SAFE_INTEGER, '001fffffffffffff'],
      ] as const) {
        const counter = new Counter(client, '/count', { format });
        await client.create('/count').catch(() => null);
        await client.setData('/count', null);
        await counter.set(value);
        assert.equal((await client.getData('/count')).data!.toString('hex'), hex);
        assert.equal(await counter.get(), value);
      }
      await client.setData('/count', null);
      await assert.rejects(new Counter(client, '/count', { format: 'int32' }).set(2 ** 31), RangeError);
    }));
}

/** @param where begins the names of the tests */
export function caches(scene: Scene, where = ''): void {
  test(`${where}a cache mirrors a subtree, with events in order`, () =>
    scene(async (client, other) => {
      const cache = await Cache.open(client, '/tree');
      assert.equal(cache.size, 0);
      const seen: string[] = [];
      const looking = (async () => {
        for await (const { type, node, previous } of cache.events())
          seen.push(`${type} ${node.path} ${previous === null ? '' : `${previous.data} `}${node.data}`);
      })();
      await other.multi().create('/tree', 'r').create('/tree/a', '1').create('/tree/a/b', '2').commit();
      await cache.sync();
      await other.setData('/tree/a', '3');
      await cache.sync();
      assert.equal(String(cache.get('/tree/a')?.data), '3');
      assert.deepEqual(cache.children('/tree'), ['a']);
      await other.multi().delete('/tree/a/b').delete('/tree/a').commit();
      await cache.sync();
      assert.deepEqual(
        [...cache.nodes()].map(({ path }) => path),
        ['/tree'],
      );
      cache.close();
      await looking;
      assert.deepEqual(seen, [
        'created /tree r',
        'created /tree/a 1',
        'created /tree/a/b 2',
        'changed /tree/a 1 3',
        'deleted /tree/a/b 2',
        'deleted /tree/a 3',
      ]);
      await other.setData('/tree', 'x');
      await client.sync();
      assert.equal(String(cache.get('/tree')?.data), 'r', 'closed');
      await assert.rejects(client.removeWatches('/tree', 'any'), { code: 'noWatcher' });
    }));

  test(`${where}caches of a busy subtree end up as the subtree is`, () =>
    scene(async (client, other, third) => {
      await other.create('/busy');
      const caches = await Promise.all([client, third].map((each) => Cache.open(each, '/busy')));
      const mirrors = caches.map((cache) => replay(cache.events()));
      await Promise.all(Array.from({ length: 400 }, (_, n) => change(other, n).catch(() => null)));
      const expected = await contents(other, '/busy');
      for (const [index, cache] of caches.entries()) {
        await cache.sync();
        const reader = [client, third][index]!;
        const own = new Map([...cache.nodes()].map(({ path, data }) => [path, String(data)]));
        assert.deepEqual(sorted(own), sorted(expected));
        cache.close();
        await reader.sync();
        for (const path of own.keys())
          await assert.rejects(reader.removeWatches(path, 'any'), { code: 'noWatcher' }, `a watch of ${path} is left`);
        const replayed = await mirrors[index]!;
        replayed.set('/busy', expected.get('/busy')!);
        assert.deepEqual(sorted(replayed), sorted(expected), 'events add up to the mirror');
      }
    }));
}

/** Some write below /busy, of many that get in each other's way. */
function change(client: Client, n: number): Promise<unknown> {
  const path = `/busy/${'abc'[n % 3]}${n % 2 === 0 ? '' : `/${'xyz'[(n >> 2) % 3]}`}`;
  if (n % 5 < 2) return client.create(path, String(n));
  return n % 5 === 2 ? client.delete(path) : client.setData(path, String(n));
}

async function contents(client: Client, path: string): Promise<Map<string, string>> {
  const found = new Map([[path, String((await client.getData(path)).data)]]);
  for (const name of await client.getChildren(path))
    for (const [below, data] of await contents(client, `${path}/${name}`)) found.set(below, data);
  return found;
}

/** What a follower of the events knows in the end; each event must fit what went before. */
async function replay(events: AsyncIterable<CacheEvent>): Promise<Map<string, string>> {
  const known = new Map<string, string>();
  for await (const { type, node } of events) {
    const parent = node.path.slice(0, node.path.lastIndexOf('/'));
    assert.equal(known.has(node.path), type !== 'created', `${type} ${node.path}`);
    assert.ok(parent === '/busy' || known.has(parent), `${type} ${node.path} without its parent`);
    if (type === 'deleted') known.delete(node.path);
    else known.set(node.path, String(node.data));
  }
  return known;
}

function sorted(map: ReadonlyMap<string, string>): [string, string][] {
  return [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
}
