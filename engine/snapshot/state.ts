/**
 * The whole state at one exact zxid, as chunks of bytes, while the server goes on writing.
 *
 *   slots   0 ─────────► cursor ─────────────► limit
 *           written      not yet               created after the capture began: not part of it
 *                          ▲
 *                          └ about to change: written first (copy before write)
 *
 * Chunks are sequences of records, each `u8 kind` and a body:
 *   1 head     i32 version · f64 zxid
 *   2 session  f64 id · i32 timeoutMs · i32 owner · 16 bytes password
 *   3 acl      i32 number · buffer vector<ACL>              before the first node that has it
 *   4 node     string path · buffer data · i32 acl number · u8 kind · f64 owner · f64 czxid mzxid pzxid
 *              ctime mtime · i32 version aversion creations
 *   6 machine  buffer: a piece of the state of the embedding program's machine, in order; after all nodes
 *   5 end      f64 nodes · f64 digest
 * Nodes come in any order, so a child may precede its parent; `Restore` links them at the end.
 */
import { Buffer } from 'node:buffer';
import { assert } from '../base/assert.ts';
import { Reader, Writer } from '../base/bytes.ts';
import { Session } from '../session/table.ts';
import { openAclBytes } from '../tree/acl-table.ts';
import { parentOf } from '../tree/paths.ts';
import { Tree, type BeforeChange } from '../tree/tree.ts';
import { nodeKind, passwordBytes } from '../txn/types.ts';

const formatVersion = 1;
const recordKind = { head: 1, session: 2, acl: 3, node: 4, end: 5, machine: 6 } as const;

/** A record lies within one chunk: larger pieces of a machine's state are cut. */
const pieceBytesMax = 256 * 1024;

/** Order-independent sum of hashes of everything; equal states have equal digests on any server. */
export class Digest {
  #sum = 0;

  add(bytes: Uint8Array, start: number, end: number): void {
    // Two multiplicative hashes of 32 bits, of which 53 are kept (cyrb53's mixing).
    let a = 0xdeadbeef;
    let b = 0x41c6ce57;
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!;
      a = Math.imul(a ^ byte, 2654435761);
      b = Math.imul(b ^ byte, 1597334677);
    }
    a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
    b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
    const hash = (b & 0xfffff) * 4294967296 + (a >>> 0);
    this.#sum = (this.#sum + hash) % 2 ** 52;
  }

  get value(): number {
    return this.#sum;
  }
}

/** Writes the state chunk by chunk; one at a time per tree, from construction to `end`. */
export class Capture implements BeforeChange {
  readonly zxid: number;
  readonly #tree: Tree;
  readonly #limit: number;
  /** 1: the node that was here when the capture began is not written yet. Its slot keeps it until then. */
  readonly #due: Uint8Array;
  readonly #chunkBytes: number;
  readonly #out = new Writer(64 * 1024);
  /** Chunks that nobody has taken yet, oldest first: one change may be worth many. */
  readonly #chunks: Buffer[] = [];
  readonly #scratch = new Writer(1024);
  readonly #digest = new Digest();
  readonly #acls = new Map<string, number>();
  readonly #machine: Iterator<Uint8Array, void>;
  /** Pulled when the capture begins, so that a generator has run up to its first `yield`. */
  #piece: IteratorResult<Uint8Array, void>;
  #cursor = 0;
  #nodes = 0;
  #ended = false;

  /**
   * @param chunkBytes a chunk ends with the record that makes it as large as this
   * @param machine the state of the program's own machine at this moment, if it has one
   */
  constructor(tree: Tree, chunkBytes: number, machine?: Iterable<Uint8Array>) {
    assert(tree.capture === null, 'one capture at a time');
    this.#tree = tree;
    this.zxid = tree.lastZxid;
    this.#limit = tree.store.slotEnd;
    this.#due = tree.store.here.slice(0, this.#limit);
    this.#chunkBytes = chunkBytes;
    this.#machine = piecesOf(machine);
    this.#piece = this.#machine.next();
    this.#out.u8(recordKind.head);
    this.#out.i32(formatVersion);
    this.#out.f64(this.zxid);
    for (const session of tree.sessions()) this.#session(session);
    tree.capture = this;
  }

