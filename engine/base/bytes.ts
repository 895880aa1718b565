/**
 * Cursors over bytes: everything on the wire and on disk goes through these two.
 *
 * The reader never throws. A field that does not fit sets the sticky `bad` flag and yields zero,
 * and whoever decodes a record checks the flag once at its end. Integers are big-endian, as in
 * ZooKeeper's jute; a 64-bit value is a double, exact below 2**53.
 */
import { Buffer } from 'node:buffer';

const empty: Buffer = Buffer.alloc(0);

export class Reader {
  bytes: Buffer = empty;
  at = 0;
  end = 0;
  /** A length, count or string did not fit. Sticky until the next `reset`. */
  bad = false;

  reset(bytes: Buffer, at = 0, end = bytes.length): this {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
    this.bad = false;
    return this;
  }

  get left(): number {
    return this.end - this.at;
  }

  /** Marks the record as malformed and moves to its end, so that loops over it stop. */
  fail(): void {
    this.bad = true;
    this.at = this.end;
  }

  u8(): number {
    if (this.at + 1 > this.end) return this.#short();
    return this.bytes[this.at++]!;
  }

  bool(): boolean {
    return this.u8() !== 0;
  }

  i32(): number {
    const at = this.at;
    if (at + 4 > this.end) return this.#short();
    this.at = at + 4;
    const b = this.bytes;
    return (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;
  }

  u32(): number {
    return this.i32() >>> 0;
  }

  /** A signed 64-bit integer, rounded to a double beyond 2**53. */
  i64(): number {
    if (this.at + 8 > this.end) return this.#short();
    const high = this.i32();
    return high * 4294967296 + (this.i32() >>> 0);
  }

  f64(): number {
    const at = this.at;
    if (at + 8 > this.end) return this.#short();
    this.at = at + 8;
    return this.bytes.readDoubleBE(at);
  }

  /** The next `length` bytes, as a view; the caller copies what it keeps. */
  view(length: number): Buffer {
    const at = this.at;
    if (length < 0 || length > this.end - at) {
      this.fail();
      return empty;
    }
    this.at = at + length;
    return this.bytes.subarray(at, at + length);
  }

  /** Moves over `length` bytes; never beyond the end, nor back. */
  skip(length: number): void {
    if (length < 0 || length > this.end - this.at) this.fail();
    else this.at += length;
  }

  /** A jute buffer: an int32 length and that many bytes; -1 is null. A view, not a copy. */
  buffer(): Buffer | null {
    const length = this.i32();
    if (length === -1) return null;
    return this.view(length);
  }

  /** Moves over a jute buffer. */
  skipBuffer(): void {
    const length = this.i32();
    if (length !== -1) this.skip(length);
  }

  /**
   * A jute string; null (-1) marks the record as bad. Bytes that are not UTF-8 become U+FFFD, which
   * no path may hold (wire/paths.ts), so two of them never name the same node.
   */
  string(): string {
    const length = this.i32();
    const at = this.at;
    if (length < 0 || length > this.end - at) {
      this.fail();
      return '';
    }
    this.at = at + length;
    return this.#text(at, at + length);
  }

  /** A jute string where null is allowed. */
  stringOrNull(): string | null {
    const at = this.at;
    if (this.i32() === -1) return null;
    this.at = at;
    return this.string();
  }

  /**
   * An element count that the bytes left can hold, each element being at least `bytesMin` long; a
   * negative one is no elements, as in jute.
   */
  count(bytesMin: number): number {
    const count = this.i32();
    if (count < 0) return 0;
    if (count * bytesMin > this.left) {
      this.fail();
      return 0;
    }
    return count;
  }

  #text(at: number, end: number): string {
    const b = this.bytes;
    let high = 0;
    for (let i = at; i < end; i++) high |= b[i]!;
    if (high < 0x80) return b.toString('latin1', at, end);
    return b.toString('utf8', at, end);
  }

  #short(): number {
    this.fail();
    return 0;
  }
}

export class Writer {
  bytes: Buffer;
  at = 0;

  constructor(capacity = 1024) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
  }

  /** Makes room for `more` bytes; the fixed-size writers below do it themselves. */
  need(more: number): void {
    const wanted = this.at + more;
    if (wanted <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(wanted, this.bytes.length * 2));
    this.bytes.copy(grown, 0, 0, this.at);
    this.bytes = grown;
  }

  u8(value: number): void {
    this.need(1);
    this.bytes[this.at++] = value;
  }

  bool(value: boolean): void {
    this.u8(value ? 1 : 0);
  }

  i32(value: number): void {
    this.need(4);
    this.setI32(this.at, value);
    this.at += 4;
  }

  /** Overwrites an int32 written earlier, as a length that is known only afterwards. */
  setI32(at: number, value: number): void {
    const b = this.bytes;
    b[at] = value >>> 24;
    b[at + 1] = value >>> 16;
    b[at + 2] = value >>> 8;
    b[at + 3] = value;
  }

  /** A signed 64-bit integer from a double. */
  i64(value: number): void {
    this.need(8);
    this.setI32(this.at, Math.floor(value / 4294967296));
    this.setI32(this.at + 4, value >>> 0);
    this.at += 8;
  }

  f64(value: number): void {
    this.need(8);
    this.bytes.writeDoubleBE(value, this.at);
    this.at += 8;
  }

  raw(source: Uint8Array, start = 0, end = source.length): void {
    const length = end - start;
    this.need(length);
    if (length < 64) {
      // A native copy costs more than it saves on a few bytes.
      const b = this.bytes;
      let at = this.at;
      for (let i = start; i < end; i++) b[at++] = source[i]!;
    } else {
      this.bytes.set(start === 0 && end === source.length ? source : source.subarray(start, end), this.at);
    }
    this.at += length;
  }

  /** A jute buffer; null is length -1. */
  buffer(value: Uint8Array | null): void {
    if (value === null) {
      this.i32(-1);
      return;
    }
    this.i32(value.length);
    this.raw(value);
  }

  /** A jute string in UTF-8. */
  string(value: string): void {
    const length = value.length;
    this.need(4 + length * 3);
    const b = this.bytes;
    const start = this.at + 4;
    let at = start;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) {
        at = start + b.write(value, start, length * 3, 'utf8');
        break;
      }
      b[at++] = code;
    }
    this.setI32(this.at, at - start);
    this.at = at;
  }

  /** What was written, as a view that the next `clear` invalidates. */
  view(): Buffer {
    return this.bytes.subarray(0, this.at);
  }

  /** What was written, as bytes of its own. */
  copy(): Buffer {
    const out = Buffer.allocUnsafeSlow(this.at);
    this.bytes.copy(out, 0, 0, this.at);
    return out;
  }

  clear(): void {
    this.at = 0;
  }
}

/** Sizes and codes are often compared as text in tests and tools: the bytes as lower-case hex. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
