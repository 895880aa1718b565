/**
 * Opens the log after whatever ended the last life of the server.
 *
 *   read the state and every segment ─► decide (recovery.ts) ─► change files only when all is decided
 *
 * Everything that is found counts as durable from here on, so it is made durable first: after a
 * kill -9 the newest bytes may lie in the page cache alone.
 */
import { Buffer } from 'node:buffer';
import { zxidText } from '../base/zxid.ts';
import type { Checksum } from '../txn/batch.ts';
import type { Files } from './files.ts';
import { decodeSegmentHeader, segmentName } from './format.ts';
import { decodeStateFile, encodeState, stateName, type StateFile, type StateRecord } from './hard-state.ts';
import { planRecovery, scanSegment, type FoundSegment } from './recovery.ts';
import type { LogEnd } from './writer.ts';

export interface RecoveredLog extends LogEnd {
  /** Everything up to here is known to be committed. */
  readonly committed: number;
  /** What an operator may want to know about the last end. */
  readonly notes: readonly string[];
}

/** What keeps a server from starting: a file of the folder and what is wrong with it. */
export class LogDamage extends Error {
  readonly file: string;
  readonly what: string;
  /** What to do about it; null: as about any damage. */
  readonly advice: string | null;

  constructor(file: string, what: string, advice: string | null = null) {
    super(`${file} ${what}`);
    this.name = 'LogDamage';
    this.file = file;
    this.what = what;
    this.advice = advice;
  }
}

/**
 * Reads everything the folder holds and decides whether it can be trusted.
 *
 * @param server id of this server
 * @param snapshotZxid newest snapshot, found whole; -1 for none: what it covers may be missing
 * @throws LogDamage when data that was durable is missing or unreadable; nothing was changed then
 */
export function recoverLog(files: Files, server: number, snapshotZxid: number, checksum: Checksum): RecoveredLog {
  const { record: state, bothValid } = recoverState(files, server, snapshotZxid, checksum);
  const { truncateTo, durable, newestSegment } = state;
  const names = files.list().sort();
  const all = segmentNames(names).map((name) => readSegment(files, name, server, truncateTo, checksum));
  const found = withoutTruncated(all, truncateTo);
  const plan = planRecovery(found, { snapshotZxid, durable, newestSegment, truncateTo });
  if (plan.kind === 'refuse') throw new LogDamage(segmentName(plan.sequence), plan.what);

  const kept = found.slice(plan.from);
  const notes = bothValid ? [] : [`one of the two records in the file ${stateName} is damaged: the other one counts`];
  for (const segment of all.filter((each) => !kept.includes(each))) {
    files.remove(segmentName(segment.sequence));
    if (found.includes(segment)) notes.push(`${segmentName(segment.sequence)} was not whole, but a snapshot covers it`);
  }
  for (const name of names) if (/^(log|state)\b.*\.tmp$/.test(name)) files.remove(name);
  const newest = kept.at(-1);
  const scan = newest?.scan ?? null;
  if (newest !== undefined && scan !== null) {
    settle(files, segmentName(newest.sequence), plan.cut ? scan.end : -1);
    if (plan.cut && truncateTo < 0) {
      notes.push(`the torn tail of the log was cut: ${scan.tornBytes} bytes after zxid ${zxidText(scan.last)}`);
    }
  }
  files.syncFolder();
  const committed = kept.map((segment) => Math.min(segment.scan!.committed, segment.scan!.last));
  return {
    state,
    segments: kept.map(({ sequence, start }) => ({ sequence, start })),
    last: plan.last,
    committed: Math.max(snapshotZxid, 0, ...committed),
    end: scan?.end ?? 0,
    chain: scan?.chain ?? 0,
    restart: plan.restart,
    notes,
  };
}

/** Of all files of the folder those that are segments, oldest first. */
export function segmentNames(names: readonly string[]): string[] {
  return names.filter((name) => /^log\.\d{10}$/.test(name)).sort();
}

/** A truncation that a crash interrupted goes on: segments that begin where it cuts go. */
export function withoutTruncated(all: readonly FoundSegment[], truncateTo: number): FoundSegment[] {
  return all.filter(({ start }, index) => truncateTo < 0 || index === 0 || start < truncateTo);
}

function recoverState(files: Files, server: number, snapshotZxid: number, checksum: Checksum): StateFile {
  if (!files.exists(stateName)) {
    if (snapshotZxid >= 0 || files.list().some((name) => name.startsWith('log.'))) {
      throw new LogDamage(stateName, 'is missing, although this server has been running');
    }
    return { record: createState(files, server, checksum), bothValid: true };
  }
  const found = decodeStateFile(files.read(stateName), checksum);
  if (found === null) throw new LogDamage(stateName, 'is damaged in both of its records');
  if (found.record.server !== server) {
    throw new LogDamage(
      stateName,
      `belongs to server ${found.record.server}, but this is server ${server}`,
      'Correct myid or dataDir.',
    );
  }
  return found;
}

function createState(files: Files, server: number, checksum: Checksum): StateRecord {
  const record: StateRecord = {
    acceptedEpoch: 0,
    currentEpoch: 0,
    ensembleId: 0,
    sequence: 1,
    server,
    truncateTo: -1,
    durable: 0,
    newestSegment: 0,
  };
  const bytes = Buffer.concat([encodeState({ ...record, sequence: 0 }, checksum), encodeState(record, checksum)]);
  const file = files.create(`${stateName}.tmp`);
  files.write(file, bytes, bytes.length, 0);
  files.sync(file);
  files.close(file);
  files.rename(`${stateName}.tmp`, stateName);
  return record;
}

/** @throws LogDamage when another server wrote it */
export function readSegment(
  files: Files,
  name: string,
  server: number,
  truncateTo: number,
  checksum: Checksum,
): FoundSegment {
  const sequence = Number(name.slice(4));
  const bytes = files.read(name);
  const header = decodeSegmentHeader(bytes, checksum);
  if (header === null || header.sequence !== sequence) return { sequence, start: -1, scan: null };
  if (header.server !== server) {
    const what = `was written by server ${header.server}, but this is server ${server}`;
    throw new LogDamage(name, what, 'Move it away.');
  }
  const { start } = header;
  const scan = scanSegment(bytes, sequence, start, checksum, ({ last }) => truncateTo < 0 || last <= truncateTo);
  return { sequence, start, scan };
}

/** Makes a segment durable as it is, or without what lies from `cutAt` on. */
function settle(files: Files, name: string, cutAt: number): void {
  const file = files.open(name);
  if (cutAt >= 0) files.truncate(file, cutAt);
  files.sync(file);
  files.close(file);
}
