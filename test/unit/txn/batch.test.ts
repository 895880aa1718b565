/** Batches and forwarded requests: what is encoded comes back, what is damaged is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Writer } from '../../../engine/base/bytes.ts';
import { zxidOf } from '../../../engine/base/zxid.ts';
import { crc32 } from '../../../engine/io/crc32.ts';
import { batchHeaderBytes, BatchWriter, decodeBatch, TxnCursor, type Batch } from '../../../engine/txn/batch.ts';
import { RequestCursor, writeRequest } from '../../../engine/txn/request.ts';

const bytes = fc.uint8Array({ maxLength: 200 });
const cxid = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const session = fc.oneof(fc.constantFrom(0, 2 ** 53 - 1, zxidOf(1, 1)), fc.nat());
const txn = fc.record({ type: fc.nat(255), origin: fc.nat(255), session, cxid, body: bytes });
type Txn = typeof txn extends fc.Arbitrary<infer T> ? T : never;

function encode(txns: readonly Txn[], writer = new BatchWriter(crc32)): Batch {
  writer.begin(zxidOf(3, 7), zxidOf(4, 1), 1234.5);
  for (const { type, origin, session, cxid, body } of txns)
    writer.add(type, origin, session, cxid, body, 0, body.length);
  return writer.finish();
}

test('txns come back with their zxids', () => {
  const writer = new BatchWriter(crc32);
  fc.assert(
    fc.property(fc.array(txn, { minLength: 1, maxLength: 30 }), (txns) => {
      const made = encode(txns, writer);
      const batch = decodeBatch(made.bytes, crc32);
      assert.deepEqual(batch, made);
      assert.deepEqual(
        [batch!.prev, batch!.first, batch!.last, batch!.time],
        [zxidOf(3, 7), zxidOf(4, 1), zxidOf(4, txns.length), 1234.5],
      );
      const cursor = new TxnCursor().reset(batch!);
      for (const [index, { body, ...rest }] of txns.entries()) {
        assert.ok(cursor.next());
        const { type, origin, session, cxid, zxid, time } = cursor;
        assert.deepEqual({ type, origin, session, cxid }, rest);
        assert.deepEqual([zxid, time], [zxidOf(4, 1 + index), 1234.5]);
        assert.deepEqual(new Uint8Array(cursor.bytes.subarray(cursor.bodyStart, cursor.bodyEnd)), body);
      }
      assert.equal(cursor.next(), false);
    }),
  );
});

test('a flipped bit, a cut and a byte too many are noticed', () => {
  const { bytes } = encode([{ type: 1, origin: 2, session: 3, cxid: 4, body: new Uint8Array(50).fill(9) }]);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = Buffer.from(bytes);
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(decodeBatch(damaged, crc32), null, `bit ${bit}`);
  }
  for (let end = 0; end < bytes.length; end++) assert.equal(decodeBatch(bytes.subarray(0, end), crc32), null);
  assert.equal(decodeBatch(Buffer.concat([bytes, Buffer.alloc(1)]), crc32), null);
});

test('impossible numbers are refused even with a right checksum', () => {
  const damage: { [what: string]: (bytes: Buffer) => void } = {
    'no txns': (bytes) => bytes.writeUInt32BE(0, 32),
    'too many txns': (bytes) => bytes.writeUInt32BE(16_385, 32),
    'first is not after prev': (bytes) => bytes.writeDoubleBE(bytes.readDoubleBE(16), 8),
    'prev is negative': (bytes) => bytes.writeDoubleBE(-1, 8),
    'prev is no number': (bytes) => bytes.writeDoubleBE(Number.NaN, 8),
    'first is no number': (bytes) => bytes.writeDoubleBE(Number.NaN, 16),
    'first is no whole number': (bytes) => bytes.writeDoubleBE(bytes.readDoubleBE(16) + 0.5, 16),
    'first is no longer exact': (bytes) => bytes.writeDoubleBE(2 ** 53, 16),
    'time is no number': (bytes) => bytes.writeDoubleBE(Number.NaN, 24),
    'the txn ends after the batch': (bytes) => bytes.writeUInt32BE(4, 50),
    'bytes after the txn': (bytes) => bytes.writeUInt32BE(2, 50),
    'fewer txns than it says': (bytes) => bytes.writeUInt32BE(2, 32),
  };
  for (const [what, how] of Object.entries(damage)) {
    const bytes = Buffer.from(encode([{ type: 1, origin: 1, session: 1, cxid: 1, body: new Uint8Array(3) }]).bytes);
    how(bytes);
    bytes.writeUInt32BE(crc32(bytes, 8, bytes.length), 4);
    assert.equal(decodeBatch(bytes, crc32), null, what);
  }
});

test('a batch of one large txn grows the writer, and a short one after it is clean', () => {
  const writer = new BatchWriter(crc32);
  const large = { type: 5, origin: 1, session: 1, cxid: 1, body: new Uint8Array(300_000).fill(7) };
  assert.equal(encode([large], writer).bytes.length, batchHeaderBytes + 18 + 300_000);
  const small = { ...large, body: Uint8Array.of(1) };
  assert.deepEqual(encode([small], writer), encode([small]));
});

test('forwarded requests come back', () => {
  const request = fc.record({ op: cxid, session, cxid, identity: bytes, body: bytes });
  fc.assert(
    fc.property(fc.array(request, { maxLength: 20 }), (requests) => {
      const out = new Writer();
      for (const { op, session, cxid, identity, body } of requests)
        writeRequest(out, op, session, cxid, identity, body, 0, body.length);
      const cursor = new RequestCursor().reset(out.copy());
      for (const { identity, body, ...rest } of requests) {
        assert.ok(cursor.next());
        const { op, session, cxid } = cursor;
        assert.deepEqual({ op, session, cxid }, rest);
        assert.deepEqual(new Uint8Array(cursor.bytes.subarray(cursor.identityStart, cursor.identityEnd)), identity);
        assert.deepEqual(new Uint8Array(cursor.bytes.subarray(cursor.bodyStart, cursor.bodyEnd)), body);
      }
      assert.equal(cursor.next(), false);
      assert.equal(cursor.bad, false);
    }),
  );
});

test('a malformed frame of requests stops the cursor inside it', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.boolean(), (noise, plausible) => {
      const frame = Buffer.from(noise);
      if (plausible && frame.length >= 4) frame.writeUInt32BE(noise[0]! & 63, 0);
      const cursor = new RequestCursor().reset(frame);
      let end = 0;
      while (cursor.next()) {
        assert.ok(cursor.bodyEnd > end && cursor.bodyEnd <= frame.length);
        assert.ok(cursor.identityStart <= cursor.identityEnd && cursor.bodyStart <= cursor.bodyEnd);
        end = cursor.bodyEnd;
      }
      assert.equal(cursor.bad, end !== frame.length);
    }),
    { numRuns: 1000 },
  );
});
