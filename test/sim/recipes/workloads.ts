/** What simulated programs do with a recipe, and what must have come of it in the end. */
import { KeeperError, type Client } from '../../../engine/client/index.ts';
import {
  Barrier,
  Cache,
  ConfigStore,
  Counter,
  DoubleBarrier,
  LeaderElection,
  Lock,
  LostError,
  Membership,
  PriorityQueue,
  ReadWriteLock,
  Semaphore,
  WaitTimeoutError,
  type CacheEvent,
  type Held,
} from '../../../engine/recipes/index.ts';
import type { World } from '../world.ts';
import type { Program } from './program.ts';
import type { Referee } from './referee.ts';

export interface Scene {
  readonly world: World;
  readonly referee: Referee;
  readonly programs: number;
  /** Finish what is under way and begin nothing. */
  isStopping: boolean;
  /** Something was achieved: the run ends well only if every program gets on. */
  progress(program: Program): void;
}

export interface Workload {
  /** What a program does with one session, again and again. */
  live(program: Program, client: Client, scene: Scene): Promise<void>;
  /** Once all programs have stopped. */
  verify?(client: Client, scene: Scene): Promise<void>;
}

const thinkMs = 20;

/** Ends of what a program tried that it must be ready for. */
export function isExpected(error: unknown): boolean {
  const isSession = error instanceof KeeperError && (error.code === 'sessionExpired' || error.code === 'closed');
  return isSession || error instanceof LostError || error instanceof WaitTimeoutError;
}

async function repeat(program: Program, scene: Scene, work: () => Promise<void>): Promise<void> {
  while (!scene.isStopping) {
    try {
      await work();
      scene.progress(program);
    } catch (error) {
      // It was not to be had in time, or lost; the session may be over, too.
      if (!(error instanceof WaitTimeoutError || error instanceof LostError)) throw error;
    }
    await program.sleep(scene.world.around(thinkMs));
  }
}

/** Now and then somebody does not wait for long. */
function patience(scene: Scene): { timeoutMs?: number } {
  return scene.world.prng.chance(0.2) ? { timeoutMs: scene.world.around(50) } : {};
}

/** Uses what is guarded for a while, then gives it back. */
async function hold(program: Program, scene: Scene, folder: string, held: Held): Promise<void> {
  try {
    for (let uses = scene.world.prng.below(4); uses >= 0; uses--) {
      if (!held.isHeld) throw new LostError(`${folder} was lost`);
      scene.referee.used(folder, held);
      await program.sleep(scene.world.around(5));
    }
    // A program that stands still for longer than its session lasts, and does not look: fencing is for this one.
    if (!scene.isStopping && scene.world.prng.chance(0.03)) {
      program.oversleep();
      await program.sleep(0);
    }
    scene.referee.used(folder, held);
  } finally {
    await held.release();
    scene.referee.released(folder, held);
  }
}

function lock(): Workload {
  return {
    live: (program, client, scene) =>
      repeat(program, scene, async () => {
        const held = await new Lock(client, '/lock').acquire(patience(scene));
        scene.referee.granted(program, '/lock', held);
        await hold(program, scene, '/lock', held);
      }),
  };
}

function readWriteLock(): Workload {
  return {
    live: (program, client, scene) => {
      const { read, write } = new ReadWriteLock(client, '/rw');
      return repeat(program, scene, async () => {
        const isWriter = scene.world.prng.chance(0.3);
        const held = await (isWriter ? write : read).acquire(patience(scene));
        scene.referee.granted(program, '/rw', held, isWriter ? /./ : /__WRIT__/);
        try {
          await program.sleep(scene.world.around(10));
        } finally {
          await held.release();
          scene.referee.released('/rw', held);
        }
      });
    },
  };
}

function semaphore(): Workload {
  const permits = 2;
  const folder = '/semaphore/leases';
  return {
    live: (program, client, scene) => {
      const permit = new Semaphore(client, '/semaphore', permits);
      return repeat(program, scene, async () => {
        const held = await permit.acquire(patience(scene));
        scene.referee.granted(program, folder, held, /./, permits - 1);
        try {
          await program.sleep(scene.world.around(10));
        } finally {
          await held.release();
          scene.referee.released(folder, held);
        }
      });
    },
  };
}

