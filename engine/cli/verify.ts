/**
 * `zabra verify DIR`: every checksum of a data folder, without a server and without a write.
 *
 *   state (both records) · every log segment, entry by entry, and that they follow each other ·
 *   every snapshot, chunk by chunk, and that it makes a whole tree · what a server would decide at its start
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { zxidText } from '../base/zxid.ts';
import { crc32 } from '../io/crc32.ts';
import { folderName, lockHolder } from '../io/data-folder.ts';
import { FolderFiles } from '../io/folder-files.ts';
import { segmentName } from '../log/format.ts';
import { decodeStateFile, stateName, type StateRecord } from '../log/hard-state.ts';
import { LogDamage, readSegment, segmentNames, withoutTruncated } from '../log/recover.ts';
import { damagedAt, faultBefore, planRecovery, type FoundSegment } from '../log/recovery.ts';
import { printLine, tableLines } from './print.ts';
import { readSnapshot } from './snapshot-dump.ts';

export interface Finding {
  readonly file: string;
  /** `note`: nothing is lost, or a server mends it by itself. */
  readonly kind: 'damage' | 'note';
  readonly what: string;
}

export interface Checked {
  readonly file: string;
  readonly what: string;
}

export interface Verdict {
  readonly folder: string;
  /** The process that holds the folder. */
  readonly heldBy: number | null;
  /** What was read and is whole. */
  readonly whole: readonly Checked[];
  readonly findings: readonly Finding[];
}

/**
 * Prints what it finds; returns whether nothing is damaged.
 *
 * @param logDir dataLogDir, when it is another folder
 * @throws Error with one sentence when there is no data folder
 */
export function verifyFolder(dataDir: string, logDir: string, json: boolean): boolean {
  const verdict = inspectFolder(engineFolder(dataDir), engineFolder(logDir));
  if (json) printLine(JSON.stringify(verdict));
  else printVerdict(verdict);
  return verdict.findings.every(({ kind }) => kind === 'note');
}

/** DIR may be dataDir, as in zoo.cfg, or the folder in it. */
function engineFolder(dir: string): string {
  const inner = join(dir, folderName);
  if (existsSync(inner)) return inner;
  if (!existsSync(dir) || !statSync(dir).isDirectory()) throw new Error(`there is no folder ${dir}.`);
  if (readdirSync(dir).some((name) => name === stateName || /^(log|snapshot)\./.test(name))) return dir;
  throw new Error(`${dir} holds no data of Zabra: there is no ${folderName} in it.`);
}

function printVerdict({ folder, heldBy, whole, findings }: Verdict): void {
  printLine(folder);
  if (heldBy !== null) {
    printLine(`process ${heldBy} holds this folder: what it is writing just now may look torn.`);
  }
  const rows = [
    ...whole.map(({ file, what }) => [`  ${file}`, 'whole', what]),
    ...findings.map(({ file, kind, what }) => [`  ${file}`, kind, what]),
  ];
  for (const line of rows.length === 0 ? ['  empty'] : tableLines(rows)) printLine(line);
  const damaged = findings.filter(({ kind }) => kind === 'damage').length;
  printLine(damaged === 0 ? 'no damage' : `${damaged} ${damaged === 1 ? 'finding' : 'findings'} of damage`);
}

/** Looks at everything; `folder` has the snapshots, `logFolder` the log and the state. */
export function inspectFolder(folder: string, logFolder: string): Verdict {
  const report = new Report();
  const heldBy = lockHolder(folder) ?? lockHolder(logFolder);
  const snapshotZxid = inspectSnapshots(folder, report);
  const state = inspectState(logFolder, snapshotZxid, report);
  if (state !== null) inspectLog(logFolder, state, snapshotZxid, heldBy !== null, report);
  for (const each of new Set([folder, logFolder])) inspectRest(each, report);
  return { folder, heldBy, whole: report.whole, findings: report.findings };
}

class Report {
  readonly whole: Checked[] = [];
  readonly findings: Finding[] = [];

  good(file: string, what: string): void {
    this.whole.push({ file, what });
  }

  damage(file: string, what: string): void {
    // What the last step decides for a server may have been found before.
    if (!this.findings.some((known) => known.file === file && known.what === what))
      this.findings.push({ file, kind: 'damage', what });
  }

  note(file: string, what: string): void {
    this.findings.push({ file, kind: 'note', what });
  }
}

/** null for a file that a running server has removed since it was listed. */
function orGone<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return null;
  }
}

