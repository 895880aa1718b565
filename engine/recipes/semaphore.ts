/**
 * So many holders at once, of all that want to.
 *
 *   const semaphore = new Semaphore(client, '/limits/exports', 3);
 *   await semaphore.run(() => exportEverything());
 *
 *   <path>/locks    the line: who is first in it takes the next permit that is free, the others wait for their turn
 *   <path>/leases   a node for each permit that is taken, and one for whom is first in the line
 */
import type { Client, Data } from '../client/index.ts';
import { LostError } from './errors.ts';
import { Line, orLeave, orNone } from './line.ts';
import { runHeld, type LockOptions } from './lock.ts';
import type { Naming } from './names.ts';
import { OneWatch } from './one-watch.ts';
import type { Held, Place } from './place.ts';
import { within, type Bound, type WaitOptions } from './waiting.ts';

export type SemaphoreOptions = Pick<LockOptions, 'naming' | 'data'>;

/**
 * Guarantees: at most `permits` are held at once, by all that give the same number, and they are given in the order in
 * which they were asked for. A permit that is given back wakes one. Tokens grow with the order of the permits.
 *
 * Does not guarantee that a holder whose session is over stops: see `lost` and `token` of Held. A smaller number does
 * not take permits away from those who have them. Nodes are those of Curator's InterProcessSemaphoreV2, or with
 * `naming: 'kazoo'` those of kazoo's Semaphore.
 */
export class Semaphore {
  readonly path: string;
  readonly permits: number;
  readonly #client: Client;
  readonly #turns: Line;
  readonly #leases: Line;
  readonly #data: Data;

  constructor(client: Client, path: string, permits: number, options: SemaphoreOptions = {}) {
    if (!Number.isInteger(permits) || permits < 1) throw new TypeError(`permits must be at least 1, not ${permits}.`);
    const naming: Naming = options.naming ?? 'curator';
    const [turns, leases] = naming === 'curator' ? [`${path}/locks`, `${path}/leases`] : [`${path}-__lock__`, path];
    this.path = path;
    this.permits = permits;
    this.#client = client;
    this.#turns = new Line(client, turns, { role: 'lock', waitsFor: ['lock'], naming });
    this.#leases = new Line(client, leases, { role: 'lease', waitsFor: [], naming });
    this.#data = options.data ?? null;
  }

  /**
   * Waits until a permit is held.
   *
   * @throws WaitTimeoutError, the signal's reason, or the client's error when the session ends
   */
  acquire(options: WaitOptions = {}): Promise<Held> {
    return within(this.#client, options, this.path, async (bound) => {
      const turn = await this.#turns.enterWithin(this.#data, bound);
      return this.#lease(turn, bound, async (children, watch) => {
        if (children.length <= this.permits) return true;
        await bound(watch.event);
        return false;
      });
    });
  }

  /** As `acquire`, but null when no permit is free, or when someone else is just taking one. */
  tryAcquire(options: WaitOptions = {}): Promise<Held | null> {
    return within(this.#client, options, this.path, async (bound) => {
      const turn = await bound(this.#turns.tryEnter(this.#data, options));
      if (turn === null) return null;
      let isFree = true;
      const held = await this.#lease(turn, bound, (children) => {
        isFree = children.length <= this.permits;
        return Promise.resolve(true);
      });
      if (!isFree) await bound(held.release());
      return isFree ? held : null;
    });
  }

  /** Runs `work` while a permit is held; as Lock's `run`. */
  async run<T>(work: (held: Held) => Promise<T> | T, options: WaitOptions = {}): Promise<T> {
    return runHeld(await this.acquire(options), this.path, work);
  }

  /** Takes a node among the leases, and asks `isDone` about them all until it says yes. */
  async #lease(
    turn: Place,
    bound: Bound,
    isDone: (children: readonly string[], watch: OneWatch) => Promise<boolean>,
  ): Promise<Place> {
    try {
      const place = await this.#leases.take(this.#data, bound);
      return await orLeave(place, async () => {
        await bound(place.watch());
        for (;;) {
          const { folder } = this.#leases;
          const watch = new OneWatch(this.#client, folder, 'children');
          try {
            const children = await bound(
              orNone(watch.read((watcher) => this.#client.getChildren(folder, { watch: watcher }))),
            );
            if (place.lost.aborted) throw place.lost.reason;
            if (!children.includes(place.name)) throw new LostError(`${place.path}: its node was deleted`);
            if (await isDone(children, watch)) return place.hold(bound);
          } finally {
            watch.drop();
          }
        }
      });
    } finally {
      turn.release().catch(() => null);
    }
  }
}
