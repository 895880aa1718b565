/**
 * A queue: first in, first out.
 *
 *   await queue.put('job 1');
 *   const job = await queue.take();
 */
import type { Client, Data } from '../client/index.ts';
import { PriorityQueue } from './priority-queue.ts';
import type { WaitOptions } from './waiting.ts';

/**
 * Guarantees and does not guarantee what PriorityQueue does, with one priority for all: an item that was put is taken
 * exactly once, in the order in which the items were put. Items are those of kazoo's Queue.
 */
export class Queue {
  readonly path: string;
  readonly #items: PriorityQueue;

  /** @param path of the folder that the items are in; created when it is needed */
  constructor(client: Client, path: string) {
    this.path = path;
    this.#items = new PriorityQueue(client, path);
  }

  /** Resolves when the item is in the queue. At most 1 MB, as any node. */
  put(data: Data): Promise<void> {
    return this.#items.put(data);
  }

  /**
   * Takes the first item, or waits for one. An item that is just being taken when it is given up is still returned.
   *
   * @throws WaitTimeoutError, the signal's reason, or the client's error when the session ends
   */
  take(options: WaitOptions = {}): Promise<Buffer> {
    return this.#items.take(options);
  }

  /** Takes the first item; null when there is none. */
  tryTake(): Promise<Buffer | null> {
    return this.#items.tryTake();
  }

  /** The first item, which stays where it is; null when there is none. */
  peek(): Promise<Buffer | null> {
    return this.#items.peek();
  }

  /** How many items there are. */
  size(): Promise<number> {
    return this.#items.size();
  }
}
