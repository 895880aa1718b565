/**
 * Where znodes lie: columns of numbers, a slab of data and an index from path to slot.
 *
 *   slot     0     1     2   …        parent ─► firstChild ─► nextSibling ─► …   (a ring of siblings)
 *   czxid  │     │     │     │
 *   mzxid  │     │     │     │        A znode is a slot: a small integer, given out again after a
 *   data   │ ref │ ref │ ref │ ──►    delete. No object per znode, nothing for the collector to walk.
 *
 * Nobody outside this file knows the layout. `Tree` keeps the rules; this keeps the numbers.
 */
import { Buffer } from 'node:buffer';
import { assert } from '../base/assert.ts';
import { Slab } from './slab.ts';

/** V8 caps a Map at 2**24 entries: sixteen of them hold 2**28 paths if these are spread evenly, else fewer. */
const shardBits = 4;

/**
 * Columns double up to so many slots, and then have room for as many as few trees ever have: moving a million slots
 * takes 0.4 s, and room costs nothing. The system hands out zeroed memory page by page as it is touched, and V8 does
 * not count what could be shared; for each 64 MB that it counts, it collects garbage.
 */
const smallSlots = 2 ** 14;
const roomySlots = 2 ** 22;

/**
 * The part of the index that a path lies in. Paths of one shape differ here or there, at the end
 * (`/queue/n-0000000042`) or before it (`/x/<uuid>/lock`): so characters from all over the path count, up to sixteen.
 */
export function shardOf(path: string): number {
  const step = (path.length >>> 4) + 1;
  let hash = 0;
  for (let at = path.length - 1; at >= 0; at -= step) hash = (hash * 31 + path.charCodeAt(at)) | 0;
  return Math.imul(hash, 0x9e3779b1) >>> (32 - shardBits);
}

export class Store {
  /** Znodes present. */
  count = 0;
  /** Slots ever used: every slot is below this. */
  slotEnd = 0;
  /** Sum of the lengths of all data and of all paths that are in memory, bytes (ZooKeeper's approximate_data_size). */
  approximateBytes = 0;

  czxid = new Float64Array(1024);
  mzxid = new Float64Array(1024);
  pzxid = new Float64Array(1024);
  ctime = new Float64Array(1024);
  mtime = new Float64Array(1024);
  /** Session of an ephemeral node, ttl of a TTL node, else 0. */
  owner = new Float64Array(1024);
  version = new Int32Array(1024);
  aversion = new Int32Array(1024);
  /** Children ever created here: ZooKeeper's internal cversion. */
  creations = new Int32Array(1024);
  aclId = new Int32Array(1024);
  children = new Int32Array(1024);
  kind = new Uint8Array(1024);
  /** -1: null data. */
  dataLength = new Int32Array(1024);
  /** 1: a node is here. What a deleted one was may still be looked at for a while. */
  here = new Uint8Array(1024);

  #dataRef = new Uint32Array(1024);
  #parent = new Int32Array(1024);
  #firstChild = new Int32Array(1024);
  #next = new Int32Array(1024);
  #previous = new Int32Array(1024);
  readonly #paths: string[] = [];
  readonly #free: number[] = [];
  /** Slots of deleted nodes that the index still leads to, oldest first from #buriedHead on. */
  readonly #buried: number[] = [];
  #buriedHead = 0;
  /** Somebody walks slots over several turns: what was buried from here on keeps its path. -1: nobody does. */
  #keptFrom = -1;
  readonly #slab = new Slab();
  readonly #index: Map<string, number>[] = Array.from({ length: 1 << shardBits }, () => new Map<string, number>());
  readonly #dropping: (slot: number) => void;

  /** @param dropping called before what a deleted node held is dropped */
  constructor(dropping: (slot: number) => void = () => {}) {
    this.#dropping = dropping;
  }

  /** Slot of the node at `path`, -1 when there is none. */
  find(path: string): number {
    const slot = this.#shard(path).get(path);
    return slot === undefined || this.here[slot] === 0 ? -1 : slot;
  }