function election(): Workload {
  return {
    live: async (program, client, scene) => {
      const candidate = new LeaderElection(client, '/election', { id: `p${program.id}` });
      const stop = new AbortController();
      const looking = (async () => {
        let last = 0;
        for await (const leader of candidate.observe({ signal: stop.signal })) {
          scene.referee.expect(
            leader === null || leader.token > last,
            `leader ${leader?.token} was seen after ${last}`,
          );
          last = leader?.token ?? last;
        }
      })();
      looking.catch(() => null);
      try {
        await repeat(program, scene, async () => {
          const leadership = await candidate.campaign(patience(scene));
          scene.referee.granted(program, '/election', leadership);
          await hold(program, scene, '/election', leadership);
        });
      } finally {
        stop.abort();
      }
      await looking;
    },
  };
}

function counter(): Workload {
  /** Changes that happened for certain, and those whose program or session ended meanwhile. */
  const results = new Set<number>();
  let begun = 0;
  return {
    live: (program, client, scene) => {
      const number = new Counter(client, '/count');
      return repeat(program, scene, async () => {
        begun++;
        const result = await number.add();
        scene.referee.expect(!results.has(result), `two changes made it ${result}`);
        results.add(result);
      });
    },
    verify: async (client, { referee }) => {
      const value = await new Counter(client, '/count').get();
      referee.expect(value >= results.size && value <= begun, `${value} after ${results.size} to ${begun} changes`);
      referee.expect(Math.max(0, ...results) <= value, `a result is more than the ${value} in the end`);
    },
  };
}

function queue(): Workload {
  const put = new Set<string>();
  const taken = new Set<string>();
  let unknown = 0;
  let serial = 0;
  const take = (item: string, { referee }: Scene): void => {
    referee.expect(!taken.has(item), `${item} was taken twice`);
    taken.add(item);
  };
  return {
    live: (program, client, scene) => {
      const items = new PriorityQueue(client, '/queue');
      return repeat(program, scene, async () => {
        const item = `${program.id}-${serial++}`;
        // Until it is known, it may or may not be; and so for what is taken.
        unknown++;
        await items.put(item, scene.world.prng.below(3));
        put.add(item);
        take(String(await items.take({ timeoutMs: 1000 })), scene);
        unknown--;
      });
    },
    verify: async (client, scene) => {
      const items = new PriorityQueue(client, '/queue');
      try {
        for (let item = await items.tryTake(); item !== null; item = await items.tryTake()) take(String(item), scene);
      } catch (error) {
        unknown++;
        throw error;
      }
      const lost = [...put].filter((item) => !taken.has(item));
      scene.referee.expect(lost.length <= unknown, `${lost.join(', ')} were put and never taken`);
    },
  };
}

function configuration(): Workload {
  let done = 0;
  let begun = 0;
  const validate = (value: unknown): number => value as number;
  return {
    live: async (program, client, scene) => {
      const store = await ConfigStore.open<number>(client, '/config', { validate, initial: 0 });
      let last = 0;
      const looking = (async () => {
        for await (const value of store.changes()) {
          scene.referee.expect(value >= last, `the value ${value} was seen after ${last}`);
          last = value;
        }
      })();
      looking.catch(() => null);
      try {
        await repeat(program, scene, async () => {
          begun++;
          const value = await store.update((before) => before + 1);
          done++;
          scene.referee.expect(store.value >= value, `after an update to ${value} it is ${store.value}`);
        });
      } finally {
        store.close();
      }
      await looking;
    },
    verify: async (client, { referee }) => {
      const store = await ConfigStore.open<number>(client, '/config', { validate, initial: 0 });
      referee.expect(store.value >= done && store.value <= begun, `${store.value} after ${done} to ${begun} updates`);
      store.close();
    },
  };
}

function membership(): Workload {
  return {
    live: (program, client, scene) => {
      const group = new Membership<number>(client, '/group');
      return repeat(program, scene, async () => {
        const seat = await group.join(`m${scene.world.prng.below(3)}`, program.id, patience(scene));
        scene.referee.granted(program, '/group', seat, new RegExp(`^${seat.id}$`));
        try {
          await program.sleep(scene.world.around(10));
          const members = await group.members();
          const isSeen = members.some(({ token }) => token === seat.token);
          scene.referee.expect(isSeen || !seat.isHeld, `${seat.id} is a member and nobody sees it`);
        } finally {
          await seat.leave();
          scene.referee.released('/group', seat);
        }
      });
    },
  };
}

