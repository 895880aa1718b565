/**
 * The replicated state: znodes and sessions, changed only by applying committed txns in order.
 *
 * Applying cannot fail: the leader's prep has decided everything, so a txn that contradicts the tree
 * is our own bug and ends the server. Stat rules are those of ZooKeeper's DataTree.
 */
import type { Buffer } from 'node:buffer';
import { assert, unreachable } from '../base/assert.ts';
import { Reader, type Writer } from '../base/bytes.ts';
import { Session, SessionTable } from '../session/table.ts';
import type { TxnCursor } from '../txn/batch.ts';
import { nodeKind, passwordBytes, txnType, type NodeKind, type TxnType } from '../txn/types.ts';
import { AclTable, readOnlyAclBytes } from './acl-table.ts';
import { parentOf } from './paths.ts';
import { Quotas } from './quotas.ts';
import { Store } from './store.ts';
import type { TreeView } from './view.ts';
import type { WatchSink } from './watches.ts';

/** Hears of each operation of a multi right after it was applied, when its Stat is what it returns. */
export interface MultiListener {
  /** `slot`: the node created or changed, -1 for a delete or check. */
  subApplied(type: TxnType, path: string, slot: number): void;
}

/**
 * Sees a node as it was, before the first change since the capture began (a snapshot under way). One that is deleted
 * stays as it was until it is dropped.
 */
export interface BeforeChange {
  changing(slot: number): void;
}

export class Tree implements TreeView {
  readonly store = new Store((slot) => this.#dropping(slot));
  readonly acls = new AclTable();
  readonly table = new SessionTable();
  /** Slots of containers and TTL nodes: the leader looks through them now and then. */
  readonly reapable = new Set<number>();
  readonly quotas = new Quotas(this.store, (slot) => this.capture?.changing(slot));
  lastZxid = 0;
  watches: WatchSink | null = null;
  capture: BeforeChange | null = null;
  /** Node touched by the txn applied last, -1 when it was deleted or there was none. */
  lastSlot = -1;
  /** Path named by the txn applied last. */
  lastPath = '';
  readonly #body = new Reader();

  /** A tree as ZooKeeper's is when new: the root and what lies below /zookeeper. */
  static fresh(): Tree {
    const tree = new Tree();
    tree.store.add('/');
    for (const path of ['/zookeeper', '/zookeeper/quota', '/zookeeper/config']) {
      const slot = tree.store.add(path);
      tree.store.link(slot, tree.find(parentOf(path)));
      tree.store.setData(slot, emptyData, 0, 0);
    }
    tree.store.setData(tree.find('/'), emptyData, 0, 0);
    const config = tree.find('/zookeeper/config');
    tree.store.aclId[config] = tree.acls.intern(readOnlyAclBytes, 0, readOnlyAclBytes.length);
    tree.store.aversion[config] = -1;
    return tree;
  }

  get nodeCount(): number {
    return this.store.count;
  }

  // ---- TreeView ----------------------------------------------------------------------------------

  get slotEnd(): number {
    return this.store.slotEnd;
  }

  find(path: string): number {
    return this.store.find(path);
  }

  path(slot: number): string {
    return this.store.path(slot);
  }

  parent(slot: number): number {
    return this.store.parent(slot);
  }

  version(slot: number): number {
    return this.store.version[slot]!;
  }

  childCreations(slot: number): number {
    return this.store.creations[slot]!;
  }

  aclVersion(slot: number): number {
    return this.store.aversion[slot]!;
  }

  childCount(slot: number): number {
    return this.store.children[slot]!;
  }

  kind(slot: number): NodeKind {
    return this.store.kind[slot]! as NodeKind;
  }

  owner(slot: number): number {
    return this.store.owner[slot]!;
  }

  mzxid(slot: number): number {
    return this.store.mzxid[slot]!;
  }

  mtime(slot: number): number {
    return this.store.mtime[slot]!;
  }

  pzxid(slot: number): number {
    return this.store.pzxid[slot]!;
  }

  aclId(slot: number): number {
    return this.store.aclId[slot]!;
  }

  aclBytes(id: number): Buffer {
    return this.acls.bytes(id);
  }

  dataLength(slot: number): number {
    return this.store.dataLength[slot]!;
  }

  dataText(slot: number): string {
    return this.store.dataText(slot);
  }

  get quotaCount(): number {
    return this.quotas.size;
  }

  quotaOver(path: string): string | null {
    return this.quotas.over(path);
  }

  writeData(slot: number, out: Writer): void {
    const length = this.store.dataLength[slot]!;
    out.need(4 + Math.max(length, 0));
    out.i32(length);
    this.store.copyData(slot, out.bytes, out.at);
    out.at += Math.max(length, 0);
  }

  /** Stat in jute's order; cversion counts creations and deletions, as ZooKeeper derives it. */
  writeStat(slot: number, out: Writer): void {
    const { store } = this;
    const children = store.children[slot]!;
    out.need(68);
    out.i64(store.czxid[slot]!);
    out.i64(store.mzxid[slot]!);
    out.i64(store.ctime[slot]!);
    out.i64(store.mtime[slot]!);
    out.i32(store.version[slot]!);
    out.i32(store.creations[slot]! * 2 - children);
    out.i32(store.aversion[slot]!);
    out.i64(store.kind[slot] === nodeKind.ephemeral ? store.owner[slot]! : 0);
    out.i32(Math.max(store.dataLength[slot]!, 0));
    out.i32(children);
    out.i64(store.pzxid[slot]!);
  }

  eachChild(slot: number, visit: (name: string) => void): void {
    const { store } = this;
    const prefix = store.path(slot) === '/' ? 1 : store.path(slot).length + 1;
    for (let child = store.firstChild(slot); child !== -1; child = store.nextChild(child)) {
      visit(store.path(child).slice(prefix));
    }
  }

  descendants(slot: number): number {
    const { store } = this;
    if (store.path(slot) === '/') return store.count - 1;
    const open = [slot];
    let count = 0;
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      count += store.children[at]!;
      for (let child = store.firstChild(at); child !== -1; child = store.nextChild(child)) {
        if (store.children[child]! > 0) open.push(child);
      }
    }
    return count;
  }