  used(slot: number): boolean {
    return slot < this.slotEnd && this.here[slot] === 1;
  }

  path(slot: number): string {
    return this.#paths[slot]!;
  }

  /** Takes a slot for `path`, with all numbers zero and null data, outside the sibling rings. */
  add(path: string): number {
    const slot = this.#free.pop() ?? this.slotEnd++;
    if (slot === this.czxid.length) this.#grow();
    assert(this.here[slot] === 0, 'a new slot is free', slot);
    this.here[slot] = 1;
    this.#paths[slot] = path;
    this.#shard(path).set(path, slot);
    this.dataLength[slot] = -1;
    this.#firstChild[slot] = -1;
    this.#parent[slot] = -1;
    this.czxid[slot] = this.mzxid[slot] = this.pzxid[slot] = 0;
    this.ctime[slot] = this.mtime[slot] = this.owner[slot] = 0;
    this.version[slot] = this.aversion[slot] = this.creations[slot] = 0;
    this.aclId[slot] = this.children[slot] = this.kind[slot] = 0;
    this.count++;
    this.approximateBytes += path.length;
    return slot;
  }

  /** Makes `slot` the last child of `parent`. */
  link(slot: number, parent: number): void {
    const first = this.#firstChild[parent]!;
    if (first === -1) {
      this.#firstChild[parent] = slot;
      this.#next[slot] = this.#previous[slot] = slot;
    } else {
      const last = this.#previous[first]!;
      this.#next[last] = slot;
      this.#previous[slot] = last;
      this.#next[slot] = first;
      this.#previous[first] = slot;
    }
    this.#parent[slot] = parent;
    this.children[parent]!++;
  }

