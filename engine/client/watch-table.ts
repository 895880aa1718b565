/**
 * Who watches what, as ZooKeeper's clients keep it: the server says only that something happened at a
 * path, and which watchers that concerns is decided here.
 *
 *   data, exist, child         once: gone when they have fired
 *   persistent, recursive      stay until they are removed; recursive ones see the whole subtree
 *
 * Paths are the server's, with the chroot.
 */
import { Writer } from '../base/bytes.ts';
import { eventType, type EventType } from '../wire/events.ts';
import { opcode, specialXid } from '../wire/opcodes.ts';
import { writeStrings } from './records.ts';

export interface WatchEvent {
  /**
   * What happened. Besides the four that come from the server: `…Removed` after removeWatches; `resumed`
   * to persistent watches after a new connection, since what happened in between is not told; and
   * `sessionEnded`, the last one that any watcher hears.
   */
  readonly type: WatchEventType;
  /** The node; for `resumed` and `sessionEnded` the one that was watched. */
  readonly path: string;
  /** Of the txn that caused it, from servers that tell it (ZooKeeper 3.9); -1 otherwise. */
  readonly zxid: number;
}

export type WatchEventType =
  | keyof typeof eventType
  | 'dataWatchRemoved'
  | 'childWatchRemoved'
  | 'persistentWatchRemoved'
  | 'resumed'
  | 'sessionEnded';

export type Watcher = (event: WatchEvent) => void;
export type WatchKind = 'data' | 'exist' | 'child' | 'persistent' | 'recursive';
/** ZooKeeper's WatcherType, for removeWatches and checkWatches. `any` is all kinds. */
export const watcherType = { children: 1, data: 2, any: 3, persistent: 4, persistentRecursive: 5 } as const;
export type WatcherType = keyof typeof watcherType;

/** One frame of setWatches, before its fixed fields; 128 KiB as in ZooKeeper's client. */
const frameBytesMax = 128 * 1024;
const kinds: readonly WatchKind[] = ['data', 'exist', 'child', 'persistent', 'recursive'];
const kindsOf: Readonly<Record<WatcherType, readonly WatchKind[]>> = {
  children: ['child'],
  data: ['data', 'exist'],
  any: kinds,
  persistent: ['persistent'],
  persistentRecursive: ['recursive'],
};
const removedType: Readonly<Record<WatchKind, WatchEventType>> = {
  data: 'dataWatchRemoved',
  exist: 'dataWatchRemoved',
  child: 'childWatchRemoved',
  persistent: 'persistentWatchRemoved',
  recursive: 'persistentWatchRemoved',
};
const typeNames = new Map<number, WatchEventType>(
  Object.entries(eventType).map(([name, number]) => [number, name as WatchEventType]),
);

/**
 * What is taken away at the server together with a watch of a type: servers before 3.9 keep a lasting watch of a client
 * as one with its other watches of the path.
 */
const takenWith: Readonly<Record<WatcherType, readonly WatchKind[]>> = {
  ...kindsOf,
  children: ['child', 'persistent', 'recursive'],
  data: ['data', 'exist', 'persistent', 'recursive'],
};

type Table = Map<string, Set<Watcher>>;

/** A watch that a request on its way asks for, or takes away. */
interface OnTheWay {
  readonly kinds: readonly WatchKind[];
  readonly watcher: Watcher;
}

