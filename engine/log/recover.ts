/**
 * Reads everything that a log folder holds after a stop or a crash, and decides whether it can be trusted.
 *
 *   state → segments in order → the tail of the newest one → where the writer goes on
 */
import type { Checksum } from '../txn/batch.ts';
import type { Files } from './files.ts';
import { decodeSegmentHeader, segmentName } from './format.ts';
import { decodeStateFile, encodeState, slotBytes, stateName, type StateRecord } from './hard-state.ts';
import { judgeTail, scanSegment, type SegmentScan } from './recovery.ts';
import type { LogEnd, SegmentInfo } from './writer.ts';

export interface RecoveredLog extends LogEnd {
  /** Everything up to here is known to be committed. */
  readonly committed: number;
  /** Bytes of a torn tail that were cut. */
  readonly cutBytes: number;
}

/** What keeps a server from starting: a part of the folder and what is wrong with it. */
export class LogDamage extends Error {
  readonly file: string;

  constructor(file: string, what: string) {
    super(`${file} ${what}`);
    this.name = 'LogDamage';
    this.file = file;
  }
}

/**
 * @param snapshotZxid newest valid snapshot, -1 for none: segments that end before it may be missing
 * @throws LogDamage when data that was durable is missing or unreadable; nothing was changed then
 */
export function recoverLog(files: Files, server: number, snapshotZxid: number, checksum: Checksum): RecoveredLog {
  const state = recoverState(files, server, checksum);
  const found = dropTruncated(files, listSegments(files, checksum), state.truncateTo);
  let kept = found;
  let last = Math.max(snapshotZxid, 0);
  let committed = last;
  let tail: { scan: SegmentScan; info: SegmentInfo } | null = null;
  let cutBytes = 0;
  for (const [index, info] of found.entries()) {
    const name = segmentName(info.sequence);
    if (tail !== null && info.start !== tail.scan.last) {
      if (info.start > snapshotZxid) {
        throw new LogDamage(name, `follows a gap: batches between ${tail.scan.last} and ${info.start} are missing`);
      }
      // A leader's snapshot was installed here; what lies before it is of no use any more.
      for (const { sequence } of found.slice(0, index)) files.remove(segmentName(sequence));
      kept = found.slice(index);
    }
    const isNewest = index === found.length - 1;
    const bytes = files.read(name);
    const { truncateTo } = state;
    const scan = scanSegment(
      bytes,
      info.sequence,
      info.start,
      checksum,
      (batch) => truncateTo < 0 || batch.last <= truncateTo,
    );
    const verdict = truncateTo >= 0 && isNewest ? 'cut' : judgeTail(scan, isNewest, isNewest ? state.durable : -1);
    if (verdict === 'damaged') {
      throw new LogDamage(name, `is damaged at offset ${scan.end}, after zxid ${scan.last}, where data was durable`);
    }
    if (verdict === 'cut') {
      cutBytes = bytes.length - scan.end;
      cutTail(files, name, scan.end);
    }
    tail = { scan, info };
    committed = Math.max(committed, Math.min(scan.committed, scan.last));
  }
  if (tail !== null && tail.scan.last >= last) last = tail.scan.last;
  // A snapshot beyond the end of the log was installed by a leader just before a crash: it stands alone.
  const alone = tail === null || tail.scan.last < last;
  if (alone) for (const { sequence } of kept) files.remove(segmentName(sequence));
  return {
    state,
    last,
    committed,
    cutBytes,
    segments: alone ? [] : kept,
    end: alone ? 0 : tail!.scan.end,
    chain: alone ? 0 : tail!.scan.chain,
  };
}

function recoverState(files: Files, server: number, checksum: Checksum): StateRecord {
  if (!files.exists(stateName)) {
    const fresh: StateRecord = {
      acceptedEpoch: 0,
      currentEpoch: 0,
      ensembleId: 0,
      sequence: 1,
      server,
      truncateTo: -1,
      durable: 0,
    };
    const file = files.create(`${stateName}.tmp`);
    files.write(file, encodeState({ ...fresh, sequence: 0 }, checksum), slotBytes, 0);
    files.write(file, encodeState(fresh, checksum), slotBytes, slotBytes);
    files.sync(file);
    files.close(file);
    files.rename(`${stateName}.tmp`, stateName);
    files.syncFolder();
    return fresh;
  }
  const state = decodeStateFile(files.read(stateName), checksum);
  if (state === null) throw new LogDamage(stateName, 'is damaged in both of its copies');
  if (state.server !== server) {
    throw new LogDamage(stateName, `belongs to server ${state.server}, but this is server ${server}`);
  }
  return state;
}

function listSegments(files: Files, checksum: Checksum): SegmentInfo[] {
  const names = files.list();
  for (const name of names) if (/^log\.\d{10}\.tmp$/.test(name)) files.remove(name);
  return names
    .filter((name) => /^log\.\d{10}$/.test(name))
    .sort()
    .map((name) => {
      const header = decodeSegmentHeader(files.read(name), checksum);
      const sequence = Number(name.slice(4));
      if (header === null || header.sequence !== sequence) throw new LogDamage(name, 'is damaged in its header');
      return { sequence, start: header.start };
    });
}

/** A truncation that a crash interrupted goes on: segments that begin where it cuts go. */
function dropTruncated(files: Files, segments: SegmentInfo[], truncateTo: number): SegmentInfo[] {
  if (truncateTo < 0) return segments;
  const isKept = (segment: SegmentInfo, index: number): boolean => index === 0 || segment.start < truncateTo;
  for (const segment of segments.filter((each, index) => !isKept(each, index))) {
    files.remove(segmentName(segment.sequence));
  }
  return segments.filter(isKept);
}

function cutTail(files: Files, name: string, end: number): void {
  const file = files.open(name);
  files.truncate(file, end);
  files.sync(file);
  files.close(file);
}
