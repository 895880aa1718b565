/**
 * A local mirror of a node and all below it.
 *
 *   const cache = await Cache.open(client, '/config');
 *   cache.get('/config/limits')?.data
 *   for await (const { type, node } of cache.events()) …
 *
 *   watch event of a path ─► read it, in the order of the events ─► mirror ─► event
 *   new connection        ─► read all, tell what is different        (what was told meanwhile is read afterwards)
 *
 * One recursive watch does for the whole subtree. Servers before ZooKeeper 3.6 have none: there each node gets watches.
 */
import type { Client, NodeData, Watcher, WatchEvent } from '../client/index.ts';
import { hasCode, untilAnswered } from './calls.ts';
import { LostError } from './errors.ts';
import { Broadcast, type Stream } from './stream.ts';
import { within, type WaitOptions } from './waiting.ts';

export interface CachedNode extends NodeData {
  readonly path: string;
}

export interface CacheEvent {
  readonly type: 'created' | 'changed' | 'deleted';
  /** As it is now; for `deleted`, as it was. */
  readonly node: CachedNode;
  /** For `changed`: as it was. */
  readonly previous: CachedNode | null;
}

export type CacheOptions = WaitOptions;

/** Reads under way at once while all is read. */
const readsMax = 256;

/**
 * Guarantees: a node of the mirror only goes forward; a parent comes before its children and goes after them; events
 * come in the order in which the mirror changes, which is the servers' order of the changes. After `sync` the mirror
 * has all that was written before. Of several quick changes of a node only the last may be seen.
 *
 * Does not show a moment of the whole subtree: while changes come in, one node may already be newer than another.
 * Without a connection it keeps what it knows, see `isCurrent`. Of `stat`, the fields about the children are those
 * of the moment when the node itself was read. All of it is kept in memory.
 */
export class Cache {
  readonly path: string;
  readonly #client: Client;
  readonly #nodes = new Map<string, CachedNode>();
  readonly #children = new Map<string, Set<string>>();
  /** Without a recursive watch: what was read with one. */
  readonly #watched = new Set<string>();
  readonly #events = new Broadcast<CacheEvent>();
  #hasRecursiveWatch = true;
  /** Ends when all that was told so far is in the mirror. */
  #settled: Promise<void> = Promise.resolve();
  /** Paths that were told of while everything is read anyway; null: it is not. */
  #told: string[] | null = null;
  #isReadAgain = false;
  #isClosed = false;
  readonly #stopState: () => void;
  /** A connection was lost, and what happened since was not read yet. */
  #isBehind = false;

