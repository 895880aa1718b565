/**
 * What the segments hold after a crash, and whether what is missing was ever promised.
 *
 *   snapshot ─────────────────┐ everything up to here is safe whatever the log says
 *   │ segment 7 │ segment 8 │ good │ good │ good │ ✗ …………… │
 *                                                └ first byte that makes no sense
 *
 * The decision at ✗ rests on two questions. Does a verified snapshot cover what is missing? Then it is
 * of no use any more. Else: is there a sign that something here was on disk already? A later valid
 * entry of this segment, or the state record, may say `durable` beyond the last good entry. Then it is
 * damage to acknowledged data, and nothing may be cut. Otherwise it is the tail that a crash tore, or
 * wrote out of order (ZOOKEEPER-2560, 4744): cut, and the server starts.
 */
import type { Buffer } from 'node:buffer';
import { zxidText } from '../base/zxid.ts';
import { decodeBatch, type Batch, type Checksum } from '../txn/batch.ts';
import { decodeEntryHeader, entryHeaderBytes, entryMagic, segmentHeaderBytes } from './format.ts';

export interface SegmentScan {
  /** Offset after the last good entry: where the log goes on. */
  readonly end: number;
  /** zxid of the last good entry, or the segment's start. */
  readonly last: number;
  /** Highest `committed` that a good entry carries. */
  readonly committed: number;
  /** Header CRC of the last good entry: the chain goes on from it. */
  readonly chain: number;
  /** Bytes from `end` to the last one that is not zero; what follows is preallocated. */
  readonly tornBytes: number;
  /** Largest `durable` told by a valid entry after `end`; -1 when there is none. */
  readonly durableBeyond: number;
}

/**
 * Walks the entries of a segment from its header on.
 *
 * @param start zxid before the first entry; a good entry follows the one before it without a gap
 * @param visit called with each good batch and the offset of its entry; returns false to stop before it
 */
export function scanSegment(
  bytes: Buffer,
  sequence: number,
  start: number,
  checksum: Checksum,
  visit: (batch: Batch, offset: number) => boolean,
): SegmentScan {
  let at = segmentHeaderBytes;
  let last = start;
  let committed = 0;
  // Segments are linked by their start positions; the chain of CRCs begins anew in each.
  let link = 0;
  for (;;) {
    const header = decodeEntryHeader(bytes, at, checksum);
    if (header === null || header.segment !== sequence || header.offset !== at || header.chain !== link) break;
    const end = at + header.length;
    if (end > bytes.length) break;
    const batch = decodeEntryBatch(bytes.subarray(at + entryHeaderBytes, end), header.batchCrc, checksum);
    if (batch === null || batch.prev !== last || !visit(batch, at)) break;
    last = batch.last;
    committed = Math.max(committed, header.committed);
    link = header.crc;
    at = end;
  }
  return {
    end: at,
    last,
    committed,
    chain: link,
    tornBytes: lengthWithoutZeros(bytes, at) - at,
    durableBeyond: durableBeyond(bytes, at, sequence, checksum),
  };
}

/** The batch of an entry, or null when it is not the one that its header was written for. */
export function decodeEntryBatch(bytes: Buffer, batchCrc: number, checksum: Checksum): Batch | null {
  const batch = decodeBatch(bytes, checksum);
  return batch !== null && bytes.readUInt32BE(4) === batchCrc ? batch : null;
}

/** What valid entries of this segment after the place where the walk ended tell to have been durable. */
function durableBeyond(bytes: Buffer, from: number, sequence: number, checksum: Checksum): number {
  let durable = -1;
  const magic = Uint8Array.of(24, 16, 8, 0).map((shift) => entryMagic >>> shift);
  for (let at = bytes.indexOf(magic, from); at !== -1; at = bytes.indexOf(magic, at + 1)) {
    const header = decodeEntryHeader(bytes, at, checksum);
    if (header !== null && header.segment === sequence && header.offset === at) {
      durable = Math.max(durable, header.durable);
    }
  }
  return durable;
}

