/** A watch that hears one event; set by a read, and taken away again when nobody waits for it any more. */
import type { Client, Watcher, WatchEvent } from '../client/index.ts';
import { hasCode, untilAnswered } from './calls.ts';
import type { Bound } from './waiting.ts';

export class OneWatch {
  /** The next event. The end of the session is one: whatever is asked next says why. */
  readonly event: Promise<WatchEvent>;
  readonly #client: Client;
  readonly #path: string;
  readonly #type: 'data' | 'children';
  #heard: Watcher = () => {};
  #isOver = false;
  #reading: Promise<unknown> = Promise.resolve();

  /** @param type what the reads with it tell of: the node, or the list of its children */
  constructor(client: Client, path: string, type: 'data' | 'children') {
    this.#client = client;
    this.#path = path;
    this.#type = type;
    this.event = new Promise((resolve) => (this.#heard = resolve));
  }

  /** Reads with the watch, until there is an answer. */
  read<T>(call: (watch: Watcher) => Promise<T>): Promise<T> {
    const reading = untilAnswered(() => call(this.#watcher));
    this.#reading = reading;
    return reading;
  }

  /** The server need not keep it any longer. */
  drop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const remove = (): Promise<void> => this.#client.removeWatches(this.#path, this.#type, this.#watcher);
    this.#reading.then(() => untilAnswered(remove)).catch(() => null);
  }

  readonly #watcher: Watcher = (event) => {
    this.#isOver = true;
    this.#heard(event);
  };
}

/** Waits for the next event of a node; does not wait when there is no such node. */
export async function nextChange(client: Client, bound: Bound, path: string): Promise<void> {
  const watch = new OneWatch(client, path, 'data');
  try {
    // A read of data, not of existence: where nothing is, it leaves no watch behind.
    await bound(watch.read((watcher) => client.getData(path, { watch: watcher })));
    await bound(watch.event);
  } catch (error) {
    if (!hasCode(error, 'noNode')) throw error;
  } finally {
    watch.drop();
  }
}
