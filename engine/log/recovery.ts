/**
 * What a segment holds after a crash, and whether what is missing was ever promised.
 *
 *   │ good │ good │ good │ ✗ …………………………………… │
 *                        └ first byte that makes no sense
 *
 * The decision at ✗ rests on one question: is there a sign that something here was on disk already?
 * A later valid entry of this segment, or the state record, may say `durable` beyond the last good
 * entry. Then it is damage to acknowledged data, and nothing may be cut. Otherwise it is the tail
 * that a crash tore, or wrote out of order (ZOOKEEPER-2560, 4744): cut, and the server starts.
 */
import type { Buffer } from 'node:buffer';
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
  /** There are bytes after `end` that are neither good nor zero. */
  readonly torn: boolean;
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
    const batch = decodeBatch(bytes.subarray(at + entryHeaderBytes, end), checksum);
    if (batch === null || batch.prev !== last || !visit(batch, at)) break;
    last = batch.last;
    committed = Math.max(committed, header.committed);
    link = header.crc;
    at = end;
  }
  const { torn, durableBeyond } = searchBeyond(bytes, at, sequence, checksum);
  return { end: at, last, committed, chain: link, torn, durableBeyond };
}

/** Looks for valid entries of this segment after the place where the walk ended. */
function searchBeyond(
  bytes: Buffer,
  from: number,
  sequence: number,
  checksum: Checksum,
): { torn: boolean; durableBeyond: number } {
  let durableBeyond = -1;
  const magic = magicBytes();
  for (let at = bytes.indexOf(magic, from); at !== -1; at = bytes.indexOf(magic, at + 1)) {
    const header = decodeEntryHeader(bytes, at, checksum);
    if (header !== null && header.segment === sequence && header.offset === at) {
      durableBeyond = Math.max(durableBeyond, header.durable);
    }
  }
  return { torn: !isZero(bytes, from), durableBeyond };
}

function magicBytes(): Uint8Array {
  return Uint8Array.of(entryMagic >>> 24, (entryMagic >>> 16) & 0xff, (entryMagic >>> 8) & 0xff, entryMagic & 0xff);
}

function isZero(bytes: Buffer, from: number): boolean {
  for (let i = from; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** What to do about the end of the newest segment. */
export type TailVerdict = 'clean' | 'cut' | 'damaged';

/**
 * @param isNewest only the newest segment may end in a torn tail
 * @param durable largest zxid that any evidence says was on disk
 */
export function judgeTail(scan: SegmentScan, isNewest: boolean, durable: number): TailVerdict {
  if (Math.max(durable, scan.durableBeyond) > scan.last && (scan.torn || isNewest)) return 'damaged';
  if (!scan.torn) return 'clean';
  return isNewest ? 'cut' : 'damaged';
}
