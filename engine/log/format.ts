/**
 * How batches lie in a log segment.
 *
 *   segment   │ header 64 B │ entry │ entry │ … │ zeros (preallocated) │
 *   entry     │ header 48 B │ batch (its own length and CRC first, see txn/batch.ts) │
 *
 *   segment header   u32 magic · u32 version · u32 sequence · u32 server · f64 start · u32 crc of these
 *   entry header     u32 magic · u32 length (header and batch) · u32 segment · u32 offset · u32 chain
 *                    u32 crc of the batch · f64 committed · f64 durable · u32 crc of these · u32 0
 *
 * `segment` and `offset` catch entries that lie where they were never written, `chain` (the header CRC
 * of the entry before) catches holes, and `durable` (the last zxid known to be on disk when this was
 * written) is what tells a torn tail from damage to something acknowledged.
 */
import { Buffer } from 'node:buffer';
import { isZxid } from '../base/zxid.ts';
import { batchHeaderBytes, type Checksum } from '../txn/batch.ts';

export const segmentHeaderBytes = 64;
export const entryHeaderBytes = 48;
export const entryMagic = 0x5a424c45;
const segmentMagic = 0x5a424c53;
const formatVersion = 1;

export function segmentName(sequence: number): string {
  return `log.${String(sequence).padStart(10, '0')}`;
}

export interface SegmentHeader {
  readonly sequence: number;
  readonly server: number;
  /** Position before the first batch of the segment. */
  readonly start: number;
}

export function encodeSegmentHeader(header: SegmentHeader, checksum: Checksum): Buffer {
  const bytes = Buffer.alloc(segmentHeaderBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(0, segmentMagic);
  view.setUint32(4, formatVersion);
  view.setUint32(8, header.sequence);
  view.setUint32(12, header.server);
  view.setFloat64(16, header.start);
  view.setUint32(24, checksum(bytes, 0, 24));
  return bytes;
}

/** The header, or null when the bytes are none. */
export function decodeSegmentHeader(bytes: Buffer, checksum: Checksum): SegmentHeader | null {
  if (bytes.length < segmentHeaderBytes) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (view.getUint32(0) !== segmentMagic || view.getUint32(4) !== formatVersion) return null;
  if (view.getUint32(24) !== checksum(bytes, 0, 24)) return null;
  // What no checksum covers must be as it was written: zero.
  for (let at = 28; at < segmentHeaderBytes; at++) if (bytes[at] !== 0) return null;
  const start = view.getFloat64(16);
  return isZxid(start) ? { sequence: view.getUint32(8), server: view.getUint32(12), start } : null;
}

export interface EntryHeader {
  /** Bytes of the header and the batch. */
  length: number;
  segment: number;
  offset: number;
  chain: number;
  batchCrc: number;
  committed: number;
  durable: number;
  /** CRC of this header: the next entry's chain. */
  crc: number;
}

/** Writes the header of an entry at `target[at]`; returns its CRC. */
export function encodeEntryHeader(header: EntryHeader, target: Buffer, at: number, checksum: Checksum): number {
  const view = new DataView(target.buffer, target.byteOffset + at);
  view.setUint32(0, entryMagic);
  view.setUint32(4, header.length);
  view.setUint32(8, header.segment);
  view.setUint32(12, header.offset);
  view.setUint32(16, header.chain);
  view.setUint32(20, header.batchCrc);
  view.setFloat64(24, header.committed);
  view.setFloat64(32, header.durable);
  const crc = checksum(target, at, at + 40);
  view.setUint32(40, crc);
  view.setUint32(44, 0);
  return crc;
}

/** The entry header at `bytes[at]`, or null when there is none that is whole. */
export function decodeEntryHeader(bytes: Buffer, at: number, checksum: Checksum): EntryHeader | null {
  if (at + entryHeaderBytes > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  if (view.getUint32(0) !== entryMagic) return null;
  const crc = view.getUint32(40);
  if (crc !== checksum(bytes, at, at + 40) || view.getUint32(44) !== 0) return null;
  const length = view.getUint32(4);
  const committed = view.getFloat64(24);
  const durable = view.getFloat64(32);
  if (length < entryHeaderBytes + batchHeaderBytes || !isZxid(committed) || !isZxid(durable)) return null;
  return {
    length,
    segment: view.getUint32(8),
    offset: view.getUint32(12),
    chain: view.getUint32(16),
    batchCrc: view.getUint32(20),
    committed,
    durable,
    crc,
  };
}