  /** Takes a node without children from its parent; its slot is given out again. */
  remove(slot: number): void {
    this.#unlink(slot);
    this.#drop(slot);
    if (this.#keptFrom >= 0) this.#buried.push(slot);
    else this.#release(slot);
  }

  /** The same for many: they are gone at once, and what they take up, the larger part of the work, `tidy` frees. */
  bury(slots: readonly number[]): void {
    for (let at = 0; at < slots.length; at++) {
      this.#unlink(slots[at]!);
      this.#buried.push(slots[at]!);
    }
  }

  /** Frees up to `count` buried slots; true when there are more that nobody walks. */
  tidy(count: number): boolean {
    const buried = this.#buried;
    if (buried.length === 0) return false;
    const free = this.#keptFrom >= 0 ? this.#keptFrom : buried.length;
    const end = Math.min(free, this.#buriedHead + count);
    while (this.#buriedHead < end) {
      const slot = buried[this.#buriedHead++]!;
      this.#drop(slot);
      this.#release(slot);
    }
    const isMore = end < free;
    // What is done with is cut off when it is the larger part.
    if (this.#buriedHead * 2 >= buried.length) {
      buried.splice(0, this.#buriedHead);
      if (this.#keptFrom >= 0) this.#keptFrom -= this.#buriedHead;
      this.#buriedHead = 0;
    }
    return isMore;
  }

  #unlink(slot: number): void {
    assert(this.children[slot] === 0, 'a node with children stays', slot);
    const parent = this.#parent[slot]!;
    const next = this.#next[slot]!;
    if (next === slot) {
      this.#firstChild[parent] = -1;
    } else {
      const previous = this.#previous[slot]!;
      this.#next[previous] = next;
      this.#previous[next] = previous;
      if (this.#firstChild[parent] === slot) this.#firstChild[parent] = next;
    }
    this.children[parent]!--;
    this.here[slot] = 0;
    this.count--;
  }

  /** Drops what a deleted node held; when it is dropped already there is nothing. */
  #drop(slot: number): void {
    this.#dropping(slot);
    this.setData(slot, null, 0, 0);
    this.aclId[slot] = 0;
  }

  #release(slot: number): void {
    const path = this.#paths[slot]!;
    const shard = this.#shard(path);
    // A node may have been made at the same path while this one was buried.
    if (shard.get(path) === slot) shard.delete(path);
    this.approximateBytes -= path.length;
    this.#paths[slot] = '';
    this.#free.push(slot);
  }

  /** From now on the path of a slot stays, though its node may go; one walk at a time. */
  keepPaths(): void {
    assert(this.#keptFrom < 0, 'nobody else keeps paths');
    this.#keptFrom = this.#buried.length;
  }

  letGoOfPaths(): void {
    assert(this.#keptFrom >= 0, 'paths were kept');
    this.#keptFrom = -1;
  }

  /** Slots of all children. */
  childSlots(slot: number): Int32Array {
    const slots = new Int32Array(this.children[slot]!);
    let count = 0;
    for (let child = this.firstChild(slot); child !== -1; child = this.nextChild(child)) slots[count++] = child;
    return slots;
  }

  parent(slot: number): number {
    return this.#parent[slot]!;
  }

  /** First child, -1 when there is none; walk on with `nextChild`. */
  firstChild(slot: number): number {
    return this.#firstChild[slot]!;
  }

  /** The sibling after `child`, -1 after the last one. */
  nextChild(child: number): number {
    const next = this.#next[child]!;
    return next === this.#firstChild[this.#parent[child]!] ? -1 : next;
  }

  /** Copies `source[start, end)` as the node's data; null source: null data. */
  setData(slot: number, source: Uint8Array | null, start: number, end: number): void {
    const oldLength = this.dataLength[slot]!;
    const length = source === null ? -1 : end - start;
    if (source === null) this.#slab.remove(this.#dataRef[slot]!, oldLength);
    else this.#dataRef[slot] = this.#slab.replace(this.#dataRef[slot]!, oldLength, source, start, end);
    this.dataLength[slot] = length;
    this.approximateBytes += Math.max(length, 0) - Math.max(oldLength, 0);
  }

  /** Copies the node's data to `target` at `at`. */
  copyData(slot: number, target: Buffer, at: number): void {
    this.#slab.copy(this.#dataRef[slot]!, this.dataLength[slot]!, target, at);
  }

  /** The node's data as text, one character for each byte; null data is no text. */
  dataText(slot: number): string {
    const data = Buffer.allocUnsafe(Math.max(this.dataLength[slot]!, 0));
    this.copyData(slot, data, 0);
    return data.toString('latin1');
  }

  #shard(path: string): Map<string, number> {
    return this.#index[shardOf(path)]!;
  }

  #grow(): void {
    const slots = this.czxid.length;
    const size = slots < smallSlots ? slots * 2 : Math.max(slots * 2, roomySlots);
    this.czxid = grown(this.czxid, size);
    this.mzxid = grown(this.mzxid, size);
    this.pzxid = grown(this.pzxid, size);
    this.ctime = grown(this.ctime, size);
    this.mtime = grown(this.mtime, size);
    this.owner = grown(this.owner, size);
    this.version = grown(this.version, size);
    this.aversion = grown(this.aversion, size);
    this.creations = grown(this.creations, size);
    this.aclId = grown(this.aclId, size);
    this.children = grown(this.children, size);
    this.kind = grown(this.kind, size);
    this.dataLength = grown(this.dataLength, size);
    this.here = grown(this.here, size);
    this.#dataRef = grown(this.#dataRef, size);
    this.#parent = grown(this.#parent, size);
    this.#firstChild = grown(this.#firstChild, size);
    this.#next = grown(this.#next, size);
    this.#previous = grown(this.#previous, size);
  }
}

function grown<T extends Float64Array | Int32Array | Uint32Array | Uint8Array>(from: T, slots: number): T {
  const Column = from.constructor as new (room: number | SharedArrayBuffer) => T;
  const to = new Column(slots < roomySlots ? slots : new SharedArrayBuffer(slots * from.BYTES_PER_ELEMENT));
  to.set(from);
  return to;
}