export class WatchTable {
  readonly #tables: Readonly<Record<WatchKind, Table>> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
    persistent: new Map(),
    recursive: new Map(),
  };
  readonly #asked = new Map<string, Set<OnTheWay>>();
  readonly #leaving = new Map<string, Set<OnTheWay>>();
  readonly #toClientPath: (path: string) => string;

  /** @param toClientPath takes the chroot off */
  constructor(toClientPath: (path: string) => string) {
    this.#toClientPath = toClientPath;
  }

  add(kind: WatchKind, path: string, watcher: Watcher): void {
    const table = this.#tables[kind];
    const watchers = table.get(path);
    if (watchers === undefined) table.set(path, new Set([watcher]));
    else watchers.add(watcher);
  }

  /** A request that asks for a watch is on its way; the function that comes back is for its end, whatever that is. */
  ask(kind: WatchKind, path: string, watcher: Watcher): () => void {
    return noted(this.#asked, path, { kinds: [kind], watcher });
  }

  /** The same for a request that takes a watcher away. */
  leave(type: WatcherType, path: string, watcher: Watcher): () => void {
    return noted(this.#leaving, path, { kinds: kindsOf[type], watcher });
  }

  /** Whether someone (or just `watcher`) watches the path in this way, or is about to. */
  has(type: WatcherType, path: string, watcher?: Watcher): boolean {
    const among = kindsOf[type];
    if (this.#isAsked(among, path, (each) => watcher === undefined || each === watcher)) return true;
    return among.some((kind) => {
      const watchers = this.#tables[kind].get(path);
      return watchers !== undefined && (watcher === undefined || watchers.has(watcher));
    });
  }

  /**
   * Whether someone other than `watcher` would lose a watch, there or on its way, with this one at the server. Those
   * that are being taken away do not count: of all who leave at once, the last one takes the server's watch along.
   */
  hasOther(type: WatcherType, path: string, watcher: Watcher): boolean {
    const among = takenWith[type];
    if (this.#isAsked(among, path, (each) => each !== watcher)) return true;
    const leaving = this.#leaving.get(path) ?? nobody;
    return among.some((kind) => {
      for (const each of this.#tables[kind].get(path) ?? []) {
        if (each !== watcher && !isAmong(leaving, kind, each)) return true;
      }
      return false;
    });
  }

  /** Forgets watchers of a path, all or just one, and tells them. */
  remove(type: WatcherType, path: string, watcher?: Watcher): void {
    for (const kind of kindsOf[type]) {
      const watchers = this.#tables[kind].get(path);
      if (watchers === undefined) continue;
      const gone = watcher === undefined ? [...watchers] : [watcher].filter((each) => watchers.has(each));
      for (const each of gone) {
        watchers.delete(each);
        this.#tell([each], removedType[kind], path, -1);
      }
      if (watchers.size === 0) this.#tables[kind].delete(path);
    }
  }

  /** An event came from the server. */
  fire(type: EventType, path: string, zxid: number): void {
    const name = typeNames.get(type);
    if (name === undefined) return;
    const watchers = new Set<Watcher>();
    const take = (kind: WatchKind): void => {
      for (const watcher of this.#tables[kind].get(path) ?? []) watchers.add(watcher);
      this.#tables[kind].delete(path);
    };
    if (type === eventType.nodeChildrenChanged) {
      take('child');
    } else {
      take('data');
      take('exist');
      if (type === eventType.nodeDeleted) take('child');
    }
    for (const watcher of this.#tables.persistent.get(path) ?? []) watchers.add(watcher);
    if (type !== eventType.nodeChildrenChanged && this.#tables.recursive.size > 0) this.#addRecursive(path, watchers);
    this.#tell(watchers, name, path, zxid);
  }

  /** The watches of persistent kinds are set again. */
  resumed(): void {
    for (const kind of ['persistent', 'recursive'] as const) {
      for (const [path, watchers] of this.#tables[kind]) this.#tell(watchers, 'resumed', path, -1);
    }
  }

  /** Nothing comes any more. */
  end(): void {
    for (const kind of kinds) {
      const table = this.#tables[kind];
      for (const [path, watchers] of table) this.#tell(watchers, 'sessionEnded', path, -1);
      table.clear();
    }
  }

  /**
   * Appends the frames that set all watches on a new connection and make up for what happened since
   * `zxid`; returns how many. Each is bounded, however many watches there are.
   */
  writeSetWatches(zxid: number, out: Writer): number {
    let frames = 0;
    let bytes = 0;
    let lists = emptyLists();
    const write = (): void => {
      if (bytes > 0) {
        writeFrame(zxid, lists, out);
        frames++;
      }
      bytes = 0;
      lists = emptyLists();
    };
    for (const kind of kinds) {
      for (const path of this.#tables[kind].keys()) {
        // A string has at most three bytes for each of its units.
        const length = 4 + path.length * 3;
        if (bytes + length > frameBytesMax) write();
        lists[kind].push(path);
        bytes += length;
      }
    }
    write();
    return frames;
  }

  #isAsked(among: readonly WatchKind[], path: string, isMeant: (watcher: Watcher) => boolean): boolean {
    for (const { kinds: asked, watcher } of this.#asked.get(path) ?? nobody)
      if (asked.some((kind) => among.includes(kind)) && isMeant(watcher)) return true;
    return false;
  }

  #addRecursive(path: string, watchers: Set<Watcher>): void {
    for (let at = path.length; at >= 0; at = at === 0 ? -1 : path.lastIndexOf('/', at - 1)) {
      const ancestor = at === 0 ? '/' : path.slice(0, at);
      for (const watcher of this.#tables.recursive.get(ancestor) ?? []) watchers.add(watcher);
    }
  }

  /** Each watcher runs by itself, in the order of events, and before anything that waits for a later reply. */
  #tell(watchers: Iterable<Watcher>, type: WatchEventType, path: string, zxid: number): void {
    const event: WatchEvent = { type, path: this.#toClientPath(path), zxid };
    for (const watcher of watchers) queueMicrotask(() => watcher(event));
  }
}

const nobody: ReadonlySet<OnTheWay> = new Set();

function isAmong(some: ReadonlySet<OnTheWay>, kind: WatchKind, watcher: Watcher): boolean {
  for (const each of some) if (each.watcher === watcher && each.kinds.includes(kind)) return true;
  return false;
}

/** Notes what is on its way for a path; the function that comes back is for its end. */
function noted(table: Map<string, Set<OnTheWay>>, path: string, one: OnTheWay): () => void {
  const all = table.get(path) ?? new Set();
  table.set(path, all.add(one));
  return () => {
    all.delete(one);
    if (all.size === 0 && table.get(path) === all) table.delete(path);
  };
}

function emptyLists(): Record<WatchKind, string[]> {
  return { data: [], exist: [], child: [], persistent: [], recursive: [] };
}

function writeFrame(zxid: number, lists: Readonly<Record<WatchKind, string[]>>, out: Writer): void {
  const at = out.at;
  // Servers before 3.6 know the first form only, and can have set no watches of the other kinds.
  const isSecond = lists.persistent.length + lists.recursive.length > 0;
  out.i32(0);
  out.i32(specialXid.setWatches);
  out.i32(isSecond ? opcode.setWatches2 : opcode.setWatches);
  out.i64(zxid);
  writeStrings(lists.data, out);
  writeStrings(lists.exist, out);
  writeStrings(lists.child, out);
  if (isSecond) {
    writeStrings(lists.persistent, out);
    writeStrings(lists.recursive, out);
  }
  out.setI32(at, out.at - at - 4);
}
