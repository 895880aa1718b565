/**
 * Reads, answered by the server that the client is connected to, from what it has applied.
 *
 * Order of checks and bodies: ZooKeeper's FinalRequestProcessor (exists checks READ since 3.8.4).
 */
import type { Buffer } from 'node:buffer';
import { Reader, type Writer } from '../base/bytes.ts';
import { multiReadBytesMax } from '../base/limits.ts';
import { holdsRight, isAllowed, maskDigests } from '../prep/access.ts';
import type { TreeView } from '../tree/view.ts';
import { decodeAcls, decodeIds, permission, writeAcls } from '../wire/acl.ts';
import { errorCode, type ErrorCode } from '../wire/errors.ts';
import { opcode } from '../wire/opcodes.ts';
import { beginReply, endReply, writeMultiHeader, writeReply } from '../wire/replies.ts';
import { slotOf, WatchRequests, type Watcher, type WatchRegistry } from './watch-requests.ts';

/** Reply header, Stat and so on; and a child's name. */
const replyBytes = 100;
const childBytes = 24;

/** Who reads: besides its watches, its session and what it has proved. */
export interface ReadClient extends Watcher {
  readonly session: number;
  readonly identity: Buffer;
}

export class Reads {
  readonly #tree: TreeView;
  readonly #watches: WatchRegistry;
  readonly #watchRequests: WatchRequests;
  readonly #reader = new Reader();