  /** The next chunk, null after the last one. */
  next(): Buffer | null {
    while (this.#chunks.length === 0 && !this.#ended) {
      if (this.#cursor < this.#limit) this.#node(this.#cursor++);
      else this.#writeMachine();
    }
    return this.finished();
  }

  /** The next chunk if it is finished already, without any work. */
  finished(): Buffer | null {
    return this.#chunks.shift() ?? null;
  }

  /** Gives up: the tree no longer tells of its changes. */
  stop(): void {
    this.#ended = true;
    if (this.#tree.capture === this) this.#tree.capture = null;
  }

  changing(slot: number): void {
    if (slot >= this.#cursor && slot < this.#limit) this.#node(slot);
  }

  #session(session: Session): void {
    const start = this.#out.at;
    this.#out.u8(recordKind.session);
    writeSession(session, this.#out);
    this.#digest.add(this.#out.bytes, start, this.#out.at);
    this.#cut(this.#chunkBytes);
  }

  #node(slot: number): void {
    const { store, acls } = this.#tree;
    if (this.#due[slot] === 0) return;
    this.#due[slot] = 0;
    const acl = acls.bytes(store.aclId[slot]!);
    const number = this.#aclNumber(acl);
    this.#out.u8(recordKind.node);
    const at = this.#out.at;
    writeNode(this.#tree, slot, number, this.#out);
    addNode(this.#digest, this.#out.bytes, at, this.#out.at, acl, this.#scratch);
    this.#nodes++;
    this.#cut(this.#chunkBytes);
  }

  #aclNumber(acl: Buffer): number {
    if (acl === openAclBytes) return 0;
    // Keyed by content: an id may be given out again to another ACL while the capture goes on.
    const key = acl.toString('latin1');
    let number = this.#acls.get(key);
    if (number === undefined) {
      number = this.#acls.size + 1;
      this.#acls.set(key, number);
      this.#out.u8(recordKind.acl);
      this.#out.i32(number);
      this.#out.buffer(acl);
    }
    return number;
  }

  #writeMachine(): void {
    if (this.#piece.done === true) {
      this.#end();
      return;
    }
    const start = this.#out.at;
    this.#out.u8(recordKind.machine);
    this.#out.buffer(this.#piece.value);
    this.#digest.add(this.#out.bytes, start, this.#out.at);
    this.#cut(this.#chunkBytes);
    this.#piece = this.#machine.next();
  }

  #end(): void {
    this.#out.u8(recordKind.end);
    this.#out.f64(this.#nodes);
    this.#out.f64(this.#digest.value);
    this.#cut(0);
    this.stop();
  }

  /** Ends the chunk if it has so many bytes. */
  #cut(bytesMin: number): void {
    if (this.#out.at < bytesMin) return;
    this.#chunks.push(this.#out.copy());
    this.#out.clear();
  }
}

/** At least one, so that a state of no bytes is told from none. */
function* piecesOf(machine: Iterable<Uint8Array> | undefined): Generator<Uint8Array, void> {
  if (machine === undefined) return;
  let count = 0;
  for (const piece of machine) {
    for (let at = 0; at < piece.length; at += pieceBytesMax) {
      count++;
      yield piece.subarray(at, at + pieceBytesMax);
    }
  }
  if (count === 0) yield new Uint8Array(0);
}

function writeSession(session: Session, out: Writer): void {
  out.f64(session.id);
  out.i32(session.timeoutMs);
  out.i32(session.owner);
  out.raw(session.password);
}

/** The ACL number comes first, so that the rest is the same bytes whatever the numbering. */
function writeNode(tree: Tree, slot: number, aclNumber: number, out: Writer): void {
  const { store } = tree;
  out.i32(aclNumber);
  out.string(store.path(slot));
  tree.writeData(slot, out);
  out.u8(store.kind[slot]!);
  out.f64(store.owner[slot]!);
  out.f64(store.czxid[slot]!);
  out.f64(store.mzxid[slot]!);
  out.f64(store.pzxid[slot]!);
  out.f64(store.ctime[slot]!);
  out.f64(store.mtime[slot]!);
  out.i32(store.version[slot]!);
  out.i32(store.aversion[slot]!);
  out.i32(store.creations[slot]!);
}

/** Adds a node's record with its ACL in full instead of its number. */
function addNode(digest: Digest, bytes: Uint8Array, at: number, end: number, acl: Buffer, scratch: Writer): void {
  scratch.clear();
  scratch.raw(acl);
  scratch.raw(bytes, at + 4, end);
  digest.add(scratch.bytes, 0, scratch.at);
}

/** Digest of a state as it is now; walks everything, so it is for tests, tools and snapshots. */
export function digestOf(tree: Tree): number {
  const digest = new Digest();
  const out = new Writer(1024);
  const scratch = new Writer(1024);
  for (const session of tree.sessions()) {
    out.clear();
    out.u8(recordKind.session);
    writeSession(session, out);
    digest.add(out.bytes, 0, out.at);
  }
  for (let slot = 0; slot < tree.store.slotEnd; slot++) {
    if (!tree.store.used(slot)) continue;
    out.clear();
    writeNode(tree, slot, 0, out);
    addNode(digest, out.bytes, 0, out.at, tree.acls.bytes(tree.store.aclId[slot]!), scratch);
  }
  return digest.value;
}

/** Builds a tree from the chunks of a capture, in order. Bad bytes give an error text, never a throw. */
export class Restore {
  readonly #tree = new Tree();
  readonly #reader = new Reader();
  readonly #digest = new Digest();
  readonly #scratch = new Writer(1024);
  readonly #acls = new Map<number, Buffer>([[0, openAclBytes]]);
  /** The state of the embedding program's machine, in pieces; null: it had none. */
  machine: Buffer[] | null = null;
  #zxid = -1;
  #nodes = 0;
  #ended = false;

  /** Takes the next chunk; returns null, or what is wrong with it. */
  chunk(bytes: Buffer): string | null {
    const reader = this.#reader.reset(bytes);
    while (reader.left > 0) {
      if (this.#ended) return 'bytes after the end record';
      const start = reader.at;
      const kind = reader.u8();
      const error = this.#record(kind, start, reader);
      if (error !== null) return error;
      if (reader.bad) return `a record of kind ${kind} does not fit its chunk`;
    }
    return null;
  }

  /** The tree, or why there is none. */
  finish(): Tree | string {
    if (!this.#ended) return 'the end record is missing';
    const { store, table } = this.#tree;
    if (store.find('/') === -1) return 'the root is missing';
    for (let slot = 0; slot < store.slotEnd; slot++) {
      const path = store.path(slot);
      if (path === '/') continue;
      const parent = store.find(parentOf(path));
      if (parent === -1) return `${path} has no parent`;
      store.link(slot, parent);
      const kind = store.kind[slot]!;
      if (kind > nodeKind.ttl) return `${path} is of a kind that is not known here`;
      if (kind === nodeKind.ephemeral && table.get(store.owner[slot]!) === null)
        return `${path} belongs to a session that is not there`;
      if (kind !== nodeKind.persistent) this.#tree.enlist(slot);
      this.#tree.quotas.enlist(path);
    }
    this.#tree.lastZxid = this.#zxid;
    return this.#tree;
  }

  #record(kind: number, start: number, reader: Reader): string | null {
    if (this.#zxid === -1 && kind !== recordKind.head) return 'the head record is missing';
    switch (kind) {
      case recordKind.head: {
        const version = reader.i32();
        this.#zxid = reader.f64();
        return version === formatVersion ? null : `version ${version} of the state format is not known here`;
      }
      case recordKind.session:
        return this.#session(start, reader);
      case recordKind.acl: {
        const number = reader.i32();
        this.#acls.set(number, Buffer.from(reader.buffer() ?? []));
        return null;
      }
      case recordKind.node:
        return this.#node(reader);
      case recordKind.machine: {
        const piece = reader.buffer();
        if (piece === null || reader.bad) return 'a piece of the machine is malformed';
        (this.machine ??= []).push(Buffer.from(piece));
        this.#digest.add(reader.bytes, start, reader.at);
        return null;
      }
      case recordKind.end: {
        this.#ended = true;
        if (reader.f64() !== this.#nodes) return 'nodes are missing';
        return reader.f64() === this.#digest.value ? null : 'the digest does not match';
      }
      default:
        return `record kind ${kind} is not known`;
    }
  }

  #session(start: number, reader: Reader): string | null {
    const id = reader.f64();
    const timeoutMs = reader.i32();
    const owner = reader.i32();
    const password = Buffer.from(reader.view(passwordBytes));
    if (reader.bad) return null;
    if (this.#tree.table.get(id) !== null) return 'a session comes twice';
    this.#tree.table.add(new Session(id, timeoutMs, password, owner));
    this.#digest.add(reader.bytes, start, reader.at);
    return null;
  }

  #node(reader: Reader): string | null {
    const { store, acls } = this.#tree;
    const at = reader.at;
    const acl = this.#acls.get(reader.i32());
    if (acl === undefined) return 'an ACL is missing';
    const path = reader.string();
    const data = reader.buffer();
    if (reader.bad || !path.startsWith('/')) return 'a path is malformed';
    if (store.find(path) !== -1) return `${path} comes twice`;
    const slot = store.add(path);
    if (data !== null) store.setData(slot, data, 0, data.length);
    store.aclId[slot] = acls.intern(acl, 0, acl.length);
    store.kind[slot] = reader.u8();
    store.owner[slot] = reader.f64();
    store.czxid[slot] = reader.f64();
    store.mzxid[slot] = reader.f64();
    store.pzxid[slot] = reader.f64();
    store.ctime[slot] = reader.f64();
    store.mtime[slot] = reader.f64();
    store.version[slot] = reader.i32();
    store.aversion[slot] = reader.i32();
    store.creations[slot] = reader.i32();
    if (reader.bad) return null;
    addNode(this.#digest, reader.bytes, at, reader.at, acl, this.#scratch);
    this.#nodes++;
    return null;
  }
}