  private constructor(client: Client, path: string) {
    this.path = path;
    this.#client = client;
    this.#stopState = client.onState((state) => {
      if (state === 'connecting') this.#isBehind = true;
      // Watches of single nodes tell of themselves what they missed.
      else if (!this.#hasRecursiveWatch) this.#isBehind = false;
    });
  }

  /** A mirror that has all that is there. The node itself may not exist, and come and go later. */
  static async open(client: Client, path: string, options: CacheOptions = {}): Promise<Cache> {
    const cache = new Cache(client, path);
    try {
      await within(client, options, path, (bound) => bound(cache.#start()));
    } catch (error) {
      cache.close();
      throw error;
    }
    return cache;
  }

  get(path: string): CachedNode | undefined {
    return this.#nodes.get(path);
  }

  /** Names, in no order; none for a node that is not there. */
  children(path: string): string[] {
    return [...(this.#children.get(path) ?? [])];
  }

  /** All nodes, parents before their children. */
  nodes(): IterableIterator<CachedNode> {
    return this.#nodes.values();
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** False while there is no connection and until all has been read again: the mirror may be behind. */
  get isCurrent(): boolean {
    return !this.#isBehind && this.#told === null && !this.#isClosed;
  }

  /** What changes from now on. Ends with the cache or the signal, throws when the session ends. */
  events({ signal }: Pick<WaitOptions, 'signal'> = {}): Stream<CacheEvent> {
    return this.#events.stream(signal);
  }

  /** Resolves when the mirror has all that was written before, by whomever. */
  sync(options: WaitOptions = {}): Promise<void> {
    return within(this.#client, options, this.path, async (bound) => {
      await bound(untilAnswered(() => this.#client.sync(this.path)));
      // Its events were told before this answer.
      await bound(this.#settled);
    });
  }

  /** Lets the watches go. What was mirrored stays as it is. */
  close(): void {
    this.#finish(null);
    for (const path of new Set([this.path, ...this.#watched]))
      untilAnswered(() => this.#client.removeWatches(path, 'any', this.#heard)).catch(() => null);
  }

  async #start(): Promise<void> {
    try {
      await untilAnswered(() => this.#addWatch());
    } catch (error) {
      if (!hasCode(error, 'unimplemented')) throw error;
      this.#hasRecursiveWatch = false;
    }
    this.#readAll();
    await this.#settled;
  }

  /** Closed while it is on its way, the cache takes it away behind it, and must not ask again. */
  async #addWatch(): Promise<void> {
    if (this.#isClosed) throw new LostError(`${this.path}: the cache is closed`);
    await this.#client.addWatch(this.path, this.#heard, { recursive: true });
  }

  readonly #heard: Watcher = ({ type, path }: WatchEvent) => {
    if (this.#isClosed) return;
    if (type === 'sessionEnded') this.#client.exists(this.path).catch((error: unknown) => this.#finish(error));
    else if (type === 'persistentWatchRemoved') this.#finish(new LostError(`${this.path}: its watch was removed`));
    else if (type === 'resumed') this.#readAll();
    else this.#refresh(path);
  };

  #finish(error: unknown): void {
    this.#isClosed = true;
    this.#stopState();
    this.#events.end(error);
  }

  // ---- reading -------------------------------------------------------------------------------------

  /** Takes up what is at a path, after all that was told of before. */
  #refresh(path: string): void {
    if (this.#told !== null) {
      this.#told.push(path);
      return;
    }
    const reading = this.#read(path);
    reading.catch(() => null);
    this.#after(async () => this.#take(path, await reading));
  }

  /** Reads everything and tells what is different from what was known. */
  #readAll(): void {
    if (this.#told !== null) {
      this.#isReadAgain = true;
      return;
    }
    this.#told = [];
    this.#after(async () => {
      do {
        this.#isReadAgain = false;
        this.#isBehind = false;
        const gone = new Set(this.#nodes.keys());
        await this.#walk(gone);
        for (const path of [...gone].toReversed()) this.#take(path, null);
      } while (this.#isReadAgain);
      const told = new Set(this.#told);
      this.#told = null;
      // Within the same step, so that whoever waits for it waits for these as well.
      const found = await Promise.all([...told].map(async (path) => [path, await this.#read(path)] as const));
      for (const [path, node] of found) this.#take(path, node);
    });
  }

  async #walk(gone: Set<string>): Promise<void> {
    let level = [this.path];
    while (level.length > 0 && !this.#isClosed) {
      const below: string[] = [];
      for (let at = 0; at < level.length; at += readsMax) {
        const paths = level.slice(at, at + readsMax);
        const found = await Promise.all(paths.map((path) => this.#read(path)));
        const parents = paths.filter((path, i) => {
          if (found[i] === null) return false;
          gone.delete(path);
          this.#take(path, found[i]!);
          return found[i]!.stat.numChildren > 0 || !this.#hasRecursiveWatch;
        });
        const lists = await Promise.all(parents.map((path) => this.#list(path)));
        for (const [i, path] of parents.entries()) for (const name of lists[i]!) below.push(join(path, name));
      }
      level = below;
    }
  }

  /** null: there is no such node. */
  async #read(path: string): Promise<CachedNode | null> {
    const watch = this.#watchOf(path);
    try {
      const { data, stat } = await untilAnswered(() => this.#client.getData(path, { watch }));
      // Without a recursive watch, new children are told by their parent.
      if (watch !== undefined && this.#told === null)
        for (const name of await this.#list(path)) this.#meet(join(path, name));
      return { path, data, stat };
    } catch (error) {
      if (!hasCode(error, 'noNode')) throw error;
      if (watch !== undefined && path === this.path) await untilAnswered(() => this.#client.exists(path, { watch }));
      else this.#watched.delete(path);
      return null;
    }
  }

  #watchOf(path: string): Watcher | undefined {
    if (this.#hasRecursiveWatch || this.#isClosed) return undefined;
    this.#watched.add(path);
    return this.#heard;
  }

  #meet(path: string): void {
    if (!this.#nodes.has(path)) this.#refresh(path);
  }

  async #list(path: string): Promise<string[]> {
    const watch = this.#watchOf(path);
    try {
      return await untilAnswered(() => this.#client.getChildren(path, { watch }));
    } catch (error) {
      if (hasCode(error, 'noNode')) return [];
      throw error;
    }
  }

  /** One after the other; a failure other than of the connection is the end. */
  #after(work: () => Promise<void> | void): void {
    this.#settled = this.#settled.then(async () => {
      if (this.#isClosed) return;
      try {
        await work();
      } catch (error) {
        this.#finish(error);
      }
    });
  }

  // ---- the mirror ----------------------------------------------------------------------------------

  #take(path: string, node: CachedNode | null): void {
    const known = this.#nodes.get(path);
    if (known !== undefined && known.stat.czxid !== node?.stat.czxid) {
      this.#delete(known);
      if (node !== null) this.#create(node);
    } else if (node !== null && known === undefined) {
      this.#create(node);
    } else if (node !== null && known !== undefined && node.stat.mzxid >= known.stat.mzxid) {
      this.#nodes.set(path, node);
      if (node.stat.mzxid > known.stat.mzxid) this.#events.push({ type: 'changed', node, previous: known });
    }
  }

  #create(node: CachedNode): void {
    const parent = parentOf(node.path);
    // A parent that is not there yet was gone for a moment: it is told of again, and so is this child.
    if (node.path !== this.path && !this.#nodes.has(parent)) return;
    this.#nodes.set(node.path, node);
    this.#children.set(node.path, new Set());
    this.#children.get(parent)?.add(node.path.slice(node.path.lastIndexOf('/') + 1));
    this.#events.push({ type: 'created', node, previous: null });
  }

  #delete(node: CachedNode): void {
    for (const name of this.#children.get(node.path) ?? []) this.#delete(this.#nodes.get(join(node.path, name))!);
    this.#nodes.delete(node.path);
    this.#children.delete(node.path);
    this.#children.get(parentOf(node.path))?.delete(node.path.slice(node.path.lastIndexOf('/') + 1));
    this.#events.push({ type: 'deleted', node, previous: null });
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

function join(path: string, name: string): string {
  return path === '/' ? `/${name}` : `${path}/${name}`;
}
