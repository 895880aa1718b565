/**
 * Cuts a client's byte stream into frames: an int32 length and that many bytes.
 *
 * Whole frames inside a chunk are read where they lie; only a frame that spans chunks is gathered, in
 * a buffer that grows with what has arrived and never with what was announced.
 */
import { Buffer } from 'node:buffer';
import { Writer } from '../base/bytes.ts';

export class FramesIn {
  /** The frame that `next` found: `bytes[start, end)`, valid until the next call of `next` or `push`. */
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;

  #chunk: Buffer = this.bytes;
  #at = 0;
  #partial: Writer | null = null;

  /** Takes a chunk; call `next` until it returns false before the next push. */
  push(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** Bytes that have arrived of a frame that is not complete. */
  get gathered(): number {
    return this.#partial?.at ?? 0;
  }

  /** The first four bytes that wait, as a signed integer; -1 when fewer have come. */
  peek(): number {
    if (this.#partial !== null || this.#chunk.length - this.#at < 4) return -1;
    return lengthAt(this.#chunk, this.#at);
  }

  /**
   * Moves to the next whole frame. Returns false when more bytes are needed.
   * A length that is negative or above `bytesMax` gives `bad`.
   */
  next(bytesMax: number): 'frame' | 'more' | 'bad' {
    if (this.#partial !== null) return this.#continue(bytesMax, this.#partial);
    const left = this.#chunk.length - this.#at;
    if (left >= 4) {
      const length = lengthAt(this.#chunk, this.#at);
      if (length < 0 || length > bytesMax) return 'bad';
      if (left >= 4 + length) {
        this.bytes = this.#chunk;
        this.start = this.#at + 4;
        this.end = this.start + length;
        this.#at = this.end;
        return 'frame';
      }
    }
    if (left > 0) {
      this.#partial = new Writer(Math.max(left, 64));
      this.#partial.raw(this.#chunk, this.#at);
      this.#at = this.#chunk.length;
    }
    return 'more';
  }

  #continue(bytesMax: number, partial: Writer): 'frame' | 'more' | 'bad' {
    if (partial.at < 4 && !this.#gather(partial, 4)) return 'more';
    const length = lengthAt(partial.bytes, 0);
    if (length < 0 || length > bytesMax) return 'bad';
    if (!this.#gather(partial, 4 + length)) return 'more';
    this.#partial = null;
    this.bytes = partial.bytes;
    this.start = 4;
    this.end = 4 + length;
    return 'frame';
  }

  /** Moves bytes of the chunk over until `wanted` are gathered; false when the chunk is used up before. */
  #gather(partial: Writer, wanted: number): boolean {
    const take = Math.min(wanted - partial.at, this.#chunk.length - this.#at);
    if (take > 0) {
      partial.raw(this.#chunk, this.#at, this.#at + take);
      this.#at += take;
    }
    return partial.at >= wanted;
  }
}

function lengthAt(b: Uint8Array, at: number): number {
  return (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;
}