  ephemeralCount(session: number): number {
    return this.table.get(session)?.ephemerals?.size ?? 0;
  }

  ephemerals(session: number): readonly number[] {
    return [...(this.table.get(session)?.ephemerals ?? [])];
  }

  session(id: number): Session | null {
    return this.table.get(id);
  }

  sessions(): Iterable<Session> {
    return this.table.all();
  }

  // ---- applying ----------------------------------------------------------------------------------

  /** Applies the txn under the cursor. `multi` hears of the parts of a multi. */
  apply(txn: TxnCursor, multi: MultiListener | null): void {
    assert(txn.zxid > this.lastZxid, 'txns are applied in order', txn.zxid, this.lastZxid);
    const body = this.#body.reset(txn.bytes, txn.bodyStart, txn.bodyEnd);
    this.lastSlot = -1;
    switch (txn.type as TxnType) {
      case txnType.createSession: {
        const timeoutMs = body.i32();
        const password = Uint8Array.prototype.slice.call(body.view(passwordBytes)) as Buffer;
        this.table.add(new Session(txn.zxid, timeoutMs, password, txn.origin));
        break;
      }
      case txnType.resumeSession: {
        const session = this.table.get(txn.session);
        assert(session !== null, 'a resumed session exists', txn.session);
        session.timeoutMs = body.i32();
        session.owner = txn.origin;
        break;
      }
      case txnType.closeSession:
        this.#closeSession(txn.session, txn.zxid);
        break;
      case txnType.multi:
        for (let left = body.i32(); left > 0; left--) {
          const type = body.u8() as TxnType;
          const end = body.i32() + body.at;
          this.#applyNode(type, body, txn.zxid, txn.time);
          assert(body.at === end, 'a part of a multi has its length', body.at, end);
          multi?.subApplied(type, this.lastPath, this.lastSlot);
        }
        break;
      case txnType.error:
      case txnType.multiError:
      case txnType.command:
        break;
      default:
        this.#applyNode(txn.type as TxnType, body, txn.zxid, txn.time);
    }
    this.quotas.settle();
    assert(!body.bad, 'a committed txn is well formed', txn.zxid);
    this.lastZxid = txn.zxid;
  }

