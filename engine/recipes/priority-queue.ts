/**
 * A queue whose most urgent item comes first.
 *
 *   await queue.put(job, 10);            0 is the most urgent, 999 the least
 *   const job = await queue.take();
 */
import { Buffer } from 'node:buffer';
import { TransactionError, type Client, type Data } from '../client/index.ts';
import { createFolder, hasCode, once, untilAnswered } from './calls.ts';
import { Line } from './line.ts';
import { OneWatch } from './one-watch.ts';
import { Patience, type Bound, type WaitOptions } from './waiting.ts';

const priorityDefault = 100;
const pattern = /^entry-(\d{3})-(-?\d{9,10})$/;

/**
 * Guarantees: an item that was put is taken exactly once, whatever happens to connections; items of the same priority
 * in the order in which they were put. Of many that wait on an empty queue, one looks, and they get items in turn.
 *
 * An item is gone from the servers when `take` resolves: if its taker dies then, the item is lost; and if a session
 * ends just while an item is taken, so may be that one. Who comes to a queue that is not empty may get an item before
 * those who have been waiting. Each `take` asks for the names of all items: keep it below some ten thousand. Items are
 * those of kazoo's Queue.
 */
export class PriorityQueue {
  readonly path: string;
  readonly #client: Client;
  readonly #takers: Line;

  /** @param path of the folder that the items are in; created when it is needed */
  constructor(client: Client, path: string) {
    this.path = path;
    this.#client = client;
    this.#takers = new Line(client, `${path}-takers`, { role: 'lock', waitsFor: ['lock'], naming: 'curator' });
  }

  /** Resolves when the item is in the queue. At most 1 MB, as any node. */
  async put(data: Data, priority = priorityDefault): Promise<void> {
    if (!Number.isInteger(priority) || priority < 0 || priority > 999)
      throw new TypeError(`priority must be a whole number from 0 to 999, not ${priority}.`);
    const prefix = `${this.path}/entry-${String(priority).padStart(3, '0')}-`;
    for (;;) {
      try {
        await once(this.#client, this.#marks, (multi) => multi.create(prefix, data, { sequential: true }));
        return;
      } catch (error) {
        if (!hasCode(error, 'noNode')) throw error;
        await createFolder(this.#client, this.path);
      }
    }
  }

  /**
   * Takes the first item, or waits for one. An item that is just being taken when it is given up is still returned.
   *
   * @throws WaitTimeoutError, the signal's reason, or the client's error when the session ends
   */
  async take(options: WaitOptions = {}): Promise<Buffer> {
    options.signal?.throwIfAborted();
    const patience = new Patience(this.#client, options, this.path);
    try {
      return (await this.#takeNow(patience.bound)) ?? (await this.#takeInTurn(patience.bound));
    } finally {
      patience.end();
    }
  }

  /** Takes the first item; null when there is none. */
  tryTake(): Promise<Buffer | null> {
    return this.#takeNow((promise) => promise);
  }

  /** The first item, which stays where it is; null when there is none. */
  async peek(): Promise<Buffer | null> {
    for (const name of await this.#names()) {
      const item = await this.#read(name);
      if (item !== null) return item;
    }
    return null;
  }

  /** How many items there are. */
  async size(): Promise<number> {
    return (await this.#names()).length;
  }

  /** The names of the items in their order. */
  async #names(watch?: OneWatch): Promise<string[]> {
    try {
      const children = await (watch === undefined
        ? untilAnswered(() => this.#client.getChildren(this.path))
        : watch.read((watcher) => this.#client.getChildren(this.path, { watch: watcher })));
      return sorted(children);
    } catch (error) {
      if (!hasCode(error, 'noNode')) throw error;
      if (watch !== undefined) await createFolder(this.#client, this.path);
      return watch === undefined ? [] : this.#names(watch);
    }
  }

  get #marks(): string {
    return `${this.path}-once`;
  }

  async #takeInTurn(bound: Bound): Promise<Buffer> {
    const turn = await this.#takers.enterWithin(null, bound);
    try {
      for (;;) {
        const watch = new OneWatch(this.#client, this.path, 'children');
        try {
          const item = await this.#takeFirst(await bound(this.#names(watch)), bound);
          if (item !== null) return item;
          await bound(watch.event);
        } finally {
          watch.drop();
        }
      }
    } finally {
      turn.release().catch(() => null);
    }
  }

  /** Null when there is no item, at some moment since it was called. */
  async #takeNow(bound: Bound): Promise<Buffer | null> {
    for (;;) {
      const names = await bound(this.#names());
      if (names.length === 0) return null;
      const item = await this.#takeFirst(names, bound);
      if (item !== null) return item;
    }
  }

  /** Null when all of these items are gone. */
  async #takeFirst(names: readonly string[], bound: Bound): Promise<Buffer | null> {
    for (const name of names) {
      const item = await bound(this.#read(name));
      // What may remove an item is waited for, whatever happens.
      if (item !== null && (await this.#claim(name))) return item;
    }
    return null;
  }

  async #read(name: string): Promise<Buffer | null> {
    try {
      const { data } = await untilAnswered(() => this.#client.getData(`${this.path}/${name}`));
      return data ?? Buffer.alloc(0);
    } catch (error) {
      if (hasCode(error, 'noNode')) return null;
      throw error;
    }
  }

  async #claim(name: string): Promise<boolean> {
    const path = `${this.path}/${name}`;
    try {
      await once(this.#client, this.#marks, (multi) => multi.delete(path));
      return true;
    } catch (error) {
      if (error instanceof TransactionError && error.path === path && error.code === 'noNode') return false;
      throw error;
    }
  }
}

function sorted(children: readonly string[]): string[] {
  const items: { readonly name: string; readonly priority: number; readonly number: number }[] = [];
  for (const name of children) {
    const [, priority, digits] = pattern.exec(name) ?? [];
    if (priority !== undefined) items.push({ name, priority: Number(priority), number: Number(digits) });
  }
  // As a difference of 32 bits: the order goes on when the number has passed its largest.
  items.sort((a, b) => a.priority - b.priority || (a.number - b.number) | 0);
  return items.map(({ name }) => name);
}
