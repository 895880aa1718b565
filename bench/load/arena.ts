/**
 * Where frames are written before they go to a socket: one large buffer that is cut, never copied.
 *
 * A cut part belongs to the socket; the rest is used on. When it is used up a new buffer takes its
 * place, and the old one is freed with its last write.
 */
import { Buffer } from 'node:buffer';

export class Arena {
  bytes: Buffer;
  at = 0;
  #from = 0;
  readonly #size: number;

  constructor(size = 1024 * 1024) {
    this.#size = size;
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  /** Makes room for `more` bytes behind `at`. */
  need(more: number): void {
    if (this.at + more <= this.bytes.length) return;
    const begun = this.at - this.#from;
    const next = Buffer.allocUnsafeSlow(Math.max(this.#size, 2 * (begun + more)));
    this.bytes.copy(next, 0, this.#from, this.at);
    this.bytes = next;
    this.#from = 0;
    this.at = begun;
  }

  i32(value: number): void {
    this.need(4);
    put32(this.bytes, this.at, value);
    this.at += 4;
  }

  /** Copies a whole array in; the caller overwrites what differs. Returns where it begins. */
  template(source: Uint8Array): number {
    this.need(source.length);
    const at = this.at;
    this.bytes.set(source, at);
    this.at = at + source.length;
    return at;
  }

  /** True when something was written since the last cut. */
  get pending(): boolean {
    return this.at > this.#from;
  }

  /** What was written since the last cut. */
  cut(): Buffer {
    const part = this.bytes.subarray(this.#from, this.at);
    this.#from = this.at;
    return part;
  }

  /** Forgets what was written since the last cut. */
  drop(): void {
    this.at = this.#from;
  }
}

export function put32(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 24;
  b[at + 1] = value >>> 16;
  b[at + 2] = value >>> 8;
  b[at + 3] = value;
}

export function get32(b: Uint8Array, at: number): number {
  return (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;
}

/** Writes `value` as `digits` decimal digits with zeros in front. */
export function putDigits(b: Uint8Array, at: number, value: number, digits: number): void {
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const next = Math.floor(rest / 10);
    b[i] = 48 + rest - next * 10;
    rest = next;
  }
}