/** Returns the zxid of the newest whole snapshot, -1 without one. */
function inspectSnapshots(folder: string, report: Report): number {
  let newest = -1;
  const names = readdirSync(folder).filter((name) => /^snapshot\.[0-9a-f]{14}$/.test(name));
  for (const name of names.sort()) {
    const zxid = Number.parseInt(name.slice(9), 16);
    const state = orGone(() => readSnapshot(join(folder, name), zxid));
    if (state === null) continue;
    if (typeof state === 'string') {
      report.damage(name, state);
      continue;
    }
    const { tree } = state;
    newest = Math.max(newest, zxid);
    report.good(name, `zxid ${zxidText(zxid)}, ${tree.store.count} nodes, ${tree.table.size} sessions`);
  }
  return newest;
}

function inspectState(folder: string, snapshotZxid: number, report: Report): StateRecord | null {
  const files = new FolderFiles(folder);
  if (!files.exists(stateName)) {
    if (snapshotZxid >= 0 || segmentNames(files.list()).length > 0)
      report.damage(stateName, 'is missing, although a server has been running here');
    return null;
  }
  const found = decodeStateFile(files.read(stateName), crc32);
  if (found === null) {
    report.damage(stateName, 'is damaged in both of its records');
    return null;
  }
  const { record, bothValid } = found;
  const { server, currentEpoch, acceptedEpoch, durable } = record;
  if (!bothValid) report.note(stateName, 'one of its two records is damaged: the other one counts');
  report.good(
    stateName,
    `server ${server}, epoch ${currentEpoch}, accepted ${acceptedEpoch}, durable up to ${zxidText(durable)}`,
  );
  return record;
}

function inspectLog(folder: string, state: StateRecord, snapshotZxid: number, isHeld: boolean, report: Report): void {
  const files = new FolderFiles(folder);
  const all: FoundSegment[] = [];
  for (const name of segmentNames(files.list())) {
    const segment = orGone(() => readOrReport(files, name, state, report));
    if (segment === null && files.exists(name)) return;
    if (segment !== null) all.push(segment);
  }
  for (const [index, segment] of all.entries()) inspectSegment(segment, all[index + 1] ?? null, state.durable, report);
  const { durable, newestSegment, truncateTo } = state;
  const found = withoutTruncated(all, truncateTo);
  const plan = planRecovery(found, { snapshotZxid, durable, newestSegment, truncateTo });
  // While a server writes, its record may be ahead of what was read of the log a moment before.
  if (plan.kind === 'refuse' && !isHeld) report.damage(segmentName(plan.sequence), plan.what);
  else if (plan.kind === 'start' && truncateTo >= 0) report.note('log', 'a truncation was begun: a start finishes it');
}

function readOrReport(files: FolderFiles, name: string, state: StateRecord, report: Report): FoundSegment | null {
  try {
    return readSegment(files, name, state.server, state.truncateTo, crc32);
  } catch (error) {
    if (!(error instanceof LogDamage)) throw error;
    report.damage(error.file, error.what);
    return null;
  }
}

function inspectSegment(segment: FoundSegment, next: FoundSegment | null, durable: number, report: Report): void {
  const name = segmentName(segment.sequence);
  const { scan, start } = segment;
  const fault = next === null ? null : faultBefore(segment, next);
  if (fault !== null) {
    report.damage(segmentName(fault.sequence), fault.what);
  } else if (scan === null) {
    report.damage(name, 'is damaged in its header');
  } else if (scan.tornBytes > 0) {
    // A server starts if a snapshot covers it; it is damage all the same.
    if (Math.max(durable, scan.durableBeyond) > scan.last) report.damage(name, damagedAt(scan));
    else
      report.note(name, `${scan.tornBytes} bytes after zxid ${zxidText(scan.last)} are a torn tail: a start cuts it`);
  }
  if (scan !== null) report.good(name, `zxid ${zxidText(start)} to ${zxidText(scan.last)}, ${scan.end} bytes`);
}

function inspectRest(folder: string, report: Report): void {
  for (const name of readdirSync(folder).sort()) {
    if (name.endsWith('.damaged')) report.note(name, 'was found damaged by a server and set aside');
    else if (name.endsWith('.tmp')) report.note(name, 'is unfinished: a start removes it');
    else if (!/^(state|log\.\d{10}|snapshot\.[0-9a-f]{14}|lock\.\d+\.\w+)$/.test(name))
      report.note(name, 'is no file of a server');
  }
}
