/**
 * Bytes of znodes, outside the JavaScript heap and without an object per value.
 *
 *   page (256 KiB) of one size class:  │ cell │ cell │ cell │ …        freed cells form a stack, used first
 *
 * A reference is a cell's place in units of 16 bytes, page number in the high bits. Values above
 * 64 KiB get a buffer of their own. The class follows from the length, so a reference alone is
 * nothing: whoever holds one keeps the length beside it.
 */
import { Buffer } from 'node:buffer';
import { assert } from '../base/assert.ts';

const unit = 16;
const pageBytes = 256 * 1024;
const unitsPerPage = pageBytes / unit;
/** The largest value that lives in a page. */
const cellBytesMax = 64 * 1024;

/** Cell sizes: each power of two and the one and a half of it, so at most a third is wasted. */
const cellSizes: number[] = [];
for (let size = unit; size <= cellBytesMax; size *= 2) {
  cellSizes.push(size);
  if (size > unit && size * 1.5 <= cellBytesMax) cellSizes.push(size * 1.5);
}

/** Class by length in units. */
const classOfUnits = new Uint8Array(cellBytesMax / unit + 1);
for (let units = 0, at = 0; units < classOfUnits.length; units++) {
  while (cellSizes[at]! < units * unit) at++;
  classOfUnits[units] = at;
}

export class Slab {
  readonly #pages: Buffer[] = [];
  readonly #free: number[][] = cellSizes.map(() => []);
  /** By class: the first cell of its newest page that was never given out, and where that page ends. */
  readonly #fresh = new Float64Array(cellSizes.length);
  readonly #end = new Float64Array(cellSizes.length);
  readonly #large: (Buffer | null)[] = [];
  readonly #largeFree: number[] = [];

  /** Stores a copy of `source[start, end)` and returns its reference; 0 for an empty value. */
  add(source: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length === 0) return 0;
    if (length > cellBytesMax) return this.#addLarge(source, start, end);
    const ref = this.#cell(classOf(length));
    this.#put(ref, source, start, length);
    return ref;
  }

  /** Replaces the value at `ref` of `oldLength` bytes; in place when it fits the same cell. */
  replace(ref: number, oldLength: number, source: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (
      oldLength > 0 &&
      length > 0 &&
      oldLength <= cellBytesMax &&
      length <= cellBytesMax &&
      classOf(length) === classOf(oldLength)
    ) {
      this.#put(ref, source, start, length);
      return ref;
    }
    this.remove(ref, oldLength);
    return this.add(source, start, end);
  }

  remove(ref: number, length: number): void {
    if (length <= 0) return;
    if (length <= cellBytesMax) {
      this.#free[classOf(length)]!.push(ref);
      return;
    }
    assert(this.#large[ref] !== null, 'a large value is removed once', ref);
    this.#large[ref] = null;
    this.#largeFree.push(ref);
  }

  /** Copies the value into `target` at `at`. */
  copy(ref: number, length: number, target: Buffer, at: number): void {
    if (length <= 0) return;
    if (length > cellBytesMax) {
      this.#large[ref]!.copy(target, at, 0, length);
      return;
    }
    const offset = (ref % unitsPerPage) * unit;
    this.#pages[Math.floor(ref / unitsPerPage)]!.copy(target, at, offset, offset + length);
  }

  #put(ref: number, source: Uint8Array, start: number, length: number): void {
    const page = this.#pages[Math.floor(ref / unitsPerPage)]!;
    let at = (ref % unitsPerPage) * unit;
    if (length > 48) {
      page.set(source.subarray(start, start + length), at);
      return;
    }
    for (let i = start; i < start + length; i++) page[at++] = source[i]!;
  }

  #cell(sizeClass: number): number {
    const freed = this.#free[sizeClass]!.pop();
    if (freed !== undefined) return freed;
    const units = cellSizes[sizeClass]! / unit;
    if (this.#fresh[sizeClass]! + units > this.#end[sizeClass]!) this.#addPage(sizeClass);
    const ref = this.#fresh[sizeClass]!;
    this.#fresh[sizeClass] = ref + units;
    return ref;
  }

  #addPage(sizeClass: number): void {
    const first = this.#pages.length * unitsPerPage;
    assert(first + unitsPerPage <= 2 ** 32, 'references have 32 bits', first);
    this.#pages.push(Buffer.allocUnsafeSlow(pageBytes));
    this.#fresh[sizeClass] = first;
    this.#end[sizeClass] = first + unitsPerPage;
  }

  #addLarge(source: Uint8Array, start: number, end: number): number {
    const bytes = Buffer.allocUnsafeSlow(end - start);
    bytes.set(source.subarray(start, end));
    const ref = this.#largeFree.pop() ?? this.#large.length;
    this.#large[ref] = bytes;
    return ref;
  }
}

function classOf(length: number): number {
  return classOfUnits[(length + unit - 1) >>> 4]!;
}
