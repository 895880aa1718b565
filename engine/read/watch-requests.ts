/**
 * Requests that are about watches alone: addWatch, checkWatches, removeWatches, setWatches, setWatches2.
 *
 * None of them asks for rights: who may not read a node gets no event of it, and to a client that tells what
 * it watched such a node is one that did not change.
 */
import type { Buffer } from 'node:buffer';
import type { Reader } from '../base/bytes.ts';
import type { TreeView } from '../tree/view.ts';
import { errorCode, type ErrorCode } from '../wire/errors.ts';
import { eventType, watcherType, watchMode, type EventType, type WatcherType } from '../wire/events.ts';
import { opcode } from '../wire/opcodes.ts';

/** Where reads leave their watches. */
export interface WatchRegistry {
  addData(connection: number, path: string): void;
  addChild(connection: number, path: string): void;
  addPersistent(connection: number, path: string): void;
  addRecursive(connection: number, path: string): void;
  has(connection: number, path: string, type: WatcherType): boolean;
  remove(connection: number, path: string, type: WatcherType): boolean;
}

/** Who watches, and where events that are due at once go. */
export interface Watcher {
  readonly id: number;
  event(type: EventType, path: string): void;
}

export class WatchRequests {
  readonly #tree: TreeView;
  readonly #watches: WatchRegistry;

  constructor(tree: TreeView, watches: WatchRegistry) {
    this.#tree = tree;
    this.#watches = watches;
  }

  /** Carries out the request whose record is under the reader; `mayRead`: the client may read the node in that slot. */
  carryOut(watcher: Watcher, op: number, reader: Reader, mayRead: (slot: number) => boolean): ErrorCode {
    switch (op) {
      case opcode.addWatch:
        return this.#add(watcher, reader);
      case opcode.checkWatches:
      case opcode.removeWatches:
        return this.#find(watcher, op, reader);
      default:
        return this.#set(watcher, op, reader, mayRead);
    }
  }

  #add({ id }: Watcher, reader: Reader): ErrorCode {
    const path = reader.string();
    const mode = reader.i32();
    if (reader.bad) return errorCode.marshalling;
    if (mode === watchMode.persistent) this.#watches.addPersistent(id, path);
    else if (mode === watchMode.persistentRecursive) this.#watches.addRecursive(id, path);
    else return errorCode.marshalling;
    return errorCode.ok;
  }

  #find({ id }: Watcher, op: typeof opcode.checkWatches | typeof opcode.removeWatches, reader: Reader): ErrorCode {
    const path = reader.string();
    const type = reader.i32();
    if (reader.bad || !isWatcherType(type)) return errorCode.marshalling;
    const found = op === opcode.checkWatches ? this.#watches.has(id, path, type) : this.#watches.remove(id, path, type);
    return found ? errorCode.ok : errorCode.noWatcher;
  }

  /**
   * A client that reconnects tells what it watched and until when it knows: what changed since is
   * an event now, the rest is watched again. Lasting watches catch up on nothing (DataTree.setWatches).
   */
  #set(watcher: Watcher, op: number, reader: Reader, mayRead: (slot: number) => boolean): ErrorCode {
    const since = reader.i64();
    const [data, exist, child] = [readPaths(reader), readPaths(reader), readPaths(reader)];
    const isNew = op === opcode.setWatches2;
    const persistent = isNew ? readPaths(reader) : [];
    const recursive = isNew ? readPaths(reader) : [];
    if (reader.bad) return errorCode.marshalling;
    const tree = this.#tree;
    const watches = this.#watches;
    const { id } = watcher;
    for (const path of data) {
      const slot = slotOf(tree, path);
      if (slot === -1) watcher.event(eventType.nodeDeleted, path);
      else if (tree.mzxid(slot) > since && mayRead(slot)) watcher.event(eventType.nodeDataChanged, path);
      else watches.addData(id, path);
    }
    for (const path of exist) {
      const slot = slotOf(tree, path);
      if (slot !== -1 && mayRead(slot)) watcher.event(eventType.nodeCreated, path);
      else watches.addData(id, path);
    }
    for (const path of child) {
      const slot = slotOf(tree, path);
      if (slot === -1) watcher.event(eventType.nodeDeleted, path);
      else if (tree.pzxid(slot) > since && mayRead(slot)) watcher.event(eventType.nodeChildrenChanged, path);
      else watches.addChild(id, path);
    }
    for (const path of persistent) watches.addPersistent(id, path);
    for (const path of recursive) watches.addRecursive(id, path);
    return errorCode.ok;
  }
}

/**
 * Bytes of the path on which the read in `bytes[start, end)` leaves a watch, -1 when it leaves none; `setWatches`
 * apart, which leaves many.
 */
export function watchedBytes(op: number, bytes: Buffer, start: number, end: number): number {
  // The path comes first in each of these, the flag is the last byte.
  switch (op) {
    case opcode.getData:
    case opcode.exists:
    case opcode.getChildren:
    case opcode.getChildren2:
      if (bytes[end - 1] === 0) return -1;
      break;
    case opcode.addWatch:
      break;
    default:
      return -1;
  }
  return end - start < 4 ? -1 : Math.min(bytes.readInt32BE(start), end - start);
}

/** ZooKeeper's reads know the root by the empty path as well. */
export function slotOf(tree: TreeView, path: string): number {
  return tree.find(path === '' ? '/' : path);
}

function readPaths(reader: Reader): string[] {
  const paths: string[] = [];
  for (let left = reader.count(4); left > 0 && !reader.bad; left--) paths.push(reader.string());
  return paths;
}

function isWatcherType(type: number): type is WatcherType {
  return type >= watcherType.children && type <= watcherType.persistentRecursive;
}
