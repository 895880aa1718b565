/**
 * The tail of the log that is still in memory.
 *
 *        start                                  last
 *          │  batch │ batch │  …  │ batch │ batch │      positions are always ends of batches
 *
 * The driver applies from here and the leader feeds its learners from here; whoever needs something
 * before `start` reads it from disk. What is applied may be trimmed once the tail outgrows its bound.
 */
import { assert } from '../base/assert.ts';
import type { Batch } from '../txn/batch.ts';

export class History {
  #batches: Batch[] = [];
  /** Batches before this index were trimmed; the array is compacted now and then. */
  #head = 0;
  #bytes = 0;
  #start: number;
  #last: number;
  readonly #bytesMax: number;

  /** `last`: end of the log; nothing before it is in memory yet. */
  constructor(last: number, bytesMax: number) {
    this.#start = last;
    this.#last = last;
    this.#bytesMax = bytesMax;
  }

  /** Position before the first batch in memory. */
  get start(): number {
    return this.#start;
  }

  /** End of the log. */
  get last(): number {
    return this.#last;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(batch: Batch): void {
    assert(batch.prev === this.#last, 'a batch follows the end of the log', batch.prev, this.#last);
    this.#batches.push(batch);
    this.#bytes += batch.bytes.length;
    this.#last = batch.last;
  }

  /** The batch right after `position`; null at the end. Only for positions from `start` on. */
  next(position: number): Batch | null {
    assert(position >= this.#start, 'the position is in memory', position, this.#start);
    if (position === this.#last) return null;
    const tail = this.#batches[this.#batches.length - 1]!;
    if (tail.prev === position) return tail;
    const batch = this.#batches[this.#search(position)]!;
    assert(batch.prev === position, 'the position is the end of a batch', position, batch.prev);
    return batch;
  }

  /** The largest end of a batch <= zxid, `start` included; -1 when zxid lies before `start`. */
  floor(zxid: number): number {
    if (zxid < this.#start) return -1;
    if (zxid >= this.#last) return this.#last;
    return this.#batches[this.#search(zxid)]!.prev;
  }

  /** Drops what comes after `last`, a position that `floor` gave or one before `start`. */
  truncate(last: number): void {
    while (this.#batches.length > this.#head) {
      const tail = this.#batches[this.#batches.length - 1]!;
      if (tail.last <= last) break;
      this.#batches.pop();
      this.#bytes -= tail.bytes.length;
    }
    if (last < this.#start) this.#start = last;
    this.#last = last;
  }

  /** A snapshot at `zxid` took the place of everything. */
  reset(zxid: number): void {
    this.#batches = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#start = zxid;
    this.#last = zxid;
  }

  /** Forgets the oldest batches that end at or before `upTo` while the tail is above its bound. */
  trim(upTo: number): void {
    while (this.#bytes > this.#bytesMax && this.#head < this.#batches.length) {
      const oldest = this.#batches[this.#head]!;
      if (oldest.last > upTo) break;
      this.#head++;
      this.#bytes -= oldest.bytes.length;
      this.#start = oldest.last;
    }
    if (this.#head > 64 && this.#head * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Index of the first batch that ends after `zxid`. */
  #search(zxid: number): number {
    let low = this.#head;
    let high = this.#batches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#batches[middle]!.last > zxid) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
