/** Zab's messages as bytes: what goes out comes back, and anything else is refused without harm. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from '@msgpack/msgpack';
import * as fc from 'fast-check';
import { Writer } from '../../../engine/base/bytes.ts';
import { epochMax, zxidOf } from '../../../engine/base/zxid.ts';
import type { Message } from '../../../engine/consensus/zab/messages.ts';
import { crc32 } from '../../../engine/io/crc32.ts';
import { decodeMessage } from '../../../engine/peer/frames.ts';
import { encodeMessage } from '../../support/frames.ts';
import { BatchWriter, decodeBatch, type Batch } from '../../../engine/txn/batch.ts';
import { txnType } from '../../../engine/txn/types.ts';

const zxid = zxidOf(3, 41);
const largest = zxidOf(epochMax, 2 ** 32 - 1);

function batch(): Batch {
  const writer = new BatchWriter(crc32);
  writer.begin(zxid, zxid + 1, 1_700_000_000_000);
  const body = Buffer.from('a body');
  for (let n = 0; n < 3; n++) writer.add(txnType.setData, 1, 77, n, body, 0, body.length);
  return decodeBatch(Buffer.from(writer.finish().bytes), crc32)!;
}

function bytesOf(message: Message): Buffer {
  const out = new Writer(64);
  encodeMessage(message, out);
  return Buffer.from(out.view());
}

const decode = (body: Uint8Array): Message | null => decodeMessage(Buffer.from(body), crc32);

const messages: readonly Message[] = [
  { kind: 'vote', round: 9, state: 'looking', leader: 3, epoch: 2, zxid },
  { kind: 'vote', round: 0, state: 'leading', leader: 255, epoch: epochMax, zxid: largest },
  { kind: 'vote', round: 1, state: 'following', leader: 0, epoch: 0, zxid: 0 },
  { kind: 'vote', round: 1, state: 'observing', leader: 1, epoch: 0, zxid: 0 },
  { kind: 'join', acceptedEpoch: 4, observer: true },
  { kind: 'newEpoch', epoch: 5 },
  { kind: 'ackEpoch', epoch: 5, currentEpoch: 4, lastZxid: zxid },
  { kind: 'ackEpoch', epoch: 5, currentEpoch: -1, lastZxid: 0 },
  { kind: 'sync', epoch: 5, mode: 'diff', from: zxid, bytesTotal: 0, ensembleId: 2 ** 48 },
  { kind: 'sync', epoch: 5, mode: 'trunc', from: zxid, bytesTotal: 0, ensembleId: 1 },
  { kind: 'sync', epoch: 5, mode: 'snap', from: zxid, bytesTotal: 2 ** 40, ensembleId: 1 },
  { kind: 'newLeader', epoch: 5 },
  { kind: 'ackNewLeader', epoch: 5 },
  { kind: 'upToDate', epoch: 5, committed: zxid },
  { kind: 'proposal', epoch: 3, committed: zxid, batch: batch() },
  { kind: 'ack', epoch: 5, zxid },
  { kind: 'commit', epoch: 5, zxid: largest },
  { kind: 'ping', epoch: 5, committed: zxid },
  { kind: 'pong', epoch: 5, touched: [] },
  { kind: 'pong', epoch: 5, touched: [zxid, 1, largest] },
  { kind: 'snapshotChunk', epoch: 5, offset: 1 << 20, bytes: Buffer.from('chunk') },
  { kind: 'snapshotAck', epoch: 5, offset: 512 },
  { kind: 'requests', epoch: 5, bytes: Buffer.from('requests') },
];

/** Messages of a variable length; every other one has exactly its bytes. */
const openEnded = new Set(['snapshotChunk', 'requests', 'pong']);

for (const message of messages)
  test(`comes back: ${JSON.stringify({ ...message, batch: undefined })}`, () => {
    assert.deepEqual(decode(bytesOf(message)), message);
  });

test('cut short or with something left over it is no message', () => {
  for (const message of messages) {
    if (openEnded.has(message.kind)) continue;
    const bytes = bytesOf(message);
    for (let length = 0; length < bytes.length; length++)
      assert.equal(decode(bytes.subarray(0, length)), null, `${message.kind} of ${length} bytes`);
    assert.equal(decode(Buffer.concat([bytes, Buffer.from([0])])), null, `${message.kind} and one byte more`);
  }
});

test('a damaged batch is no proposal, whichever byte is damaged', () => {
  const bytes = bytesOf({ kind: 'proposal', epoch: 3, committed: zxid, batch: batch() });
  for (let at = 17; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes);
    damaged[at]! ^= 0x10;
    assert.equal(decode(damaged), null, `byte ${at}`);
  }
});

const vote = (...fields: unknown[]): Uint8Array => Buffer.concat([Buffer.from([1]), encode(fields)]);

test('fields of a wrong type or out of range are refused', () => {
  assert.notEqual(decode(vote(1, 0, 1, 1, 1)), null);
  for (const body of [
    vote(1, 4, 1, 1, 1),
    vote(-1, 0, 1, 1, 1),
    vote(1, 0, 256, 1, 1),
    vote(1, 0, 1, epochMax + 1, 1),
    vote(1, 0, 1, 1.5, 1),
    vote(1, 0, 1, 1, Number.NaN),
    vote(1, 0, 1, 1, '1'),
    vote(1, 0, 1, 1, null),
    vote(1, 0, 1, 1),
    vote(1, 0, 1, 1, 1, 1),
    vote([1, 0, 1, 1, 1]),
    Buffer.concat([Buffer.from([2]), encode([1, 'yes'])]),
    Buffer.concat([Buffer.from([1]), encode({ round: 1 })]),
    Buffer.concat([Buffer.from([1]), encode('x'.repeat(1000))]),
  ])
    assert.equal(decode(body), null, Buffer.from(body).toString('hex'));
  const ack = bytesOf({ kind: 'ack', epoch: 1, zxid: 1 });
  for (const value of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, largest + 1]) {
    ack.writeDoubleBE(value, 9);
    assert.equal(decode(ack), null, `zxid ${value}`);
    const epoch = bytesOf({ kind: 'ack', epoch: 1, zxid: 1 });
    epoch.writeDoubleBE(value, 1);
    assert.equal(decode(epoch), null, `epoch ${value}`);
  }
});

test('any bytes are a message or refused, and never throw', () => {
  const kinds = fc.constantFrom(...Array.from({ length: 32 }, (_, kind) => kind));
  fc.assert(
    fc.property(kinds, fc.uint8Array({ maxLength: 300 }), (kind, rest) => {
      const message = decode(Buffer.concat([Buffer.from([kind]), rest]));
      if (message !== null && !openEnded.has(message.kind)) assert.deepEqual(decode(bytesOf(message)), message);
    }),
    { numRuns: 3000 },
  );
});