  constructor(tree: TreeView, watches: WatchRegistry) {
    this.#tree = tree;
    this.#watches = watches;
    this.#watchRequests = new WatchRequests(tree, watches);
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
      case opcode.multiRead:
        this.#multiRead(client, xid, reader, out);
        break;
      case opcode.setWatches:
      case opcode.setWatches2:
      case opcode.checkWatches:
      case opcode.removeWatches:
        this.#fail(xid, this.#watchRequest(client, op, reader), out);
        break;
      case opcode.addWatch:
        this.#addWatch(client, xid, reader, out);
        break;
      case opcode.getEphemerals:
        this.#getEphemerals(client, xid, reader, out);
        break;
      case opcode.getAllChildrenNumber:
        this.#getAllChildrenNumber(client, xid, reader, out);
        break;
      case opcode.whoAmI:
        this.#whoAmI(client, xid, out);
        break;
      case opcode.ping:
        this.#fail(xid, errorCode.ok, out);
        break;
      default:
        writeReply(out, xid, -1, errorCode.unimplemented);
    }
  }

  /** About how long the reply to a read is going to be, bytes. */
  expectedBytes(op: number, bytes: Buffer, start: number, end: number): number {
    if (op !== opcode.getData) return replyBytes + childBytes * this.listLength(op, bytes, start, end);
    const slot = slotOf(this.#tree, this.#reader.reset(bytes, start, end).string());
    return replyBytes + (slot === -1 ? 0 : Math.max(this.#tree.dataLength(slot), 0));
  }

  /** Names that a getChildren or getChildren2 is about; 0 for any other read. */
  listLength(op: number, bytes: Buffer, start: number, end: number): number {
    if (op !== opcode.getChildren && op !== opcode.getChildren2) return 0;
    const slot = slotOf(this.#tree, this.#reader.reset(bytes, start, end).string());
    return slot === -1 ? 0 : this.#tree.childCount(slot);
  }

  /**
   * The slot of the node that a getChildren or getChildren2 is about, and its watch left, when the client
   * may read it and it has at least `min` children: the reply is made elsewhere. -1: it is not.
   */
  longList(client: ReadClient, op: number, bytes: Buffer, start: number, end: number, min: number): number {
    if (this.listLength(op, bytes, start, end) < min) return -1;
    const reader = this.#reader.reset(bytes, start, end);
    const path = reader.string();
    const watch = reader.bool();
    const slot = this.#readable(client, path, reader);
    if (slot < 0) return -1;
    if (watch) this.#watches.addChild(client.id, path);
    return slot;
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
    this.#writeChildren(slot, out);
    if (op === opcode.getChildren2) this.#tree.writeStat(slot, out);
    endReply(out, at);
  }

  /** Needs READ or ADMIN; without ADMIN the hashes of digest ids are hidden (CVE-2019-0201). */
  #getAcl(client: ReadClient, xid: number, reader: Reader, out: Writer): void {
    const path = reader.string();
    if (reader.bad) return this.#fail(xid, errorCode.marshalling, out);
    const slot = slotOf(this.#tree, path);
    if (slot === -1) return this.#fail(xid, errorCode.noNode, out);
    const acls = decodeAcls(this.#tree.aclBytes(this.#tree.aclId(slot)));
    const ids = decodeIds(client.identity);
    if (!holdsRight(acls, permission.read | permission.admin, ids)) return this.#fail(xid, errorCode.noAuth, out);
    const at = beginReply(out, xid, this.#tree.lastZxid, 0);
    writeAcls(holdsRight(acls, permission.admin, ids) ? acls : maskDigests(acls), out);
    this.#tree.writeStat(slot, out);
    endReply(out, at);
  }

  /** Several reads at one moment; each has a result of its own. They leave no watches, whatever they ask. */
  #multiRead(client: ReadClient, xid: number, reader: Reader, out: Writer): void {
    const tree = this.#tree;
    const at = beginReply(out, xid, tree.lastZxid, 0);
    for (;;) {
      const op = reader.i32();
      const done = reader.bool();
      reader.i32();
      if (done && !reader.bad) break;
      const path = reader.string();
      reader.bool();
      const isRead = op === opcode.getData || op === opcode.getChildren;
      if (reader.bad || !isRead || out.at - at > multiReadBytesMax) {
        out.at = at;
        return this.#fail(xid, errorCode.marshalling, out);
      }
      const slot = this.#readable(client, path, reader);
      writeMultiHeader(out, slot < 0 ? -1 : op, false, Math.min(slot, 0));
      if (slot < 0) {
        out.i32(slot);
      } else if (op === opcode.getData) {
        tree.writeData(slot, out);
        tree.writeStat(slot, out);
      } else {
        this.#writeChildren(slot, out);
      }
    }
    writeMultiHeader(out, -1, true, -1);
    endReply(out, at);
  }

  #watchRequest(client: ReadClient, op: number, reader: Reader): ErrorCode {
    return this.#watchRequests.carryOut(client, op, reader, (slot) => this.#mayRead(client, slot));
  }

  /** ErrorResponse{i32 err}, as ZooKeeper answers this one alone. */
  #addWatch(client: ReadClient, xid: number, reader: Reader, out: Writer): void {
    const code = this.#watchRequest(client, opcode.addWatch, reader);
    if (code !== errorCode.ok) return this.#fail(xid, code, out);
    const at = beginReply(out, xid, this.#tree.lastZxid, 0);
    out.i32(errorCode.ok);
    endReply(out, at);
  }

  /** Those of the asking session whose paths begin so, component or not. */
  #getEphemerals(client: ReadClient, xid: number, reader: Reader, out: Writer): void {
    const given = reader.stringOrNull() ?? '';
    const prefix = given.trim() === '' || given.trim() === '/' ? '' : given;
    if (reader.bad) return this.#fail(xid, errorCode.marshalling, out);
    const at = beginReply(out, xid, this.#tree.lastZxid, 0);
    const countAt = out.at;
    let count = 0;
    out.i32(0);
    for (const slot of this.#tree.ephemerals(client.session)) {
      const path = this.#tree.path(slot);
      if (!path.startsWith(prefix)) continue;
      out.string(path);
      count++;
    }
    out.setI32(countAt, count);
    endReply(out, at);
  }

  #getAllChildrenNumber(client: ReadClient, xid: number, reader: Reader, out: Writer): void {
    const path = reader.string();
    const slot = this.#readable(client, path, reader);
    if (slot < 0) return this.#fail(xid, slot, out);
    const at = beginReply(out, xid, this.#tree.lastZxid, 0);
    out.i32(this.#tree.descendants(slot));
    endReply(out, at);
  }

  /** vector<ClientInfo{ustring authScheme, ustring user}>; of a digest id its user alone. */
  #whoAmI(client: ReadClient, xid: number, out: Writer): void {
    const ids = decodeIds(client.identity);
    const at = beginReply(out, xid, this.#tree.lastZxid, 0);
    out.i32(ids.length);
    for (const { scheme, id } of ids) {
      out.string(scheme);
      out.string(scheme === 'digest' ? id.split(':', 1)[0]! : id);
    }
    endReply(out, at);
  }

  #writeChildren(slot: number, out: Writer): void {
    out.i32(this.#tree.childCount(slot));
    this.#tree.eachChild(slot, (name) => out.string(name));
  }

  /** Slot of a node that the client may read, or the error code. */
  #readable(client: ReadClient, path: string, reader: Reader): number {
    if (reader.bad) return errorCode.marshalling;
    const slot = slotOf(this.#tree, path);
    if (slot === -1) return errorCode.noNode;
    return this.#mayRead(client, slot) ? slot : errorCode.noAuth;
  }

  #mayRead({ identity }: ReadClient, slot: number): boolean {
    const aclId = this.#tree.aclId(slot);
    return aclId === 0 || isAllowed(this.#tree.aclBytes(aclId), permission.read, identity, 0, identity.length);
  }

  #fail(xid: number, code: number, out: Writer): void {
    writeReply(out, xid, this.#tree.lastZxid, code);
  }
}
