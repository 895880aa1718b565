/**
 * Who wants to hear of which node: local to one server, lost with the connection.
 *
 * A data watch is left by getData and exists, a child watch by getChildren; each fires once. One
 * deletion that hits both on one connection is one event. Rules: ZooKeeper's DataTree and WatchManager.
 */
import { eventType, type EventType } from '../wire/events.ts';

/**
 * Takes an event to a connection; called while a txn is applied, before any reply of that txn.
 * `aclId` is the ACL of the node at `path`: it decides who may hear.
 */
export type Deliver = (connection: number, type: EventType, path: string, aclId: number) => void;

/** What the tree tells of each change. */
export interface WatchSink {
  nodeCreated(path: string, parent: string, aclId: number, parentAclId: number): void;
  nodeDeleted(path: string, parent: string, aclId: number, parentAclId: number): void;
  dataChanged(path: string, aclId: number): void;
}

class WatchTable {
  readonly #byPath = new Map<string, Set<number>>();
  readonly #byConnection = new Map<number, Set<string>>();
  count = 0;

  add(connection: number, path: string): void {
    let connections = this.#byPath.get(path);
    if (connections === undefined) this.#byPath.set(path, (connections = new Set()));
    if (connections.has(connection)) return;
    connections.add(connection);
    let paths = this.#byConnection.get(connection);
    if (paths === undefined) this.#byConnection.set(connection, (paths = new Set()));
    paths.add(path);
    this.count++;
  }

  /** Removes and returns everybody who watches `path`. */
  take(path: string): Set<number> | null {
    const connections = this.#byPath.get(path);
    if (connections === undefined) return null;
    this.#byPath.delete(path);
    this.count -= connections.size;
    for (const connection of connections) {
      const paths = this.#byConnection.get(connection)!;
      paths.delete(path);
      if (paths.size === 0) this.#byConnection.delete(connection);
    }
    return connections;
  }

  forget(connection: number): void {
    const paths = this.#byConnection.get(connection);
    if (paths === undefined) return;
    this.#byConnection.delete(connection);
    this.count -= paths.size;
    for (const path of paths) {
      const connections = this.#byPath.get(path)!;
      connections.delete(connection);
      if (connections.size === 0) this.#byPath.delete(path);
    }
  }

  has(connection: number, path: string): boolean {
    return this.#byConnection.get(connection)?.has(path) ?? false;
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

  /** The connection is gone. */
  forget(connection: number): void {
    this.data.forget(connection);
    this.child.forget(connection);
  }

  get count(): number {
    return this.data.count + this.child.count;
  }

  nodeCreated(path: string, parent: string, aclId: number, parentAclId: number): void {
    if (this.count === 0) return;
    this.#fire(this.data.take(path), eventType.nodeCreated, path, aclId);
    this.#fire(this.child.take(parent), eventType.nodeChildrenChanged, parent, parentAclId);
  }

  nodeDeleted(path: string, parent: string, aclId: number, parentAclId: number): void {
    if (this.count === 0) return;
    const data = this.data.take(path);
    const child = this.child.take(path);
    this.#fire(data, eventType.nodeDeleted, path, aclId);
    if (child !== null && data !== null) for (const connection of data) child.delete(connection);
    this.#fire(child, eventType.nodeDeleted, path, aclId);
    this.#fire(this.child.take(parent), eventType.nodeChildrenChanged, parent, parentAclId);
  }

  dataChanged(path: string, aclId: number): void {
    if (this.data.count === 0) return;
    this.#fire(this.data.take(path), eventType.nodeDataChanged, path, aclId);
  }

  #fire(connections: Set<number> | null, type: EventType, path: string, aclId: number): void {
    if (connections === null) return;
    for (const connection of connections) this.#deliver(connection, type, path, aclId);
  }
}
