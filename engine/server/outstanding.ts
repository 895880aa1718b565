/**
 * The requests of one connection that have no reply yet, oldest first.
 *
 * Replies leave in request order. A write waits for its commit; a read that arrives behind a write
 * is parked here with a copy of its body and runs once everything before it is answered, so that a
 * session reads its own writes. With no write ahead, a read never enters this queue.
 */
import type { Buffer } from 'node:buffer';
import { assert } from '../base/assert.ts';

export class Outstanding {
  #xids = new Int32Array(8);
  #ops = new Int32Array(8);
  #since = new Float64Array(8);
  /** Body of a parked read; null for a write, whose body is on its way to the leader. */
  #bodies: (Buffer | null)[] = Array.from({ length: 8 }, () => null);
  /** Size of the request of each, bytes. */
  #sizes = new Int32Array(8);
  #head = 0;
  length = 0;
  /** Writes among them. */
  writes = 0;
  /** Bytes of all of them. */
  bytes = 0;

  push(xid: number, op: number, since: number, body: Buffer | null, size: number): void {
    if (this.length === this.#xids.length) this.#grow();
    const at = (this.#head + this.length) & (this.#xids.length - 1);
    this.#xids[at] = xid;
    this.#ops[at] = op;
    this.#since[at] = since;
    this.#bodies[at] = body;
    this.#sizes[at] = size;
    this.bytes += size;
    if (body === null) this.writes++;
    this.length++;
  }

  get xid(): number {
    return this.#xids[this.#head]!;
  }

  get op(): number {
    return this.#ops[this.#head]!;
  }

  /** When it arrived, in ms of the monotonic clock. */
  get since(): number {
    return this.#since[this.#head]!;
  }

  get body(): Buffer | null {
    return this.#bodies[this.#head]!;
  }

  shift(): void {
    assert(this.length > 0, 'there is a request to answer');
    if (this.#bodies[this.#head] === null) this.writes--;
    this.#bodies[this.#head] = null;
    this.bytes -= this.#sizes[this.#head]!;
    this.#head = (this.#head + 1) & (this.#xids.length - 1);
    this.length--;
  }

  #grow(): void {
    const size = this.#xids.length;
    const xids = new Int32Array(size * 2);
    const ops = new Int32Array(size * 2);
    const since = new Float64Array(size * 2);
    const sizes = new Int32Array(size * 2);
    const bodies: (Buffer | null)[] = Array.from({ length: size * 2 }, () => null);
    for (let i = 0; i < size; i++) {
      const from = (this.#head + i) & (size - 1);
      xids[i] = this.#xids[from]!;
      ops[i] = this.#ops[from]!;
      since[i] = this.#since[from]!;
      sizes[i] = this.#sizes[from]!;
      bodies[i] = this.#bodies[from]!;
    }
    this.#xids = xids;
    this.#ops = ops;
    this.#since = since;
    this.#sizes = sizes;
    this.#bodies = bodies;
    this.#head = 0;
  }
}
