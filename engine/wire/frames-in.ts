/**
 * Cuts a byte stream of the client protocol into frames: an int32 length and that many bytes.
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

  /** The length that made `next` return `bad`, as text: at a server it may be a four-letter word. */
  badWord = '';

  /** Takes a chunk; what `next` has not gone through of the one before is kept. */
  push(chunk: Buffer): void {
    const left = this.#chunk.length - this.#at;
    this.#chunk = left === 0 ? chunk : Buffer.concat([this.#chunk.subarray(this.#at), chunk]);
    this.#at = 0;
  }

  /**
   * Moves to the next whole frame; `more` when it has not arrived yet, `bad` when its length is
   * negative or above `bytesMax`.
   */
  next(bytesMax: number): 'frame' | 'more' | 'bad' {
    if (this.#partial !== null) return this.#continue(bytesMax, this.#partial);
    const left = this.#chunk.length - this.#at;
    if (left >= 4) {
      const length = lengthAt(this.#chunk, this.#at);
      if (length < 0 || length > bytesMax) {
        this.#at += 4;
        return this.#bad(length);
      }
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
    }
    this.#chunk = none;
    this.#at = 0;
    return 'more';
  }

  #continue(bytesMax: number, partial: Writer): 'frame' | 'more' | 'bad' {
    if (partial.at < 4 && !this.#gather(partial, 4)) return 'more';
    const length = lengthAt(partial.bytes, 0);
    if (length < 0 || length > bytesMax) return this.#bad(length);
    if (!this.#gather(partial, 4 + length)) {
      this.#chunk = none;
      this.#at = 0;
      return 'more';
    }
    this.#partial = null;
    this.bytes = partial.bytes;
    this.start = 4;
    this.end = 4 + length;
    return 'frame';
  }

  /** What came after the length that made `next` return `bad`. */
  get rest(): Buffer {
    return this.#chunk.subarray(this.#at);
  }

  #bad(length: number): 'bad' {
    this.badWord = String.fromCharCode(length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255);
    return 'bad';
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

/** An idle connection keeps no chunk alive. */
const none = Buffer.alloc(0);

function lengthAt(b: Uint8Array, at: number): number {
  return (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;
}
