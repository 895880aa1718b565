/**
 * Reads, answered by the server that the client is connected to, from what it has applied.
 *
 * Order of checks and bodies: ZooKeeper's FinalRequestProcessor (exists checks READ since 3.8.4).
 */
import { Buffer } from 'node:buffer';
import { Reader, Writer } from '../base/bytes.ts';
import { holdsRight, isAllowed, maskDigests } from '../prep/access.ts';
import type { TreeView } from '../tree/view.ts';
import { decodeAcls, decodeIds, permission, writeAcls } from '../wire/acl.ts';
import { errorCode } from '../wire/errors.ts';
import { eventType, type EventType } from '../wire/events.ts';
import { opcode } from '../wire/opcodes.ts';
import { beginReply, endReply, writeReply } from '../wire/replies.ts';

/** Where reads leave their watches. */
export interface WatchRegistry {
  addData(connection: number, path: string): void;
  addChild(connection: number, path: string): void;
}

/** Who reads: its number for watches, what it has proved for ACLs, and where events of setWatches go. */
export interface ReadClient {
  readonly id: number;
  readonly identity: Buffer;
  event(type: EventType, path: string): void;
}

export class Reads {
  readonly #tree: TreeView;
  readonly #watches: WatchRegistry;
  readonly #reader = new Reader();

  constructor(tree: TreeView, watches: WatchRegistry) {
    this.#tree = tree;
    this.#watches = watches;
  }

  /** Appends the reply to the read whose record is in `bytes[start, end)`. */
  answer(client: ReadClient, op: number, xid: number, bytes: Buffer, start: number, end: number, out: Writer): void {
    const reader = this.#reader.reset(bytes, start, end);
    switch (op) {
      case opcode.getData:
        this.#getData(client, xid, reader, out);
        break;
      case opcode.exists:
        this.#exists(client, xid, reader, out);
        break;
      case opcode.getChildren:
      case opcode.getChildren2:
        this.#getChildren(client, op, xid, reader, out);
        break;
      case opcode.getAcl:
        this.#getAcl(client, xid, reader, out);
        break;
      case opcode.setWatches:
        this.#setWatches(client, xid, reader, out);
        break;
      case opcode.ping:
        this.#fail(xid, errorCode.ok, out);
        break;
      default:
        writeReply(out, xid, -1, errorCode.unimplemented);
    }
  }

  #getData(client: ReadClient, xid: number, reader: Reader, out: Writer): void {
    const path = reader.string();
    const watch = reader.bool();
    const slot = this.#readable(client, path, reader);
    if (slot < 0) return this.#fail(xid, slot, out);
    if (watch) this.#watches.addData(client.id, path);
    const at = beginReply(out, xid, this.#tree.lastZxid, 0);
    this.#tree.writeData(slot, out);
    this.#tree.writeStat(slot, out);
    endReply(out, at);
  }

  #exists(client: ReadClient, xid: number, reader: Reader, out: Writer): void {
    const path = reader.string();
    const watch = reader.bool();
    if (path.includes('\0')) return this.#fail(xid, errorCode.badArguments, out);
    const slot = this.#readable(client, path, reader);
    if (watch && (slot >= 0 || slot === errorCode.noNode)) this.#watches.addData(client.id, path);
    if (slot < 0) return this.#fail(xid, slot, out);
    const at = beginReply(out, xid, this.#tree.lastZxid, 0);
    this.#tree.writeStat(slot, out);
    endReply(out, at);
  }

  #getChildren(client: ReadClient, op: number, xid: number, reader: Reader, out: Writer): void {
    const path = reader.string();
    const watch = reader.bool();
    const slot = this.#readable(client, path, reader);
    if (slot < 0) return this.#fail(xid, slot, out);
    if (watch) this.#watches.addChild(client.id, path);
    const at = beginReply(out, xid, this.#tree.lastZxid, 0);
    out.i32(this.#tree.childCount(slot));
    this.#tree.eachChild(slot, (name) => out.string(name));
    if (op === opcode.getChildren2) this.#tree.writeStat(slot, out);
    endReply(out, at);
  }

  /** Needs READ or ADMIN; without ADMIN the hashes of digest ids are hidden (CVE-2019-0201). */
  #getAcl(client: ReadClient, xid: number, reader: Reader, out: Writer): void {
    const path = reader.string();
    if (reader.bad) return this.#fail(xid, errorCode.marshalling, out);
    const slot = this.#find(path);
    if (slot === -1) return this.#fail(xid, errorCode.noNode, out);
    const acls = decodeAcls(this.#tree.aclBytes(this.#tree.aclId(slot)));
    const ids = decodeIds(client.identity);
    if (!holdsRight(acls, permission.read | permission.admin, ids)) return this.#fail(xid, errorCode.noAuth, out);
    const at = beginReply(out, xid, this.#tree.lastZxid, 0);
    writeAcls(holdsRight(acls, permission.admin, ids) ? acls : maskDigests(acls), out);
    this.#tree.writeStat(slot, out);
    endReply(out, at);
  }

  /**
   * A client that reconnects tells what it watched and until when it knows: what changed since is
   * an event now, the rest is watched again (ZooKeeper's DataTree.setWatches). Events come first.
   */
  #setWatches(client: ReadClient, xid: number, reader: Reader, out: Writer): void {
    const since = reader.i64();
    const lists: string[][] = [[], [], []];
    for (const list of lists) {
      for (let left = reader.count(4); left > 0 && !reader.bad; left--) list.push(reader.string());
    }
    if (reader.bad) return this.#fail(xid, errorCode.marshalling, out);
    const tree = this.#tree;
    for (const path of lists[0]!) {
      const slot = this.#find(path);
      if (slot === -1) client.event(eventType.nodeDeleted, path);
      else if (tree.mzxid(slot) > since) client.event(eventType.nodeDataChanged, path);
      else this.#watches.addData(client.id, path);
    }
    for (const path of lists[1]!) {
      if (this.#find(path) !== -1) client.event(eventType.nodeCreated, path);
      else this.#watches.addData(client.id, path);
    }
    for (const path of lists[2]!) {
      const slot = this.#find(path);
      if (slot === -1) client.event(eventType.nodeDeleted, path);
      else if (tree.pzxid(slot) > since) client.event(eventType.nodeChildrenChanged, path);
      else this.#watches.addChild(client.id, path);
    }
    this.#fail(xid, errorCode.ok, out);
  }

  /** ZooKeeper's reads know the root by the empty path as well. */
  #find(path: string): number {
    return this.#tree.find(path === '' ? '/' : path);
  }

  /** Slot of a node that the client may read, or the error code. */
  #readable(client: ReadClient, path: string, reader: Reader): number {
    if (reader.bad) return errorCode.marshalling;
    const slot = this.#find(path);
    if (slot === -1) return errorCode.noNode;
    const aclId = this.#tree.aclId(slot);
    if (aclId === 0) return slot;
    const allowed = isAllowed(this.#tree.aclBytes(aclId), permission.read, client.identity, 0, client.identity.length);
    return allowed ? slot : errorCode.noAuth;
  }

  #fail(xid: number, code: number, out: Writer): void {
    writeReply(out, xid, this.#tree.lastZxid, code);
  }
}
