/**
 * Who wants to hear of which node: local to one server, lost with the connection.
 *
 * A data watch is left by getData and exists, a child watch by getChildren; each fires once. addWatch
 * leaves the lasting ones: a persistent watch is a data and a child watch that stays, a recursive one
 * hears of the node and all below it, but not of lists of children. Whatever a connection watches, one
 * change of one node is one event. Rules: DataTree and WatchManager of ZooKeeper 3.9, where watches of
 * all kinds on one path stand beside each other (ZOOKEEPER-4466).
 */
import { unreachable } from '../base/assert.ts';
import { Histogram } from '../base/histogram.ts';
import { eventType, watcherType, type EventType, type WatcherType } from '../wire/events.ts';
import { Lengths } from './lengths.ts';

/**
 * Takes an event to a connection; called while a txn is applied, before any reply of that txn.
 * `aclId` is the ACL of the node at `path`: it decides who may hear.
 */
export type Deliver = (connection: number, type: EventType, path: string, aclId: number) => void;

/** What the tree tells of each change. */
export interface WatchSink {
  /** Watches that there are. */
  readonly count: number;
  nodeCreated(path: string, parent: string, aclId: number, parentAclId: number): void;
  nodeDeleted(path: string, parent: string, aclId: number, parentAclId: number): void;
  dataChanged(path: string, aclId: number): void;
}

/** A path up to this long is usual: its watch takes some 200 bytes. */
const usualPathLength = 100;

/** What a watch on a path of so many characters takes, in watches on paths of usual length. */
export function weightOf(length: number): number {
  return Math.ceil((length + 1) / usualPathLength);
}

class WatchTable {
  readonly #byPath = new Map<string, Set<number>>();
  readonly #byConnection = new Map<number, Set<string>>();
  readonly #weights = new Map<number, number>();
  /** Of the paths that are watched. */
  readonly lengths = new Lengths();
  count = 0;

  add(connection: number, path: string): void {
    let connections = this.#byPath.get(path);
    if (connections === undefined) {
      this.#byPath.set(path, (connections = new Set()));
      this.lengths.add(path.length);
    }
    if (connections.has(connection)) return;
    connections.add(connection);
    let paths = this.#byConnection.get(connection);
    if (paths === undefined) this.#byConnection.set(connection, (paths = new Set()));
    paths.add(path);
    this.#weigh(connection, weightOf(path.length));
    this.count++;
  }

  /** Removes and returns everybody who watches `path`. */
  take(path: string): Set<number> | null {
    const connections = this.#byPath.get(path);
    if (connections === undefined) return null;
    this.#unwatched(path);
    this.count -= connections.size;
    for (const connection of connections) {
      const paths = this.#byConnection.get(connection)!;
      paths.delete(path);
      if (paths.size === 0) this.#byConnection.delete(connection);
      this.#weigh(connection, -weightOf(path.length));
    }
    return connections;
  }

  /** False when there was none. */
  remove(connection: number, path: string): boolean {
    const paths = this.#byConnection.get(connection);
    if (paths?.delete(path) !== true) return false;
    if (paths.size === 0) this.#byConnection.delete(connection);
    const connections = this.#byPath.get(path)!;
    connections.delete(connection);
    if (connections.size === 0) this.#unwatched(path);
    this.#weigh(connection, -weightOf(path.length));
    this.count--;
    return true;
  }

  forget(connection: number): void {
    const paths = this.#byConnection.get(connection);
    if (paths === undefined) return;
    this.#byConnection.delete(connection);
    this.#weights.delete(connection);
    this.count -= paths.size;
    for (const path of paths) {
      const connections = this.#byPath.get(path)!;
      connections.delete(connection);
      if (connections.size === 0) this.#unwatched(path);
    }
  }

  #unwatched(path: string): void {
    this.#byPath.delete(path);
    this.lengths.remove(path.length);
  }

  has(connection: number, path: string): boolean {
    return this.#byConnection.get(connection)?.has(path) ?? false;
  }

  /** Watches of one connection; one on a long path counts as several. */
  weightOf(connection: number): number {
    return this.#weights.get(connection) ?? 0;
  }

  #weigh(connection: number, more: number): void {
    const weight = (this.#weights.get(connection) ?? 0) + more;
    if (weight > 0) this.#weights.set(connection, weight);
    else this.#weights.delete(connection);
  }

  at(path: string): ReadonlySet<number> | null {
    return this.#byPath.get(path) ?? null;
  }

  paths(): ReadonlyMap<string, ReadonlySet<number>> {
    return this.#byPath;
  }

  connections(): ReadonlyMap<number, ReadonlySet<string>> {
    return this.#byConnection;
  }
}

