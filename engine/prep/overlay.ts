/**
 * The tree as it will be once everything in flight is applied.
 *
 *   prepared txns   z1   z2   z3   z4            a change remembers the last txn that touched its node
 *                    └ applied ┘  └ in flight ┘   and goes away once that one is applied
 *
 * ZooKeeper calls these outstanding changes. Records are pooled: preparing a write allocates nothing
 * but the path. A multi that fails halfway is undone from a log of what its parts changed (forgetting
 * that was ZOOKEEPER-1624 and 2052).
 */
import type { Buffer } from 'node:buffer';
import { assert } from '../base/assert.ts';
import { nodeKind, type NodeKind } from '../txn/types.ts';
import { parentOf } from '../tree/paths.ts';
import type { TreeView } from '../tree/view.ts';
import { ClosedSessions } from './closed-sessions.ts';
import { QuotaLedger, type QuotaRules } from './quota-ledger.ts';

/** The ephemeral nodes of a closing session get a record each up to this many. */
const ephemeralsRecordedMax = 1000;
/** Records that are kept for later; more of them are in use in rare bursts only. */
const pooledMax = 65536;

/** One node with all txns in flight counted in. */
export class Change {
  path = '';
  exists = false;
  version = 0;
  creations = 0;
  children = 0;
  /** Bytes of data, 0 for null. */
  dataBytes = 0;
  aclVersion = 0;
  /** vector<ACL>; null stands for `world:anyone` with all rights. */
  acl: Buffer | null = null;
  kind: NodeKind = nodeKind.persistent;
  owner = 0;
  /** The last txn that changed it. */
  zxid = 0;

  copyFrom(other: Change): void {
    this.path = other.path;
    this.exists = other.exists;
    this.version = other.version;
    this.creations = other.creations;
    this.children = other.children;
    this.dataBytes = other.dataBytes;
    this.aclVersion = other.aclVersion;
    this.acl = other.acl;
    this.kind = other.kind;
    this.owner = other.owner;
    this.zxid = other.zxid;
  }
}

export class Overlay {
  readonly quotas: QuotaLedger;
  readonly #tree: TreeView;
  readonly #changes = new Map<string, Change>();
  readonly #pool: Change[] = [];
  /** Ring of (zxid, change) in the order of preparation. */
  #zxids = new Float64Array(1024);
  #touched: (Change | null)[] = Array.from({ length: 1024 }, () => null);
  #head = 0;
  #length = 0;
  /** Ephemeral nodes made in flight and present, by session: what a close must count as deleted. */
  readonly #ephemerals = new Map<number, Set<string>>();
  /** Undo log of a multi: what each node was that it touched; null outside a multi. */
  #undo: { change: Change; before: Change; fresh: boolean }[] | null = null;
  readonly #scratch = new Change();
  readonly #closed: ClosedSessions;
  readonly #recordedMax: number;

  constructor(tree: TreeView, rules: QuotaRules, recordedMax = ephemeralsRecordedMax) {
    this.#tree = tree;
    this.#closed = new ClosedSessions(tree);
    this.#recordedMax = recordedMax;
    this.quotas = new QuotaLedger(tree, rules);
  }

  /**
   * The node at `path` as it will be, null when there will be none. Valid until the next call:
   * only `touch` makes it a lasting change.
   */
  find(path: string): Change | null {
    const change = this.#changes.get(path);
    if (change !== undefined) return change.exists ? change : null;
    const slot = this.#slotOf(path);
    if (slot === -1) return null;
    const found = this.#scratch;
    this.#load(found, path, slot);
    return found;
  }

  /** The lasting record of the node at `path`, marked as changed by `zxid`; made if need be. */
  touch(path: string, zxid: number): Change {
    let change = this.#changes.get(path);
    const fresh = change === undefined;
    if (change === undefined) {
      change = this.#pool.pop() ?? new Change();
      const slot = this.#slotOf(path);
      if (slot === -1) this.#blank(change, path);
      else this.#load(change, path, slot);
      this.#changes.set(path, change);
    }
    if (change.zxid === zxid) return change;
    if (this.#undo === null) {
      this.#enqueue(zxid, change);
    } else {
      const before = this.#pool.pop() ?? new Change();
      before.copyFrom(change);
      this.#undo.push({ change, before, fresh });
    }
    change.zxid = zxid;
    return change;
  }

  /** Marks a node as created by the present txn. */
  create(path: string, zxid: number, dataBytes: number, kind: NodeKind, owner: number, acl: Buffer | null): void {
    const change = this.touch(path, zxid);
    assert(!change.exists, 'a node is created once', zxid);
    change.exists = true;
    change.version = change.creations = change.children = change.aclVersion = 0;
    change.dataBytes = dataBytes;
    change.kind = kind;
    change.owner = owner;
    change.acl = acl;
    this.quotas.charge(path, dataBytes, 1, zxid);
    if (kind === nodeKind.ephemeral) this.#own(owner, path);
  }

  remove(path: string, zxid: number): void {
    const change = this.touch(path, zxid);
    assert(change.exists, 'a node is deleted once', zxid);
    this.#disown(change);
    change.exists = false;
    this.quotas.charge(path, -change.dataBytes, -1, zxid);
  }

  /** Deletes a node together with its place among its parent's children. */
  unlink(path: string, zxid: number): void {
    this.touch(parentOf(path), zxid).children--;
    this.remove(path, zxid);
  }

  /** Sets the length of the data of a node that was touched. */
  resize(change: Change, dataBytes: number): void {
    this.quotas.charge(change.path, dataBytes - change.dataBytes, 0, change.zxid);
    change.dataBytes = dataBytes;
  }

