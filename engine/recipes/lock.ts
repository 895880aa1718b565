/**
 * A lock that one of many programs holds.
 *
 *   const lock = new Lock(client, '/locks/report');
 *   await lock.run(async ({ token, lost }) => {
 *     await storage.write(report, { fence: token, signal: lost });
 *   });
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Client, Data } from '../client/index.ts';
import { LostError } from './errors.ts';
import { Line, type LineRules } from './line.ts';
import type { Naming } from './names.ts';
import type { Held } from './place.ts';
import type { WaitOptions } from './waiting.ts';

export interface LockOptions {
  /** Whose contenders shall see ours: Curator's InterProcessMutex, or kazoo's Lock. Default `curator`. */
  readonly naming?: Naming | undefined;
  /** What others can read in the node of this contender, e.g. a host's name. Default: nothing. */
  readonly data?: Data | undefined;
  /** Whether what runs within `run` may call `run` again, instead of waiting for itself. Default false. */
  readonly reentrant?: boolean | undefined;
}

/**
 * Guarantees: of all that contend for the path, whatever their client, at most one has a node that is the first, and
 * they get it in the order in which they came. Tokens grow from holder to holder. Whoever leaves wakes one. What is
 * given up (a signal, a time-out, a lost connection at any moment) leaves no node that would block others.
 *
 * Does not guarantee that a holder stops when its session is over: a paused process does not know. `lost` tells
 * as soon as it can be known; only what is guarded by `token` is safe from two holders. A lock costs two writes.
 */
export class Lock {
  readonly path: string;
  readonly #line: Line;
  readonly #data: Data;
  readonly #holder: AsyncLocalStorage<Held> | null;

  /** @param path of the folder that the contenders' nodes are in; created when it is needed */
  constructor(client: Client, path: string, options: LockOptions = {}, rules?: LineRules) {
    this.path = path;
    this.#line = new Line(
      client,
      path,
      rules ?? { role: 'lock', waitsFor: ['lock', 'read', 'write'], naming: options.naming ?? 'curator' },
    );
    this.#data = options.data ?? null;
    this.#holder = options.reentrant === true ? new AsyncLocalStorage() : null;
  }

  /**
   * Waits until the lock is held; also for other calls of this same object.
   *
   * @throws WaitTimeoutError, the signal's reason, or the client's error when the session ends
   */
  acquire(options: WaitOptions = {}): Promise<Held> {
    return this.#line.enter(this.#data, options);
  }

  /** As `acquire`, but null when someone else has it. */
  tryAcquire(options: WaitOptions = {}): Promise<Held | null> {
    return this.#line.tryEnter(this.#data, options);
  }

  /**
   * Runs `work` while the lock is held, and gives it back.
   *
   * @throws LostError when the lock was lost before `work` ended well: another holder may have run beside it
   */
  async run<T>(work: (held: Held) => Promise<T> | T, options: WaitOptions = {}): Promise<T> {
    const outer = this.#holder?.getStore();
    if (outer !== undefined && !outer.lost.aborted) return work(outer);
    const held = await this.acquire(options);
    return runHeld(held, this.path, () => (this.#holder === null ? work(held) : this.#holder.run(held, work, held)));
  }
}

/** Runs `work` and gives back what is held for it. */
export async function runHeld<T>(held: Held, path: string, work: (held: Held) => Promise<T> | T): Promise<T> {
  try {
    const result = await work(held);
    if (!held.isHeld) throw held.lost.reason ?? new LostError(`${path}: the session may be over`);
    return result;
  } finally {
    await held.release();
  }
}