export class Watches implements WatchSink {
  readonly data = new WatchTable();
  readonly child = new WatchTable();
  readonly persistent = new WatchTable();
  readonly recursive = new WatchTable();
  /** How many heard of a change at a time, by the type of the event. */
  readonly fired = Array.from({ length: 5 }, () => new Histogram());
  readonly #deliver: Deliver;

  constructor(deliver: Deliver) {
    this.#deliver = deliver;
  }

  /** A session's watch, registered once however often it asks. */
  addData(connection: number, path: string): void {
    this.data.add(connection, path);
  }

  addChild(connection: number, path: string): void {
    this.child.add(connection, path);
  }

  addPersistent(connection: number, path: string): void {
    this.persistent.add(connection, path);
  }

  addRecursive(connection: number, path: string): void {
    this.recursive.add(connection, path);
  }

  has(connection: number, path: string, type: WatcherType): boolean {
    return this.#tables(type).some((table) => table.has(connection, path));
  }

  /** Removes the connection's watches of that type; false when there was none. */
  remove(connection: number, path: string, type: WatcherType): boolean {
    let removed = false;
    for (const table of this.#tables(type)) if (table.remove(connection, path)) removed = true;
    return removed;
  }

  /** What the watches of one connection take, in watches on paths of usual length. */
  weightOf(connection: number): number {
    return this.#tables(watcherType.any).reduce((sum, table) => sum + table.weightOf(connection), 0);
  }

  /** The connection is gone. */
  forget(connection: number): void {
    for (const table of this.#tables(watcherType.any)) table.forget(connection);
  }

  /** A persistent watch counts as the two that it stands for. */
  get count(): number {
    return this.data.count + this.child.count + 2 * this.persistent.count + this.recursive.count;
  }

  nodeCreated(path: string, parent: string, aclId: number, parentAclId: number): void {
    if (this.count === 0) return;
    this.#fire(this.#dataHearers(path), eventType.nodeCreated, path, aclId);
    this.#fire(this.#childHearers(parent), eventType.nodeChildrenChanged, parent, parentAclId);
  }

  nodeDeleted(path: string, parent: string, aclId: number, parentAclId: number): void {
    if (this.count === 0) return;
    const data = this.#dataHearers(path);
    const child = this.#childHearers(path);
    this.#fire(data, eventType.nodeDeleted, path, aclId);
    if (child !== null && data !== null) for (const connection of data) child.delete(connection);
    this.#fire(child, eventType.nodeDeleted, path, aclId);
    this.#fire(this.#childHearers(parent), eventType.nodeChildrenChanged, parent, parentAclId);
  }

  dataChanged(path: string, aclId: number): void {
    if (this.count === 0) return;
    this.#fire(this.#dataHearers(path), eventType.nodeDataChanged, path, aclId);
  }

  /** Who hears of a change of the node itself; the watches that fire once are used up. */
  #dataHearers(path: string): Set<number> | null {
    let hearers = this.data.take(path);
    if (this.persistent.count > 0) hearers = joined(hearers, this.persistent.at(path));
    if (this.recursive.count === 0) return hearers;
    for (let end = path.length; end > 1; end = path.lastIndexOf('/', end - 1)) {
      if (this.recursive.lengths.has(end)) hearers = joined(hearers, this.recursive.at(path.slice(0, end)));
    }
    return joined(hearers, this.recursive.at('/'));
  }

  #childHearers(path: string): Set<number> | null {
    const hearers = this.child.take(path);
    return this.persistent.count === 0 ? hearers : joined(hearers, this.persistent.at(path));
  }

  #fire(connections: Set<number> | null, type: EventType, path: string, aclId: number): void {
    if (connections === null) return;
    this.fired[type]!.record(connections.size);
    for (const connection of connections) this.#deliver(connection, type, path, aclId);
  }

  #tables(type: WatcherType): readonly WatchTable[] {
    switch (type) {
      case watcherType.children:
        return [this.child];
      case watcherType.data:
        return [this.data];
      case watcherType.persistent:
        return [this.persistent];
      case watcherType.persistentRecursive:
        return [this.recursive];
      case watcherType.any:
        return [this.data, this.child, this.persistent, this.recursive];
      default:
        return unreachable(type);
    }
  }
}

/** `hearers`, which nobody else holds, with `more`, which stays as it is. */
function joined(hearers: Set<number> | null, more: ReadonlySet<number> | null): Set<number> | null {
  if (more === null) return hearers;
  if (hearers === null) return new Set(more);
  for (const connection of more) hearers.add(connection);
  return hearers;
}
