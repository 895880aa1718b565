/**
 * A barrier that so many members pass together, into some work and out of it.
 *
 *   await barrier.enter();               resolves in all once the last one has come
 *   …
 *   await barrier.leave();               resolves in all once the last one is done
 */
import type { Client } from '../client/index.ts';
import { hasCode, inFolder, remove, untilAnswered } from './calls.ts';
import { nextChange, OneWatch } from './one-watch.ts';
import { within, type Bound, type WaitOptions } from './waiting.ts';

const readyName = 'ready';

/**
 * Guarantees: `enter` resolves when at least `size` members are there at once, or others have seen them there.
 * `leave` resolves when no member is there any more. A member whose session ends counts as one that has left. Members
 * wait for one node each, not for one another's every step.
 *
 * Does not keep later ones out: who enters while the others are inside passes at once, and they wait for it when they
 * leave. When a member dies in the moment in which it is the last to leave, the barrier may stay open for the next
 * round. Nodes are those of Curator's DistributedDoubleBarrier and of kazoo's DoubleBarrier.
 */
export class DoubleBarrier {
  readonly path: string;
  readonly size: number;
  readonly #client: Client;
  readonly #ready: string;
  /** The node of this member while it is inside. */
  #own: string | null = null;

  /** @param size how many members it takes */
  constructor(client: Client, path: string, size: number) {
    if (!Number.isInteger(size) || size < 1) throw new TypeError(`size must be at least 1, not ${size}.`);
    this.path = path;
    this.size = size;
    this.#client = client;
    this.#ready = `${path}/${readyName}`;
  }

  /**
   * Waits until enough members are there. When it fails, this one is not.
   *
   * @throws WaitTimeoutError, the signal's reason, or the client's error when the session ends
   */
  async enter(options: WaitOptions = {}): Promise<void> {
    if (this.#own !== null) throw new TypeError(`${this.path}: this member has entered already.`);
    const own = `${this.path}/${this.#client.environment.uuid()}`;
    const joining = this.#join(own);
    try {
      await within(this.#client, options, this.path, async (bound) => {
        await bound(joining);
        await this.#opened(bound);
      });
      this.#own = own;
    } catch (error) {
      joining.then(() => remove(this.#client, own)).catch(() => null);
      throw error;
    }
  }

  /**
   * Waits until all have left. When it fails, this one has left nevertheless, or will as soon as there is a
   * connection.
   */
  async leave(options: WaitOptions = {}): Promise<void> {
    const own = this.#own;
    if (own === null) throw new TypeError(`${this.path}: this member has not entered.`);
    this.#own = null;
    try {
      await within(this.#client, options, this.path, async (bound) => {
        for (let name = await this.#step(own, bound); name !== null; name = await this.#step(own, bound))
          await nextChange(this.#client, bound, `${this.path}/${name}`);
      });
    } catch (error) {
      remove(this.#client, own).catch(() => null);
      throw error;
    }
  }

  async #join(own: string): Promise<void> {
    const create = (): Promise<string> => untilAnswered(() => this.#client.create(own, '', { ephemeral: true }));
    try {
      await inFolder(this.#client, this.path, create);
    } catch (error) {
      if (!hasCode(error, 'nodeExists')) throw error;
    }
  }

  async #opened(bound: Bound): Promise<void> {
    for (;;) {
      const watch = new OneWatch(this.#client, this.#ready, 'data');
      try {
        // The watch first: whoever comes last creates the node, and sees all members when it looks.
        const ready = await bound(watch.read((watcher) => this.#client.exists(this.#ready, { watch: watcher })));
        if (ready !== null || (await bound(this.#open()))) return;
        await bound(watch.event);
      } finally {
        watch.drop();
      }
    }
  }

  /** Opens the barrier if enough members are there. */
  async #open(): Promise<boolean> {
    if ((await this.#members()).length < this.size) return false;
    try {
      await untilAnswered(() => this.#client.create(this.#ready, ''));
    } catch (error) {
      if (!hasCode(error, 'nodeExists')) throw error;
    }
    return true;
  }

  /**
   * One step out: the lowest member goes last, and closes the barrier in the same moment; it waits for the highest, all
   * others leave and wait for it. Returns for whom to wait, or null when nobody is there.
   */
  async #step(own: string, bound: Bound): Promise<string | null> {
    const name = own.slice(own.lastIndexOf('/') + 1);
    const members = await bound(this.#members());
    const lowest = members[0] ?? null;
    if (lowest === name && members.length === 1) {
      await bound(this.#close(own));
      return null;
    }
    if (lowest === name) return members.at(-1)!;
    if (lowest === null) await bound(remove(this.#client, this.#ready));
    if (members.includes(name)) await bound(remove(this.#client, own));
    return lowest;
  }

  async #close(own: string): Promise<void> {
    try {
      await untilAnswered(() => this.#client.multi().delete(own).delete(this.#ready).commit());
    } catch (error) {
      if (!hasCode(error, 'noNode')) throw error;
      await remove(this.#client, own);
    }
  }

  async #members(): Promise<string[]> {
    try {
      const children = await untilAnswered(() => this.#client.getChildren(this.path));
      return children.filter((name) => name !== readyName).toSorted();
    } catch (error) {
      if (hasCode(error, 'noNode')) return [];
      throw error;
    }
  }
}
