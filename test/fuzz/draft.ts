/**
 * Bytes that remember where their fields are, so that a mutation can go for a length or a count
 * instead of one byte in a thousand.
 *
 *   draft.text('/a')   │ 00 00 00 02 │ 2f 61 │        marks: size at 0, text at 4
 */
import { Writer } from '../../engine/base/bytes.ts';

/** `size`: an int32 that says how much follows, in bytes or elements. `text`: bytes of any meaning. */
export type MarkKind = 'size' | 'int' | 'long' | 'double' | 'byte' | 'text';

export interface Mark {
  readonly kind: MarkKind;
  readonly at: number;
  readonly length: number;
}

export class Draft {
  readonly marks: Mark[] = [];
  readonly #out = new Writer(128);

  /** The bytes so far, as a view. */
  get bytes(): Buffer {
    return this.#out.view();
  }

  get length(): number {
    return this.#out.at;
  }

  u8(value: number): this {
    this.#mark('byte', 1);
    this.#out.u8(value);
    return this;
  }

  bool(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  i32(value: number): this {
    this.#mark('int', 4);
    this.#out.i32(value);
    return this;
  }

  size(value: number): this {
    this.#mark('size', 4);
    this.#out.i32(value);
    return this;
  }

  i64(value: number): this {
    this.#mark('long', 8);
    this.#out.i64(value);
    return this;
  }

  f64(value: number): this {
    this.#mark('double', 8);
    this.#out.f64(value);
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#mark('text', bytes.length);
    this.#out.raw(bytes);
    return this;
  }

  /** A jute buffer or string; null has length -1. */
  text(value: Uint8Array | string | null): this {
    if (value === null) return this.size(-1);
    const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
    return this.size(bytes.length).raw(bytes);
  }

  texts(values: readonly string[]): this {
    this.size(values.length);
    for (const value of values) this.text(value);
    return this;
  }

  /** Another draft with its marks. */
  nest(inner: Draft): this {
    const base = this.#out.at;
    for (const { kind, at, length } of inner.marks) this.marks.push({ kind, at: base + at, length });
    this.#out.raw(inner.bytes);
    return this;
  }

  #mark(kind: MarkKind, length: number): void {
    this.marks.push({ kind, at: this.#out.at, length });
  }
}