function cache(): Workload {
  return {
    live: async (program, client, scene) => {
      const mirror = await Cache.open(client, '/tree');
      const looking = follow(
        mirror.events(),
        scene,
        new Map([...mirror.nodes()].map(({ path, data }) => [path, data])),
      );
      looking.catch(() => null);
      try {
        await repeat(program, scene, async () => {
          await changeTree(client, scene.world);
          if (scene.world.prng.chance(0.3)) await expectSynced(mirror, scene);
        });
        await mirror.sync();
      } finally {
        mirror.close();
      }
      const known = await looking;
      const own = [...mirror.nodes()].map(({ path, data }) => [path, data] as const);
      const isSame = own.length === known.size && own.every(([path, data]) => String(known.get(path)) === String(data));
      scene.referee.expect(isSame, `the events of p${program.id} do not add up to its mirror`);
    },
    verify: async (client, { referee }) => {
      const mirror = await Cache.open(client, '/tree');
      for (const { path, data } of mirror.nodes()) {
        referee.expect(String(data) === String(referee.data(path)), `${path} is ${referee.data(path)}, not ${data}`);
        const names = referee.children(path);
        referee.expect(mirror.children(path).toSorted().join() === names.join(), `${path} has ${names.join()}`);
      }
      mirror.close();
    },
  };
}

const treePaths = ['/tree', '/tree/a', '/tree/b', '/tree/a/x', '/tree/a/y', '/tree/b/x'];

/** After a sync, the mirror has what was committed before it, or something newer. */
async function expectSynced(mirror: Cache, { referee }: Scene): Promise<void> {
  const before = new Map(treePaths.map((path) => [path, referee.node(path)]));
  await mirror.sync();
  for (const [path, was] of before) {
    const own = mirror.get(path)?.stat;
    const now = referee.node(path);
    const isGone = !now.exists || now.czxid !== was.czxid;
    const isFresh = was.exists
      ? own === undefined
        ? isGone
        : own.mzxid >= was.mzxid
      : (own?.czxid ?? Infinity) > was.zxid;
    referee.expect(isFresh, `after a sync ${path} is that of ${own?.mzxid}, not of ${was.mzxid}`);
  }
}

async function follow(
  events: AsyncIterable<CacheEvent>,
  { referee }: Scene,
  known: Map<string, Buffer | null>,
): Promise<Map<string, Buffer | null>> {
  for await (const { type, node } of events) {
    const { path, data } = node;
    const parent = path.slice(0, path.lastIndexOf('/'));
    referee.expect(known.has(path) === (type !== 'created'), `${path} is ${type}, which does not fit`);
    referee.expect(path === '/tree' || known.has(parent), `${path} is ${type} without its parent`);
    if (type === 'deleted') known.delete(path);
    else known.set(path, data);
  }
  return known;
}

async function changeTree(client: Client, { prng }: World): Promise<void> {
  const path = prng.pick(treePaths);
  const data = String(prng.below(1000));
  try {
    await prng.pick([
      () => client.create(path, data),
      () => client.create(path, data),
      () => client.setData(path, data),
      () => client.delete(path),
    ])();
  } catch (error) {
    if (!(error instanceof KeeperError) || isExpected(error)) throw error;
  }
}

function barrier(): Workload {
  return {
    live: (program, client, scene) => {
      const gate = new Barrier(client, '/gate');
      return repeat(program, scene, async () => {
        if (scene.world.prng.chance(0.5)) {
          await gate.set();
          await program.sleep(scene.world.around(10));
          await gate.remove();
        }
        await gate.wait({ timeoutMs: 500 });
      });
    },
  };
}

function doubleBarrier(): Workload {
  /** Who is inside, by its own account. */
  const inside = new Set<Program>();
  return {
    live: (program, client, scene) => {
      const round = new DoubleBarrier(client, '/double', 2);
      return repeat(program, scene, async () => {
        await round.enter({ timeoutMs: 2000 });
        inside.add(program);
        try {
          await program.sleep(scene.world.around(5));
        } finally {
          inside.delete(program);
          await round.leave({ timeoutMs: 2000 });
        }
      });
    },
  };
}

export const workloads: Readonly<Record<string, () => Workload>> = {
  lock,
  'read-write lock': readWriteLock,
  semaphore,
  election,
  counter,
  queue,
  configuration,
  membership,
  cache,
  barrier,
  'double barrier': doubleBarrier,
};