  #applyNode(type: TxnType, body: Reader, zxid: number, time: number): void {
    switch (type) {
      case txnType.setData:
        this.#setData(body, zxid, time);
        break;
      case txnType.create:
      case txnType.create2:
        this.#create(body, zxid, time);
        break;
      case txnType.delete:
        this.lastPath = body.string();
        this.#delete(this.#existing(this.lastPath), zxid);
        this.lastSlot = -1;
        break;
      case txnType.setAcl:
        this.#setAcl(body);
        break;
      case txnType.reconfig:
        this.#write('/zookeeper/config', body, zxid, time);
        this.store.version[this.lastSlot] = -1;
        break;
      case txnType.sync:
        this.lastPath = body.string();
        break;
      case txnType.check:
        this.lastPath = body.string();
        this.lastSlot = -1;
        body.i32();
        break;
      case txnType.multi:
      case txnType.createSession:
      case txnType.resumeSession:
      case txnType.closeSession:
      case txnType.error:
      case txnType.multiError:
      case txnType.command:
        assert(false, 'this txn is no change of a node', type);
        break;
      default:
        unreachable(type);
    }
  }

  #setData(body: Reader, zxid: number, time: number): void {
    this.#write(body.string(), body, zxid, time);
    this.store.version[this.lastSlot] = body.i32();
  }

  /** Takes the data under the reader over. */
  #write(path: string, body: Reader, zxid: number, time: number): void {
    const slot = this.#existing(path);
    this.capture?.changing(slot);
    const { store } = this;
    const before = Math.max(store.dataLength[slot]!, 0);
    this.#data(slot, body);
    const bytesMore = Math.max(store.dataLength[slot]!, 0) - before;
    store.mzxid[slot] = zxid;
    store.mtime[slot] = time;
    this.lastSlot = slot;
    this.lastPath = path;
    this.quotas.changed(path, bytesMore);
    this.watches?.dataChanged(path, store.aclId[slot]!);
  }

  #create(body: Reader, zxid: number, time: number): void {
    const { store } = this;
    const path = body.string();
    const parentPath = parentOf(path);
    const parent = this.#existing(parentPath);
    assert(store.find(path) === -1, 'a node is created once', zxid);
    this.capture?.changing(parent);
    const slot = store.add(path);
    store.link(slot, parent);
    this.#data(slot, body);
    store.aclId[slot] = this.#acl(body);
    store.kind[slot] = body.u8();
    store.owner[slot] = body.i64();
    store.creations[parent] = body.i32();
    store.pzxid[parent] = zxid;
    store.czxid[slot] = store.mzxid[slot] = store.pzxid[slot] = zxid;
    store.ctime[slot] = store.mtime[slot] = time;
    if (store.kind[slot] !== nodeKind.persistent) this.enlist(slot);
    this.lastSlot = slot;
    this.lastPath = path;
    this.quotas.created(path, parentPath, Math.max(store.dataLength[slot]!, 0));
    this.watches?.nodeCreated(path, parentPath, store.aclId[slot]!, store.aclId[parent]!);
  }

  /** Remembers who ends a node that does not stay for ever. */
  enlist(slot: number): void {
    if (this.store.kind[slot] === nodeKind.ephemeral) this.table.own(this.store.owner[slot]!, slot);
    else this.reapable.add(slot);
  }

  #delete(slot: number, zxid: number): void {
    const { store } = this;
    const parent = store.parent(slot);
    const path = store.path(slot);
    this.capture?.changing(parent);
    if (store.kind[slot] === nodeKind.ephemeral) this.table.disown(store.owner[slot]!, slot);
    else if (store.kind[slot] !== nodeKind.persistent) this.reapable.delete(slot);
    const bytes = Math.max(store.dataLength[slot]!, 0);
    this.watches?.nodeDeleted(path, store.path(parent), store.aclId[slot]!, store.aclId[parent]!);
    store.remove(slot);
    store.pzxid[parent] = zxid;
    this.quotas.deleted(path, store.path(parent), bytes);
  }

  #setAcl(body: Reader): void {
    const path = body.string();
    const slot = this.#existing(path);
    this.capture?.changing(slot);
    const before = this.store.aclId[slot]!;
    this.store.aclId[slot] = this.#acl(body);
    this.acls.release(before);
    this.store.aversion[slot] = body.i32();
    this.lastSlot = slot;
    this.lastPath = path;
  }

  #closeSession(id: number, zxid: number): void {
    const session = this.table.get(id);
    assert(session !== null, 'a closed session existed', id);
    this.#deleteAll(this.table.disownAll(session), zxid);
    this.table.remove(id);
  }

  /** Deletes the nodes of a session that ends. They can be very many: what nobody asks for is not looked at. */
  #deleteAll(slots: readonly number[], zxid: number): void {
    const { capture, quotas, store, watches } = this;
    for (const slot of slots) {
      const parent = store.parent(slot);
      capture?.changing(parent);
      store.pzxid[parent] = zxid;
    }
    quotas.deletedAll(slots);
    store.bury(slots);
    if (watches !== null && watches.count > 0)
      for (const slot of slots) {
        const parent = store.parent(slot);
        watches.nodeDeleted(store.path(slot), store.path(parent), store.aclId[slot]!, store.aclId[parent]!);
      }
  }

  /** The last that is seen of a deleted node, maybe some turns after it was deleted. */
  #dropping(slot: number): void {
    this.capture?.changing(slot);
    this.acls.release(this.store.aclId[slot]!);
  }

  /** Takes the buffer under the reader as the node's data. */
  #data(slot: number, body: Reader): void {
    const length = body.i32();
    const { at } = body;
    body.skip(Math.max(length, 0));
    assert(!body.bad, 'the data of a node lies within its txn', length);
    this.store.setData(slot, length < 0 ? null : body.bytes, at, at + length);
  }

  /** Interns the vector<ACL> under the reader. */
  #acl(body: Reader): number {
    const start = body.at;
    for (let left = body.i32(); left > 0 && !body.bad; left--) {
      body.skip(4);
      body.skip(body.i32());
      body.skip(body.i32());
    }
    return this.acls.intern(body.bytes, start, body.at);
  }

  #existing(path: string): number {
    const slot = this.store.find(path);
    assert(slot !== -1, 'a txn changes a node that exists', this.lastZxid);
    return slot;
  }
}

const emptyData = new Uint8Array(0);
