/**
 * A data folder after a crash: state record and segments, as they are or damaged.
 *
 *   torn     bytes changed after all checksums were written, as a bad disk does: nothing of it may be believed
 *   sealed   fields changed before the checksums, so that what lies behind them is reached
 */
import type { Prng } from '../../../engine/base/prng.ts';
import { crc32 } from '../../../engine/io/crc32.ts';
import { entryHeaderBytes, encodeSegmentHeader, segmentHeaderBytes } from '../../../engine/log/format.ts';
import { encodeState, slotBytes, type StateRecord } from '../../../engine/log/hard-state.ts';
import { makeBatch, server, stateRecord } from '../../support/log.ts';
import { Draft } from '../draft.ts';
import { damaged, mutate, noise } from '../mutate.ts';
import { sealBatch } from './batch.ts';

export interface LogImage {
  readonly sealed: boolean;
  /** Nothing was changed in the state record. */
  readonly stateIsWhole: boolean;
  readonly snapshotZxid: number;
  /** End of what was durable before the crash, and of what was written. */
  readonly durable: number;
  readonly written: number;
  readonly state: Buffer;
  readonly segments: readonly { readonly sequence: number; readonly bytes: Buffer }[];
}

/** Entries with the length, checksum and chain that their content asks for. */
function segment(
  prng: Prng,
  sequence: number,
  start: number,
  count: number,
  durable: number,
  probability: number,
): Buffer {
  const header = Buffer.from(encodeSegmentHeader({ sequence, server, start }, crc32));
  if (prng.chance(probability / 2)) {
    mutate(prng, { bytes: header, marks: segmentMarks }).copy(header);
    header.writeUInt32BE(crc32(header, 0, 24), 24);
  }
  const parts: Buffer[] = [header];
  let offset = segmentHeaderBytes;
  let chain = 0;
  for (let zxid = start + 1; zxid <= start + count; zxid++) {
    const original = makeBatch(zxid - 1, 1, prng.pick([20, 20, 700])).bytes;
    const bytes = sealBatch(
      damaged(
        prng,
        new Draft()
          .i32(0)
          .i32(0)
          .f64(zxid - 1)
          .f64(zxid)
          .raw(original.subarray(24)),
        probability,
      ),
    );
    const known = Math.min(durable, zxid - 1);
    const head = new Draft()
      .i32(0x5a424c45)
      .size(entryHeaderBytes + bytes.length)
      .i32(sequence)
      .size(offset);
    head
      .i32(chain | 0)
      .i32(bytes.length >= 8 ? bytes.readInt32BE(4) : 0)
      .f64(known)
      .f64(known);
    const fields = Buffer.alloc(entryHeaderBytes);
    damaged(prng, head, probability).copy(fields, 0, 0, 40);
    chain = crc32(fields, 0, 40);
    fields.writeUInt32BE(chain, 40);
    parts.push(fields, bytes);
    offset += entryHeaderBytes + bytes.length;
  }
  return Buffer.concat(parts);
}

const segmentMarks = [
  ...[0, 4, 8, 12].map((at) => ({ kind: 'int' as const, at, length: 4 })),
  { kind: 'double' as const, at: 16, length: 8 },
];

function stateBytes(prng: Prng, record: StateRecord, probability: number): Buffer {
  const slots = [record.sequence - 1, record.sequence].map((sequence) => {
    const slot = encodeState({ ...record, sequence }, crc32);
    if (!prng.chance(probability)) return slot;
    const marks = Array.from({ length: 8 }, (_, n) => ({ kind: 'double' as const, at: 8 + n * 8, length: 8 }));
    mutate(prng, { bytes: slot.subarray(0, 72), marks }).copy(slot, 0, 0, 72);
    slot.writeUInt32BE(crc32(slot, 0, 72), 72);
    return slot;
  });
  return Buffer.concat(slots);
}

export function drawLogImage(prng: Prng): LogImage {
  const sealed = prng.chance(0.6);
  const probability = sealed ? prng.pick([0.02, 0.1, 0.4]) : 0;
  const counts = Array.from({ length: 1 + prng.below(3) }, () => prng.below(5));
  const written = counts.reduce((sum, count) => sum + count, 0);
  const start = written - counts.at(-1)!;
  // Only the newest segment can have a tail that was not synced.
  const durable = start + prng.below(counts.at(-1)! + 1);
  let at = 0;
  const segments = counts.map((count, index) => {
    const bytes = segment(prng, index + 1, at, count, durable, probability);
    at += count;
    const isNewest = index === counts.length - 1;
    return { sequence: index + 1, bytes: isNewest ? Buffer.concat([bytes, Buffer.alloc(prng.pick([0, 512]))]) : bytes };
  });
  const record = stateRecord({ durable, newestSegment: counts.length });
  const state = stateBytes(prng, record, probability);
  const snapshotZxid = prng.pick([-1, -1, 0, durable, prng.below(written + 1), written + 5]);
  const image = { sealed, stateIsWhole: !sealed, snapshotZxid, durable, written, state, segments };
  return sealed ? image : torn(prng, image);
}

/** Damage that no checksum was told of. */
function torn(prng: Prng, image: LogImage): LogImage {
  let { stateIsWhole } = image;
  const segments = image.segments.map(({ sequence, bytes }) => ({ sequence, bytes: Buffer.from(bytes) as Buffer }));
  let { state }: { state: Buffer } = image;
  for (let times = prng.below(3); times > 0; times--) {
    if (prng.chance(0.2)) {
      stateIsWhole = false;
      state = Buffer.from(state);
      state[prng.below(2) * slotBytes + prng.below(80)]! ^= 1 << prng.below(8);
      continue;
    }
    const segment = prng.pick(segments);
    segment.bytes = tear(prng, segment.bytes);
    if (prng.chance(0.05)) segments.splice(segments.indexOf(segment), 1);
    if (segments.length === 0) break;
  }
  return { ...image, stateIsWhole, state, segments };
}

function tear(prng: Prng, bytes: Buffer): Buffer {
  if (bytes.length === 0) return bytes;
  const at = prng.below(bytes.length);
  switch (prng.below(5)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      bytes.fill(0, at);
      return bytes;
    case 2:
      noise(prng, Math.min(16, bytes.length - at)).copy(bytes, at);
      return bytes;
    case 3:
      bytes.copy(bytes, prng.below(bytes.length), at);
      return bytes;
    default:
      bytes[at]! ^= 1 << prng.below(8);
      return bytes;
  }
}