  /** Deletes the ephemeral nodes of a session that ends. */
  closeSession(session: number, zxid: number): void {
    if (this.#tree.ephemeralCount(session) > this.#recordedMax) {
      this.#closeLarge(session, zxid);
      return;
    }
    const paths = new Set<string>(this.#ephemerals.get(session) ?? []);
    for (const slot of this.#tree.ephemerals(session)) {
      const path = this.#tree.path(slot);
      const change = this.#changes.get(path);
      if (change === undefined || (change.exists && isEphemeralOf(change, session))) paths.add(path);
    }
    for (const path of paths) this.unlink(path, zxid);
  }

  /** Nodes with something in flight are deleted one by one, all others at once. */
  #closeLarge(session: number, zxid: number): void {
    const tree = this.#tree;
    const changed = new Set<number>();
    const changedAndOurs: string[] = [];
    for (const change of this.#changes.values()) {
      if (change.exists && isEphemeralOf(change, session)) changedAndOurs.push(change.path);
      changed.add(tree.find(change.path));
    }
    for (const path of changedAndOurs) this.unlink(path, zxid);
    const slots = tree.ephemerals(session).filter((slot) => !changed.has(slot));
    if (tree.quotaCount > 0)
      for (const slot of slots) this.quotas.charge(tree.path(slot), -Math.max(tree.dataLength(slot), 0), -1, zxid);
    for (const [parent, count] of this.#closed.add(session, zxid, slots)) {
      const change = this.#changes.get(tree.path(parent));
      if (change !== undefined) change.children -= count;
    }
  }

  /** Everything up to `zxid` is in the tree now. */
  applied(zxid: number): void {
    while (this.#length > 0 && this.#zxids[this.#head]! <= zxid) {
      const at = this.#head;
      const change = this.#touched[at]!;
      if (change.zxid === this.#zxids[at]) this.#forget(change);
      this.#touched[at] = null;
      this.#head = (at + 1) & (this.#touched.length - 1);
      this.#length--;
    }
    this.quotas.applied(zxid);
    this.#closed.applied(zxid);
  }

  /** Starts remembering how to undo; ends with `keep` or `undo`. */
  beginMulti(): void {
    this.#undo = [];
    this.quotas.beginMulti();
  }

  keepMulti(zxid: number): void {
    const undo = this.#undo!;
    this.#undo = null;
    this.quotas.keepMulti();
    for (const { change, before } of undo) {
      this.#enqueue(zxid, change);
      this.#release(before);
    }
  }

  undoMulti(): void {
    const undo = this.#undo!;
    this.#undo = null;
    this.quotas.undoMulti();
    for (let i = undo.length - 1; i >= 0; i--) {
      const { change, before, fresh } = undo[i]!;
      if (change.exists) this.#disown(change);
      change.copyFrom(before);
      if (change.exists && change.kind === nodeKind.ephemeral) this.#own(change.owner, change.path);
      if (fresh) {
        this.#disown(change);
        this.#changes.delete(change.path);
        this.#release(change);
      }
      this.#release(before);
    }
  }

  #slotOf(path: string): number {
    const slot = this.#tree.find(path);
    return slot !== -1 && this.#closed.size > 0 && this.#closed.take(slot) ? -1 : slot;
  }

  #load(change: Change, path: string, slot: number): void {
    const tree = this.#tree;
    const aclId = tree.aclId(slot);
    change.path = path;
    change.exists = true;
    change.version = tree.version(slot);
    change.creations = tree.childCreations(slot);
    change.children = tree.childCount(slot) - (this.#closed.size > 0 ? this.#closed.lostBy(slot) : 0);
    change.dataBytes = Math.max(tree.dataLength(slot), 0);
    change.aclVersion = tree.aclVersion(slot);
    change.acl = aclId === 0 ? null : tree.aclBytes(aclId);
    change.kind = tree.kind(slot);
    change.owner = tree.owner(slot);
    change.zxid = 0;
  }

  #blank(change: Change, path: string): void {
    change.path = path;
    change.exists = false;
    change.version = change.creations = change.children = change.aclVersion = change.dataBytes = 0;
    change.acl = null;
    change.kind = nodeKind.persistent;
    change.owner = 0;
    change.zxid = 0;
  }

  #own(session: number, path: string): void {
    const paths = this.#ephemerals.get(session);
    if (paths === undefined) this.#ephemerals.set(session, new Set([path]));
    else paths.add(path);
  }

  #disown({ kind, owner, path }: Change): void {
    if (kind !== nodeKind.ephemeral) return;
    const paths = this.#ephemerals.get(owner);
    if (paths?.delete(path) === true && paths.size === 0) this.#ephemerals.delete(owner);
  }

  #forget(change: Change): void {
    this.#changes.delete(change.path);
    this.#disown(change);
    this.#release(change);
  }

  #release(change: Change): void {
    change.acl = null;
    if (this.#pool.length < pooledMax) this.#pool.push(change);
  }

  #enqueue(zxid: number, change: Change): void {
    if (this.#length === this.#touched.length) this.#grow();
    const at = (this.#head + this.#length) & (this.#touched.length - 1);
    this.#zxids[at] = zxid;
    this.#touched[at] = change;
    this.#length++;
  }

  #grow(): void {
    const size = this.#touched.length;
    const zxids = new Float64Array(size * 2);
    const touched: (Change | null)[] = Array.from({ length: size * 2 }, () => null);
    for (let i = 0; i < size; i++) {
      const from = (this.#head + i) & (size - 1);
      zxids[i] = this.#zxids[from]!;
      touched[i] = this.#touched[from]!;
    }
    this.#zxids = zxids;
    this.#touched = touched;
    this.#head = 0;
  }
}

/** The number alone does not tell: it is a ttl in other nodes. */
function isEphemeralOf({ kind, owner }: Change, session: number): boolean {
  return kind === nodeKind.ephemeral && owner === session;
}
