/**
 * A queue of records from one thread to another in shared memory.
 *
 *   control   Int32: [0] bytes ever written (mod 2**32) · [1] bytes ever read · [2] records published
 *   data      … │ u32 length · u32 kind · f64 ticket · f64 extra · payload │ …      wraps at its end
 *
 * The writer copies a record in and publishes it with one store; `wake` costs one notify however
 * many records were published. The reader sleeps on the count of records. No locks, one of each.
 */
import { assert } from '../engine/base/assert.ts';

export const recordHeaderBytes = 24;

const written = 0;
const read = 1;
const published = 2;

export interface RingMemory {
  readonly control: SharedArrayBuffer;
  readonly data: SharedArrayBuffer;
}

export function createRing(bytes: number): RingMemory {
  // Positions wrap at 2**32; with another size they would jump within the ring there.
  assert((bytes & (bytes - 1)) === 0 && bytes > 0, 'the size of a ring is a power of two', bytes);
  return { control: new SharedArrayBuffer(16), data: new SharedArrayBuffer(bytes) };
}

export class RingWriter {
  readonly #control: Int32Array;
  readonly #data: Uint8Array;
  readonly #header = new DataView(new ArrayBuffer(recordHeaderBytes));
  readonly #headerBytes = new Uint8Array(this.#header.buffer);
  #at = 0;

  constructor(memory: RingMemory) {
    this.#control = new Int32Array(memory.control);
    this.#data = new Uint8Array(memory.data);
  }

  /** True for a record that can never fit, however empty the ring. */
  tooLarge(length: number): boolean {
    return recordHeaderBytes + length > this.#data.length / 2;
  }

  /** True when a record with so long a payload fits now; it stays true until the next push. */
  hasRoom(length: number): boolean {
    const used = (this.#at - Atomics.load(this.#control, read)) >>> 0;
    return used + recordHeaderBytes + length <= this.#data.length;
  }

  /** Copies a record in; false when there is no room for it now. */
  push(kind: number, ticket: number, extra: number, payload: Uint8Array): boolean {
    if (!this.hasRoom(payload.length)) return false;
    this.#header.setUint32(0, payload.length);
    this.#header.setUint32(4, kind);
    this.#header.setFloat64(8, ticket);
    this.#header.setFloat64(16, extra);
    this.#copy(this.#headerBytes);
    this.#copy(payload);
    Atomics.store(this.#control, written, this.#at | 0);
    Atomics.add(this.#control, published, 1);
    return true;
  }

  wake(): void {
    Atomics.notify(this.#control, published);
  }

  #copy(source: Uint8Array): void {
    const size = this.#data.length;
    const at = this.#at % size;
    const first = Math.min(source.length, size - at);
    this.#data.set(first === source.length ? source : source.subarray(0, first), at);
    if (first < source.length) this.#data.set(source.subarray(first), 0);
    this.#at = (this.#at + source.length) >>> 0;
  }
}

/** The record that `RingReader.next` has moved to. */
export class RingReader {
  kind = 0;
  ticket = 0;
  extra = 0;
  length = 0;
  readonly #control: Int32Array;
  readonly #data: Uint8Array;
  readonly #header = new DataView(new ArrayBuffer(recordHeaderBytes));
  readonly #headerBytes = new Uint8Array(this.#header.buffer);
  #at = 0;
  #seen = 0;

  constructor(memory: RingMemory) {
    this.#control = new Int32Array(memory.control);
    this.#data = new Uint8Array(memory.data);
  }

  /** Moves to the next record; its payload must be taken with `payload` before the next call. */
  next(): boolean {
    if (Atomics.load(this.#control, written) >>> 0 === this.#at) return false;
    this.#copyOut(this.#headerBytes, 0, recordHeaderBytes);
    this.length = this.#header.getUint32(0);
    this.kind = this.#header.getUint32(4);
    this.ticket = this.#header.getFloat64(8);
    this.extra = this.#header.getFloat64(16);
    this.#seen = (this.#seen + 1) | 0;
    return true;
  }

  /** Copies the record's payload to `target[at]` and gives its room back to the writer. */
  payload(target: Uint8Array, at: number): void {
    this.#copyOut(target, at, this.length);
    Atomics.store(this.#control, read, this.#at | 0);
  }

  /** Sleeps until a record is published that `next` has not seen, or `timeoutMs` is over. */
  wait(timeoutMs: number): void {
    Atomics.wait(this.#control, published, this.#seen, timeoutMs);
  }

  #copyOut(target: Uint8Array, at: number, length: number): void {
    const size = this.#data.length;
    const from = this.#at % size;
    const first = Math.min(length, size - from);
    target.set(this.#data.subarray(from, from + first), at);
    if (first < length) target.set(this.#data.subarray(0, length - first), at + first);
    this.#at = (this.#at + length) >>> 0;
  }
}
