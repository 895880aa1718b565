/** What the recipes for groups, queues and configuration do with real servers, whichever. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Barrier,
  ConfigStore,
  DoubleBarrier,
  Membership,
  PriorityQueue,
  Queue,
  Semaphore,
  ServiceRegistry,
  type InvalidDataError,
  type Member,
} from '../../engine/recipes/index.ts';
import type { Scene } from './recipe-scenarios.ts';
import { until } from './until.ts';

export function groupScenarios(scene: Scene): void {
  semaphores(scene);
  barriers(scene);
  queues(scene);
  configurations(scene);
  memberships(scene);
}

function semaphores(scene: Scene): void {
  test('a semaphore: so many at once and no more', () =>
    scene(async (...clients) => {
      let inside = 0;
      let most = 0;
      const work = clients.flatMap((client) => {
        const semaphore = new Semaphore(client, '/semaphore', 2);
        return Array.from({ length: 5 }, () =>
          semaphore.run(async ({ isHeld }) => {
            assert.ok(isHeld);
            most = Math.max(most, ++inside);
            await client.sync();
            inside--;
          }),
        );
      });
      await Promise.all(work);
      assert.ok(most <= 2);
      const [one, two] = clients;
      const both = await Promise.all([one, two].map((client) => new Semaphore(client!, '/semaphore', 2).acquire()));
      await Promise.all(both.map((held) => held.release()));
      await until('end of all nodes', 5000, async () => (await one!.getEphemerals()).length === 0);
      const semaphore = new Semaphore(one!, '/semaphore', 1);
      const held = (await semaphore.tryAcquire())!;
      await until('end of the turn', 5000, async () => (await one!.getChildren('/semaphore/locks')).length === 0);
      assert.equal(await new Semaphore(two!, '/semaphore', 1).tryAcquire(), null);
      await assert.rejects(new Semaphore(two!, '/semaphore', 1).acquire({ timeoutMs: 50 }), {
        name: 'WaitTimeoutError',
      });
      await until('end of the lease', 5000, async () => (await one!.getChildren('/semaphore/leases')).length === 1);
      await held.release();
      const next = await new Semaphore(two!, '/semaphore', 1).acquire({ timeoutMs: 5000 });
      assert.ok(next.token > held.token);
      await next.release();
      assert.throws(() => new Semaphore(one!, '/semaphore', 0), /permits must be at least 1/);
    }));
}

function barriers(scene: Scene): void {
  test('a barrier holds all until it is removed', () =>
    scene(async (one, two, three) => {
      await new Barrier(one, '/barriers/b').wait();
      await new Barrier(one, '/barriers/b').set();
      await new Barrier(one, '/barriers/b').set();
      await assert.rejects(new Barrier(two, '/barriers/b').wait({ timeoutMs: 50 }), { name: 'WaitTimeoutError' });
      const passed: string[] = [];
      const waiting = [two, three].map((client) =>
        new Barrier(client, '/barriers/b').wait().then(() => passed.push('passed')),
      );
      await two.sync();
      await three.sync();
      passed.push('removed');
      await new Barrier(one, '/barriers/b').remove();
      await Promise.all(waiting);
      await new Barrier(one, '/barriers/b').remove();
      assert.deepEqual(passed, ['removed', 'passed', 'passed']);
    }));

  test('a double barrier: in together, out together, again and again', () =>
    scene(async (...clients) => {
      const barriers = clients.map((client) => new DoubleBarrier(client, '/double', 3));
      for (let round = 0; round < 3; round++) {
        let inside = 0;
        await Promise.all(
          barriers.map(async (barrier) => {
            const entering = barrier.enter();
            inside++;
            await entering;
            assert.equal(inside, 3);
            await barrier.leave();
          }),
        );
        assert.deepEqual(await clients[0]!.getChildren('/double'), [], 'nothing is left of a round');
      }
      const [first] = barriers;
      await assert.rejects(first!.enter({ timeoutMs: 50 }), { name: 'WaitTimeoutError' });
      await until('end of the member', 5000, async () => (await clients[0]!.getChildren('/double')).length === 0);
      await assert.rejects(first!.leave(), /has not entered/);
      const pair = clients.slice(0, 2).map((client) => new DoubleBarrier(client, '/pair', 2));
      await Promise.all(pair.map((each) => each.enter()));
      await clients[1]!.close();
      await pair[0]!.leave({ timeoutMs: 5000 });
    }));
}

function queues(scene: Scene): void {
  test('a queue: in order, each item once', () =>
    scene(async (...clients) => {
      const [first] = clients;
      const queue = new Queue(first!, '/queues/jobs');
      assert.deepEqual([await queue.tryTake(), await queue.peek(), await queue.size()], [null, null, 0]);
      await queue.put('a');
      await queue.put('b');
      await queue.put(null);
      assert.deepEqual([String(await queue.peek()), await queue.size()], ['a', 3]);
      assert.equal(String(await queue.take()), 'a');
      assert.equal(String(await queue.take()), 'b');
      assert.equal(String(await queue.take()), '');
      await assert.rejects(queue.take({ timeoutMs: 50 }), { name: 'WaitTimeoutError' });
      const takers = clients.map((client) => new Queue(client, '/queues/jobs'));
      const taking = takers.flatMap((each) => Array.from({ length: 10 }, () => each.take()));
      await Promise.all(Array.from({ length: 30 }, (_, n) => queue.put(String(n))));
      const taken = (await Promise.all(taking)).map(Number);
      assert.deepEqual(
        taken.toSorted((a, b) => a - b),
        Array.from({ length: 30 }, (_, n) => n),
      );
      await first!.sync();
      assert.equal(await queue.size(), 0);
    }));

  test('a priority queue: the most urgent first', () =>
    scene(async (one, two) => {
      const queue = new PriorityQueue(one, '/urgent');
      for (const [item, priority] of [
        ['late', 500],
        ['soon', 5],
        ['usual', undefined],
        ['now', 0],
        ['soon, too', 5],
      ] as const)
        await queue.put(item, priority);
      const other = new PriorityQueue(two, '/urgent');
      await two.sync();
      const taken: string[] = [];
      for (let n = 0; n < 5; n++) taken.push(String(await other.take()));
      assert.deepEqual(taken, ['now', 'soon', 'soon, too', 'usual', 'late']);
      await assert.rejects(queue.put('', 1000), /priority must be/);
    }));
}

interface Limits {
  readonly rate: number;
  readonly note?: string;
}

function asLimits(value: unknown): Limits {
  const { rate } = value as Limits;
  if (typeof rate !== 'number') throw new TypeError('rate must be a number');
  return value as Limits;
}

function configurations(scene: Scene): void {
  test('a configuration: typed, watched, updated in one step, never invalid', () =>
    scene(async (one, two) => {
      await assert.rejects(ConfigStore.open(one, '/config/limits', { validate: asLimits }), { code: 'noNode' });
      const invalid: InvalidDataError[] = [];
      const options = { validate: asLimits, initial: { rate: 1 }, onInvalid: (e: InvalidDataError) => invalid.push(e) };
      const store = await ConfigStore.open<Limits>(one, '/config/limits', options);
      const other = await ConfigStore.open<Limits>(two, '/config/limits', options);
      assert.deepEqual([store.value, store.version], [{ rate: 1 }, 0]);
      const seen: Limits[] = [];
      const looking = (async () => {
        for await (const value of other.changes()) seen.push(value);
      })();
      const add = (value: Limits): Limits => ({ ...value, rate: value.rate + 1 });
      await Promise.all([store, other].flatMap((each) => Array.from({ length: 5 }, () => each.update(add))));
      await store.sync();
      assert.deepEqual([store.value, store.version], [{ rate: 11 }, 10]);
      await assert.rejects(
        store.update(() => ({ rate: 'x' as unknown as number })),
        /rate must be a number/,
      );
      await one.setData('/config/limits', '{"rate":"x"}');
      await until('complaint', 5000, () => invalid.length > 0);
      assert.deepEqual(store.value, { rate: 11 });
      await assert.rejects(store.update(add), { name: 'InvalidDataError', path: '/config/limits' });
      await store.set({ rate: 20, note: 'by hand' });
      assert.equal(store.value.rate, 20);
      await other.sync();
      await one.delete('/config/limits');
      await one.create('/config/limits', '{"rate":30}');
      await until('what came back', 5000, () => other.value.rate === 30);
      other.close();
      await looking;
      assert.deepEqual(seen[0], { rate: 1 });
      const rates = seen.map(({ rate }) => rate);
      assert.deepEqual(
        rates,
        rates.toSorted((a, b) => a - b),
      );
      store.close();
    }));
}

function memberships(scene: Scene): void {
  test('a membership: join, leave, watch, metadata', () =>
    scene(async (one, two, three) => {
      const group = new Membership<{ zone: string }>(one, '/workers');
      const seen: string[][] = [];
      const stop = new AbortController();
      const looking = (async () => {
        const watch = new Membership<{ zone: string }>(three, '/workers').watch({ signal: stop.signal });
        for await (const members of watch)
          seen.push(members.map(({ id, metadata }) => `${id} ${metadata?.zone ?? ''}`));
      })();
      await until('first look', 5000, () => seen.length === 1);
      const a = await group.join('a', { zone: '1' });
      await assert.rejects(group.join('a'), /has joined already/);
      await until('a', 5000, () => seen.at(-1)!.length === 1);
      const b = await new Membership(two, '/workers').join('b');
      await assert.rejects(new Membership(two, '/workers').join('a', null, { timeoutMs: 50 }), {
        name: 'WaitTimeoutError',
      });
      await a.update({ zone: '2' });
      await until('change', 5000, () => seen.at(-1)!.join() === 'a 2,b ');
      const heir = new Membership<{ zone: string }>(two, '/workers').join('a', { zone: '3' });
      await a.leave();
      const again = await heir;
      assert.ok(again.token > a.token && again.isHeld && !a.isHeld);
      await two.sync();
      const members: Member<{ zone: string }>[] = await new Membership<{ zone: string }>(two, '/workers').members();
      assert.deepEqual(members, [
        { id: 'a', metadata: { zone: '3' }, token: again.token },
        { id: 'b', metadata: null, token: b.token },
      ]);
      await two.close();
      await until('end of all', 5000, () => seen.at(-1)!.length === 0);
      stop.abort();
      await looking;
    }));

  test('a registry of services', () =>
    scene(async (one, two) => {
      const registry = new ServiceRegistry<{ version: string }>(one, '/services');
      const seat = await registry.register({
        name: 'search',
        address: '10.0.0.7',
        port: 80,
        payload: { version: '2' },
      });
      await two.sync();
      const [instance] = await new ServiceRegistry<{ version: string }>(two, '/services').instances('search');
      const { id, token } = seat;
      const payload = { version: '2' };
      assert.deepEqual(instance, { name: 'search', id, address: '10.0.0.7', port: 80, payload, token });
      const watch = new ServiceRegistry(two, '/services').watch('search');
      assert.equal((await watch.next()).value!.length, 1);
      await seat.leave();
      assert.deepEqual((await watch.next()).value, []);
      await watch.return(undefined);
    }));
}
