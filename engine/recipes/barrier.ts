/**
 * A barrier that somebody sets and somebody removes, and all others wait for that.
 *
 *   await barrier.set();                 before the work begins
 *   await barrier.wait();                in those that need its result
 *   await barrier.remove();              when it is done
 */
import type { Client } from '../client/index.ts';
import { hasCode, inFolder, once, untilAnswered } from './calls.ts';
import { nextChange } from './one-watch.ts';
import { within, type WaitOptions } from './waiting.ts';

/**
 * Guarantees: `wait` does not pass a barrier that was set before it was called, and passes once it has seen it
 * removed. The barrier outlives who set it.
 *
 * Does not notice a barrier that was removed and set again while nobody looked: whoever waits then waits on. The node
 * is that of Curator's DistributedBarrier and of kazoo's Barrier.
 */
export class Barrier {
  readonly path: string;
  readonly #client: Client;

  constructor(client: Client, path: string) {
    this.path = path;
    this.#client = client;
  }

  /** Sets it; nothing happens if it is set. */
  async set(): Promise<void> {
    const parent = this.path.slice(0, this.path.lastIndexOf('/'));
    try {
      await inFolder(this.#client, parent, () => untilAnswered(() => this.#client.create(this.path, '')));
    } catch (error) {
      if (!hasCode(error, 'nodeExists')) throw error;
    }
  }

  /** Lets all pass. */
  async remove(): Promise<void> {
    try {
      await once(this.#client, `${this.path}-once`, (multi) => multi.delete(this.path));
    } catch (error) {
      if (!hasCode(error, 'noNode')) throw error;
    }
  }

  /** @throws WaitTimeoutError, the signal's reason, or the client's error when the session ends */
  wait(options: WaitOptions = {}): Promise<void> {
    const client = this.#client;
    return within(client, options, this.path, async (bound) => {
      await bound(untilAnswered(() => client.sync(this.path)));
      while ((await bound(untilAnswered(() => client.exists(this.path)))) !== null)
        await nextChange(client, bound, this.path);
    });
  }
}