function lengthWithoutZeros(bytes: Buffer, from: number): number {
  let length = bytes.length;
  while (length > from && bytes[length - 1] === 0) length--;
  return Math.max(length, from);
}

/** A segment file as it was found. */
export interface FoundSegment {
  readonly sequence: number;
  /** From its header; -1 when that is unreadable, and then there is no scan. */
  readonly start: number;
  readonly scan: SegmentScan | null;
}

/** What is known about the log from outside of it. */
export interface Evidence {
  /** The newest snapshot, found whole; -1 when there is none. */
  readonly snapshotZxid: number;
  /** From the state record. */
  readonly durable: number;
  readonly newestSegment: number;
  readonly truncateTo: number;
}

export type RecoveryPlan =
  | {
      readonly kind: 'start';
      /** Index of the first segment that is kept; those before are covered by the snapshot and not whole. */
      readonly from: number;
      /** The newest segment is cut at the end of its scan. */
      readonly cut: boolean;
      /** Nothing in the log goes beyond the snapshot: it starts anew there. */
      readonly restart: boolean;
      readonly last: number;
    }
  | { readonly kind: 'refuse'; readonly sequence: number; readonly what: string };

/** Decides what to do with the segments, oldest first. */
export function planRecovery(found: readonly FoundSegment[], evidence: Evidence): RecoveryPlan {
  const covered = Math.max(evidence.snapshotZxid, 0);
  const isTruncating = evidence.truncateTo >= 0;
  const newest = found.at(-1);
  if ((newest?.sequence ?? 0) < evidence.newestSegment && !isTruncating) {
    return { kind: 'refuse', sequence: evidence.newestSegment, what: 'is missing' };
  }
  if (newest === undefined) return { kind: 'start', from: 0, cut: false, restart: true, last: covered };
  let from = 0;
  for (const [index, segment] of found.entries()) {
    const next = found[index + 1];
    const fault = next === undefined ? null : faultBefore(segment, next);
    if (fault === null) continue;
    if (next!.start === -1 || next!.start > covered) return { kind: 'refuse', ...fault };
    from = index + 1;
  }
  const { scan } = newest;
  if (scan === null) return { kind: 'refuse', sequence: newest.sequence, what: 'is damaged in its header' };
  const durable = Math.max(evidence.durable, isTruncating ? -1 : scan.durableBeyond);
  if (durable > scan.last && durable > covered) {
    return { kind: 'refuse', sequence: newest.sequence, what: damagedAt(scan) };
  }
  const { sequence, start } = found[from]!;
  if (start > covered) {
    const what = `begins at zxid ${zxidText(start)}, but no whole snapshot reaches that far`;
    return { kind: 'refuse', sequence, what };
  }
  const restart = scan.last < covered;
  return {
    kind: 'start',
    from,
    cut: !restart && (isTruncating || scan.tornBytes > 0),
    restart,
    last: Math.max(scan.last, covered),
  };
}

/** Why the log does not go on from a segment to the next, or null when it does. */
export function faultBefore(
  { sequence, scan }: FoundSegment,
  next: FoundSegment,
): { readonly sequence: number; readonly what: string } | null {
  if (scan === null) return { sequence, what: 'is damaged in its header' };
  if (scan.tornBytes > 0) return { sequence, what: damagedAt(scan) };
  if (next.sequence !== sequence + 1) return { sequence: sequence + 1, what: 'is missing' };
  if (next.start === -1 || next.start === scan.last) return null;
  return { sequence, what: `ends at zxid ${zxidText(scan.last)}, but the next one begins at ${zxidText(next.start)}` };
}

/** Text for a segment whose good part ends before something durable. */
export function damagedAt(scan: SegmentScan): string {
  return `is damaged at offset ${scan.end}, after zxid ${zxidText(scan.last)}, where data was already durable`;
}
