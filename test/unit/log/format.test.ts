/** Formats of the log: what was written comes back, and no changed byte goes unnoticed. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 } from '../../../engine/io/crc32.ts';
import {
  decodeEntryHeader,
  decodeSegmentHeader,
  encodeEntryHeader,
  encodeSegmentHeader,
  entryHeaderBytes,
  segmentHeaderBytes,
} from '../../../engine/log/format.ts';
import { decodeStateFile, encodeState, slotBytes } from '../../../engine/log/hard-state.ts';
import { scanSegment } from '../../../engine/log/recovery.ts';
import { segmentName } from '../../../engine/log/format.ts';
import { memoryFolder, stateFile, stateRecord, writeSegment } from '../../support/log.ts';

/** Each byte changed in three ways: its lowest and its highest bit, and all of them. */
function* changes(bytes: Buffer, from = 0, to = bytes.length): Generator<{ changed: Buffer; at: number }> {
  for (let at = from; at < to; at++) {
    for (const mask of [0x01, 0x80, 0xff]) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= mask;
      yield { changed, at };
    }
  }
}

test('segment header: comes back', () => {
  const header = { sequence: 7, server: 3, start: 5 * 2 ** 32 + 9 };
  const bytes = encodeSegmentHeader(header, crc32);
  assert.equal(bytes.length, segmentHeaderBytes);
  assert.deepEqual(decodeSegmentHeader(bytes, crc32), header);
});

test('segment header: a changed byte and a short one are noticed', () => {
  const bytes = encodeSegmentHeader({ sequence: 7, server: 3, start: 9 }, crc32);
  for (const { changed, at } of changes(bytes)) assert.equal(decodeSegmentHeader(changed, crc32), null, `byte ${at}`);
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(decodeSegmentHeader(bytes.subarray(0, length), crc32), null);
  }
});

test('entry header: comes back from the middle of a buffer', () => {
  const header = {
    length: 300,
    segment: 2,
    offset: 64,
    chain: 5,
    batchCrc: 6,
    committed: 2 ** 32 + 1,
    durable: 2 ** 40,
  };
  const bytes = Buffer.alloc(100);
  const crc = encodeEntryHeader({ ...header, crc: 0 }, bytes, 20, crc32);
  assert.deepEqual(decodeEntryHeader(bytes, 20, crc32), { ...header, crc });
});

test('entry header: a changed byte and a short one are noticed', () => {
  const header = { length: 300, segment: 2, offset: 64, chain: 5, batchCrc: 6, committed: 7, durable: 8, crc: 0 };
  const bytes = Buffer.alloc(entryHeaderBytes);
  encodeEntryHeader(header, bytes, 0, crc32);
  for (const { changed, at } of changes(bytes)) assert.equal(decodeEntryHeader(changed, 0, crc32), null, `byte ${at}`);
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(decodeEntryHeader(bytes.subarray(0, length), 0, crc32), null);
  }
});

test('segment: the walk ends before the entry that has a changed byte', (t) => {
  const folder = memoryFolder(t);
  const places = writeSegment(folder, 1, 0, [[20], [20], [20]]);
  const bytes = readFileSync(join(folder, segmentName(1)));
  const scan = (image: Buffer) => scanSegment(image, 1, 0, crc32, () => true);
  const whole = scan(bytes);
  assert.deepEqual([whole.last, whole.end, whole.tornBytes, whole.durableBeyond], [3, bytes.length, 0, -1]);
  for (const [zxid, { offset, end }] of places) {
    for (const { changed, at } of changes(bytes, offset, end)) {
      const { last, end: scanned, durableBeyond } = scan(changed);
      assert.equal(last, zxid - 1, `byte ${at}`);
      assert.equal(scanned, offset, `byte ${at}`);
      // The entries after it tell what was durable when they were written.
      if (zxid < 3) assert.equal(durableBeyond, 2, `byte ${at}`);
    }
  }
});

test('segment: an entry of another segment or offset, or one whose batch was exchanged, is none', (t) => {
  const folder = memoryFolder(t);
  const places = writeSegment(folder, 1, 0, [[20], [20], [20]]);
  const bytes = readFileSync(join(folder, segmentName(1)));
  const [first, second, third] = [places.get(1)!, places.get(2)!, places.get(3)!];
  const scan = (image: Buffer, sequence = 1) => scanSegment(image, sequence, 0, crc32, () => true).last;
  assert.equal(scan(bytes, 2), 0);
  const moved = Buffer.from(bytes);
  bytes.copy(moved, second.offset, third.offset, third.end);
  assert.equal(scan(moved), 1);
  const exchanged = Buffer.from(bytes);
  bytes.copy(exchanged, second.offset + entryHeaderBytes, first.offset + entryHeaderBytes, first.end);
  assert.equal(scan(exchanged), 1);
});

test('state: the newer record counts, whichever slot it is in', () => {
  for (const sequence of [10, 11]) {
    const record = stateRecord({ sequence, durable: 2 ** 33 + 5, newestSegment: 4, truncateTo: 3 });
    assert.deepEqual(decodeStateFile(stateFile(record), crc32), { record, bothValid: true });
  }
});

test('state: a changed byte of one record leaves the other, of both none', () => {
  const recordBytes = 76;
  const newer = stateRecord({ sequence: 11, durable: 7 });
  const older = stateRecord({ sequence: 10, durable: 6 });
  const [a, b] = [encodeState(older, crc32), encodeState(newer, crc32)];
  for (const { changed, at } of changes(b, 0, recordBytes)) {
    const found = decodeStateFile(Buffer.concat([a, changed]), crc32);
    assert.deepEqual(found, { record: older, bothValid: false }, `byte ${at}`);
  }
  for (const { changed, at } of changes(a, 0, recordBytes)) {
    const found = decodeStateFile(Buffer.concat([changed, b]), crc32);
    assert.deepEqual(found, { record: newer, bothValid: false }, `byte ${at}`);
  }
  assert.equal(decodeStateFile(Buffer.alloc(2 * slotBytes), crc32), null);
  assert.equal(decodeStateFile(Buffer.alloc(0), crc32), null);
});

test('state: a file that ends within its second slot has the first', () => {
  const record = stateRecord({ sequence: 10, durable: 6 });
  const bytes = encodeState(record, crc32);
  assert.deepEqual(decodeStateFile(Buffer.concat([bytes, bytes.subarray(0, 40)]), crc32), { record, bothValid: false });
});
