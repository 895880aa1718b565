/** The cursors: what is written is read back, and a reader never goes past its end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { isValidPath } from '../../../engine/wire/paths.ts';
import { Reader, Writer } from '../../../engine/base/bytes.ts';

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const field = fc.oneof(
  fc.record({ kind: fc.constant('u8' as const), value: fc.nat(255) }),
  fc.record({ kind: fc.constant('i32' as const), value: int32 }),
  fc.record({ kind: fc.constant('i64' as const), value: fc.maxSafeInteger() }),
  fc.record({ kind: fc.constant('f64' as const), value: fc.double({ noNaN: true }) }),
  fc.record({ kind: fc.constant('bool' as const), value: fc.boolean() }),
  fc.record({
    kind: fc.constant('string' as const),
    value: fc
      .oneof(fc.string({ unit: 'grapheme' }), fc.string({ maxLength: 300 }))
      .filter((text) => !text.includes('\ufffd')),
  }),
  fc.record({ kind: fc.constant('buffer' as const), value: fc.option(fc.uint8Array({ maxLength: 200 })) }),
);
type Field = typeof field extends fc.Arbitrary<infer T> ? T : never;

function write(out: Writer, one: Field): void {
  switch (one.kind) {
    case 'bool':
      return out.bool(one.value);
    case 'string':
      return out.string(one.value);
    case 'buffer':
      return out.buffer(one.value);
    default:
      return out[one.kind](one.value);
  }
}

test('every sequence of fields comes back, from any place in any buffer', () => {
  fc.assert(
    fc.property(fc.array(field), fc.nat(50), (fields, offset) => {
      const out = new Writer(1);
      out.raw(new Uint8Array(offset));
      for (const one of fields) write(out, one);
      const end = out.at;
      out.raw(new Uint8Array(9).fill(255));
      const reader = new Reader().reset(out.copy(), offset, end);
      for (const { kind, value } of fields) {
        const got = reader[kind]();
        if (value instanceof Uint8Array) assert.deepEqual(new Uint8Array(got as Uint8Array), value);
        else assert.equal(got, value);
      }
      assert.equal(reader.left, 0);
      assert.equal(reader.bad, false);
    }),
  );
});

test('whatever the bytes, a reader stays inside and bad is sticky', () => {
  const kinds = fc.array(
    fc.constantFrom('u8', 'bool', 'i32', 'u32', 'i64', 'f64', 'buffer', 'string', 'stringOrNull', 'count', 'view'),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), kinds, fc.nat(20), int32, (bytes, reads, offset, length) => {
      // 0xff beyond the end: a reader that went too far would not find zeros.
      const around = Buffer.concat([Buffer.alloc(offset, 255), bytes, Buffer.alloc(20, 255)]);
      const end = offset + bytes.length;
      const reader = new Reader().reset(around, offset, end);
      let wasBad = false;
      for (const read of reads) {
        const value: unknown =
          read === 'count' ? reader.count(4) : read === 'view' ? reader.view(length) : reader[read as 'u8']();
        assert.ok(reader.at <= end && reader.at >= offset);
        if (wasBad) assert.equal(reader.bad, true);
        if (reader.bad) assert.ok([0, false, null, ''].includes(value as number) || (value as Buffer).length === 0);
        wasBad = reader.bad;
      }
    }),
    { numRuns: 2000 },
  );
});

test('what is not UTF-8 in a string becomes U+FFFD, which is in no path', () => {
  for (const bytes of [
    [0x2f, 0xff],
    [0x2f, 0xc3],
    [0x2f, 0xe2, 0x98],
    [0x2f, 0xed, 0xa0, 0x80],
    [0x2f, 0xc0, 0x80],
  ]) {
    const out = new Writer();
    out.buffer(Uint8Array.from(bytes));
    const reader = new Reader().reset(out.copy());
    const text = reader.string();
    assert.match(text, /^\/\ufffd+$/, Buffer.from(bytes).toString('hex'));
    assert.equal(reader.bad, false);
    assert.equal(isValidPath(text), false);
  }
});

test('counts are bounded by the bytes that are left', () => {
  const count = (n: number, bytesLeft: number, bytesMin: number): [number, boolean] => {
    const out = new Writer();
    out.i32(n);
    out.raw(new Uint8Array(bytesLeft));
    const reader = new Reader().reset(out.copy());
    return [reader.count(bytesMin), reader.bad];
  };
  assert.deepEqual(count(3, 12, 4), [3, false]);
  assert.deepEqual(count(4, 12, 4), [0, true]);
  assert.deepEqual(count(2 ** 31 - 1, 12, 4), [0, true]);
  assert.deepEqual(count(-1, 12, 4), [0, false]);
  assert.deepEqual(count(-7, 12, 4), [0, false]);
});

test('64-bit integers beyond a double are rounded, in place and sign', () => {
  const bytes = Buffer.alloc(8);
  for (const value of [2n ** 62n, -(2n ** 62n), -1n, 2n ** 53n, -(2n ** 63n), 2n ** 63n - 1n]) {
    bytes.writeBigInt64BE(value);
    assert.equal(new Reader().reset(bytes).i64(), Number(value));
  }
});
