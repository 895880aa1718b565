/**
 * A typed value that all programs see change.
 *
 *   const limits = await ConfigStore.open(client, '/config/limits', { validate: asLimits, initial: { rate: 10 } });
 *   limits.value.rate
 *   await limits.update((value) => ({ ...value, rate: 20 }));
 *   for await (const { rate } of limits.changes()) …
 */
import type { Buffer } from 'node:buffer';
import type { Client, NodeData } from '../client/index.ts';
import { createFolder, hasCode, once, untilAnswered } from './calls.ts';
import { InvalidDataError } from './errors.ts';
import { OneWatch } from './one-watch.ts';
import { Broadcast, type Stream } from './stream.ts';
import { within, type WaitOptions } from './waiting.ts';

export interface ConfigOptions<T> extends WaitOptions {
  /** Returns what JSON holds as a value of the type, or throws an error that says what is wrong with it. */
  readonly validate: (value: unknown) => T;
  /** Is written if the node does not exist. Without it, a node must be there. */
  readonly initial?: T;
  /** Hears of data that is not valid; the last valid value stays. */
  readonly onInvalid?: (error: InvalidDataError) => void;
}

/**
 * Guarantees: `value` is always one that `validate` took; it only goes forward, and after an own `update` it is that
 * one or a later one. Updates are atomic: each is made of the value that it replaces, none is lost, and each happens
 * once, whatever happens to connections. What is not valid is not written.
 *
 * `value` follows the servers: another program's change is seen a moment later, and not while there is no connection
 * (`await sync()` when it must be the newest). Of several quick changes only the last may be seen. If the node is
 * deleted, the last value stays. It is JSON in a node, at most 1 MB.
 */
export class ConfigStore<T> {
  readonly path: string;
  readonly #client: Client;
  readonly #options: ConfigOptions<T>;
  readonly #changes = new Broadcast<T>();
  #value!: T;
  /** Of the node that was read last. */
  #mzxid = -1;
  #version = -1;
  #isClosed = false;
  #watch: OneWatch | null = null;

  private constructor(client: Client, path: string, options: ConfigOptions<T>) {
    this.path = path;
    this.#client = client;
    this.#options = options;
  }

  /**
   * @throws InvalidDataError when the node holds nothing valid, KeeperError noNode when there is none and no
   *   `initial`, WaitTimeoutError, the signal's reason
   */
  static async open<T>(client: Client, path: string, options: ConfigOptions<T>): Promise<ConfigStore<T>> {
    const store = new ConfigStore<T>(client, path, options);
    try {
      await within(client, options, path, (bound) => bound(store.#start()));
    } catch (error) {
      store.close();
      throw error;
    }
    return store;
  }

  get value(): T {
    return this.#value;
  }

  /** How often the node was written since it was created. */
  get version(): number {
    return this.#version;
  }

  /** The present value, and each that follows. Ends with the store or the signal, throws when the session ends. */
  changes({ signal }: Pick<WaitOptions, 'signal'> = {}): Stream<T> {
    return this.#changes.stream(signal, [this.#value]);
  }

  /**
   * Replaces the value by what `change` makes of it, and resolves with that. `change` is called again when somebody
   * else was faster.
   *
   * @throws what `validate` says about the result; InvalidDataError when what is there is not valid
   */
  async update(change: (value: T) => T): Promise<T> {
    for (;;) {
      const { data, stat } = await untilAnswered(() => this.#client.getData(this.path));
      const next = this.#options.validate(copy(change(this.#parse(data))));
      try {
        await once(this.#client, `${this.path}-once`, (multi) =>
          multi.setData(this.path, JSON.stringify(next), stat.version),
        );
      } catch (error) {
        if (hasCode(error, 'badVersion')) continue;
        throw error;
      }
      this.#take(await untilAnswered(() => this.#client.getData(this.path)));
      return next;
    }
  }

  /** Replaces the value, whatever it was, even if it was not valid. */
  async set(value: T): Promise<void> {
    const next = JSON.stringify(this.#options.validate(copy(value)));
    await once(this.#client, `${this.path}-once`, (multi) => multi.setData(this.path, next));
    this.#take(await untilAnswered(() => this.#client.getData(this.path)));
  }

  /** Resolves when `value` has all that was written before, by whomever. */
  async sync(): Promise<void> {
    await untilAnswered(() => this.#client.sync(this.path));
    this.#take(await untilAnswered(() => this.#client.getData(this.path)));
  }

  /** Follows no more changes. */
  close(): void {
    this.#finish(null);
    this.#watch?.drop();
  }

  async #start(): Promise<void> {
    const { initial } = this.#options;
    if (initial !== undefined) await this.#create(JSON.stringify(this.#options.validate(copy(initial))));
    const first = await this.#read();
    if (first === null) {
      await untilAnswered(() => this.#client.getData(this.path));
      return this.#start();
    }
    this.#value = this.#parse(first.data);
    this.#take(first);
    void this.#follow();
  }

  async #create(data: string): Promise<void> {
    await createFolder(this.#client, this.path.slice(0, this.path.lastIndexOf('/')));
    try {
      await untilAnswered(() => this.#client.create(this.path, data));
    } catch (error) {
      if (!hasCode(error, 'nodeExists')) throw error;
    }
  }

  async #follow(): Promise<void> {
    try {
      while (!this.#isClosed) {
        await this.#watch!.event;
        const node = this.#isClosed ? null : await this.#read();
        if (node !== null) this.#take(node);
      }
    } catch (error) {
      this.#finish(error);
    }
  }

  /** Reads the node, or null, with a watch that hears of the next change. */
  async #read(): Promise<NodeData | null> {
    const watch = new OneWatch(this.#client, this.path, 'data');
    this.#watch = watch;
    try {
      return await watch.read((watcher) => this.#client.getData(this.path, { watch: watcher }));
    } catch (error) {
      if (!hasCode(error, 'noNode')) throw error;
      const isBack = await watch.read((watcher) => this.#client.exists(this.path, { watch: watcher }));
      if (isBack === null) return null;
      watch.drop();
      return this.#read();
    }
  }

  #parse(data: Buffer | null): T {
    try {
      return this.#options.validate(JSON.parse(String(data ?? '')));
    } catch (error) {
      throw new InvalidDataError(this.path, (error as Error).message, { cause: error });
    }
  }

  #take({ data, stat }: NodeData): void {
    if (this.#isClosed || stat.mzxid <= this.#mzxid) return;
    const isFirst = this.#mzxid === -1;
    this.#mzxid = stat.mzxid;
    try {
      this.#value = this.#parse(data);
      this.#version = stat.version;
      if (!isFirst) this.#changes.push(this.#value);
    } catch (error) {
      if (!(error instanceof InvalidDataError)) throw error;
      this.#options.onInvalid?.(error);
    }
  }

  #finish(error: unknown): void {
    this.#isClosed = true;
    this.#changes.end(error);
  }
}

/** As it will be read: what JSON cannot say is not part of the value. */
function copy(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value) ?? 'null');
}
