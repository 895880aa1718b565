/**
 * A batch: the unit of agreement, of the log and of the peer frames.
 *
 * The leader encodes it once; the same bytes go to its log, to the peers and into their logs.
 *
 *   offset  0  u32  length     of the whole batch
 *           4  u32  crc32      of everything after this field
 *           8  f64  prev       zxid of the last txn before this batch
 *          16  f64  first      zxid of the first txn in it
 *          24  f64  time       the leader's wall clock, ms: ctime and mtime of all its txns
 *          32  u32  count      txns; their zxids are first, first + 1, …
 *          36  txns            see below
 *
 *   txn  u8 type · u8 origin · i32 cxid · u64 session · u32 length of body · body
 *
 * `origin` is the id of the server whose client asked (it alone answers), 0 for the leader itself.
 * The body is opaque here; `txn/bodies.ts` knows it.
 */
import { Buffer } from 'node:buffer';
import { assert } from '../base/assert.ts';
import { batchTxnsMax } from '../base/limits.ts';
import { isZxid } from '../base/zxid.ts';

export const batchHeaderBytes = 36;
export const txnHeaderBytes = 18;

/** CRC-32 (the zlib polynomial) of `bytes[start, end)`; the host lends a native one. */
export type Checksum = (bytes: Uint8Array, start: number, end: number) => number;

/** What consensus and the log know of a batch. Immutable once made. */
export interface Batch {
  /** zxid before the batch: a batch may only follow exactly this position. */
  readonly prev: number;
  readonly first: number;
  readonly last: number;
  readonly count: number;
  readonly time: number;
  readonly bytes: Buffer;
}

/**
 * Encodes txns one after another into a scratch buffer and cuts a batch from it.
 *
 *   begin(prev, first, time) → openTxn … body via `writer` … closeTxn → … → finish() → Batch
 */
export class BatchWriter {
  bytes: Buffer = Buffer.allocUnsafeSlow(64 * 1024);
  at = 0;
  count = 0;
  first = 0;
  prev = 0;
  time = 0;
  readonly #checksum: Checksum;

  constructor(checksum: Checksum) {
    this.#checksum = checksum;
  }

  begin(prev: number, first: number, time: number): void {
    this.prev = prev;
    this.first = first;
    this.time = time;
    this.count = 0;
    this.at = batchHeaderBytes;
  }

  /** zxid that the next txn will get. */
  get nextZxid(): number {
    return this.first + this.count;
  }

  /** Appends one txn whose body is `body[start, end)`. */
  add(type: number, origin: number, session: number, cxid: number, body: Uint8Array, start: number, end: number): void {
    assert(this.count < batchTxnsMax, 'a batch is bounded in txns', this.count);
    const length = end - start;
    const needed = this.at + txnHeaderBytes + length;
    if (needed > this.bytes.length) this.#grow(needed);
    const b = this.bytes;
    let at = this.at;
    b[at] = type;
    b[at + 1] = origin;
    put32(b, at + 2, cxid);
    put32(b, at + 6, Math.floor(session / 4294967296));
    put32(b, at + 10, session >>> 0);
    put32(b, at + 14, length);
    at += txnHeaderBytes;
    if (length < 64) {
      for (let i = start; i < end; i++) b[at++] = body[i]!;
    } else {
      b.set(body.subarray(start, end), at);
      at += length;
    }
    this.at = at;
    this.count++;
  }

  finish(): Batch {
    assert(this.count > 0, 'a batch holds a txn');
    const bytes = Buffer.allocUnsafeSlow(this.at);
    this.bytes.copy(bytes, 0, 0, this.at);
    put32(bytes, 0, this.at);
    bytes.writeDoubleBE(this.prev, 8);
    bytes.writeDoubleBE(this.first, 16);
    bytes.writeDoubleBE(this.time, 24);
    put32(bytes, 32, this.count);
    put32(bytes, 4, this.#checksum(bytes, 8, this.at));
    return {
      prev: this.prev,
      first: this.first,
      last: this.first + this.count - 1,
      count: this.count,
      time: this.time,
      bytes,
    };
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(grown, 0, 0, this.at);
    this.bytes = grown;
  }
}

/**
 * Reads the batch at the start of `bytes`, which must hold it exactly.
 * Returns null when a length, the checksum or a zxid does not fit: a torn or foreign batch.
 *
 * The checksum may fit and the rest not, when it was written by somebody else. A batch that cannot be
 * walked must get no further: once it is in a log, its server fails at every start.
 */
export function decodeBatch(bytes: Buffer, checksum: Checksum): Batch | null {
  if (bytes.length < batchHeaderBytes || get32(bytes, 0) !== bytes.length) return null;
  if (get32(bytes, 4) !== checksum(bytes, 8, bytes.length)) return null;
  const prev = bytes.readDoubleBE(8);
  const first = bytes.readDoubleBE(16);
  const time = bytes.readDoubleBE(24);
  const count = get32(bytes, 32);
  const last = first + count - 1;
  if (![prev, first, last].every(isZxid) || first <= prev || !Number.isFinite(time)) return null;
  if (count === 0 || count > batchTxnsMax || !isFilled(bytes, count)) return null;
  return { prev, first, last, count, time, bytes };
}

/** Whether the txns end exactly where the batch does. */
function isFilled(bytes: Buffer, count: number): boolean {
  let at = batchHeaderBytes;
  for (let left = count; left > 0 && at + txnHeaderBytes <= bytes.length; left--) {
    at += txnHeaderBytes + get32(bytes, at + txnHeaderBytes - 4);
    if (left === 1) return at === bytes.length;
  }
  return false;
}

/** Walks the txns of a batch without allocating: `next()` moves to one, then the fields describe it. */
export class TxnCursor {
  bytes: Buffer = Buffer.alloc(0);
  zxid = 0;
  time = 0;
  type = 0;
  origin = 0;
  cxid = 0;
  session = 0;
  bodyStart = 0;
  bodyEnd = 0;
  #left = 0;

  reset(batch: Batch): this {
    this.bytes = batch.bytes;
    this.zxid = batch.first - 1;
    this.time = batch.time;
    this.bodyEnd = batchHeaderBytes;
    this.#left = batch.count;
    return this;
  }

  next(): boolean {
    if (this.#left === 0) {
      assert(this.bodyEnd === this.bytes.length, 'the txns fill the batch', this.bodyEnd, this.bytes.length);
      return false;
    }
    this.#left--;
    this.zxid++;
    const b = this.bytes;
    const at = this.bodyEnd;
    this.type = b[at]!;
    this.origin = b[at + 1]!;
    this.cxid = get32(b, at + 2) | 0;
    this.session = get32(b, at + 6) * 4294967296 + get32(b, at + 10);
    this.bodyStart = at + txnHeaderBytes;
    this.bodyEnd = this.bodyStart + get32(b, at + 14);
    assert(this.bodyEnd <= b.length, 'a txn lies within its batch', this.bodyEnd, b.length);
    return true;
  }
}

function put32(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 24;
  b[at + 1] = value >>> 16;
  b[at + 2] = value >>> 8;
  b[at + 3] = value;
}

function get32(b: Uint8Array, at: number): number {
  return ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
}
