/** Logs on real files: batches to write, images to damage, a store to drive. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { crc32 } from '../../engine/io/crc32.ts';
import { LogReader, type HistoryRead } from '../../engine/io/log-reader.ts';
import { recoverLog, type RecoveredLog } from '../../engine/io/log-recovery.ts';
import { LogStore, type LogOptions } from '../../engine/io/log-store.ts';
import { encodeEntryHeader, encodeSegmentHeader, entryHeaderBytes } from '../../engine/log/format.ts';
import { encodeState, type StateRecord } from '../../engine/log/hard-state.ts';
import { BatchWriter, type Batch } from '../../engine/txn/batch.ts';
import { segmentName } from '../../engine/log/format.ts';

/** A folder that goes when the test ends. */
export function temporaryFolder(test: TestContext): string {
  return removedAfter(test, tmpdir());
}

/** One in memory, where there is a place for it: for thousands of small cases, whose fsyncs would take minutes. */
export function memoryFolder(test: TestContext): string {
  return removedAfter(test, existsSync('/dev/shm') ? '/dev/shm' : tmpdir());
}

function removedAfter(test: TestContext, parent: string): string {
  const folder = mkdtempSync(join(parent, 'zabra-test-'));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A batch of `count` txns after `prev`; `bodyBytes` in all, different for every zxid. */
export function makeBatch(prev: number, count = 1, bodyBytes = 20): Batch {
  const writer = new BatchWriter(crc32);
  writer.begin(prev, prev + 1, 1_700_000_000_000);
  for (let i = 0; i < count; i++) {
    const body = Buffer.alloc(Math.ceil(bodyBytes / count), `${prev + 1 + i} `);
    writer.add(1, 1, 77, i, body, 0, body.length);
  }
  return writer.finish();
}

export const server = 1;

/** A state record as it is in the middle of a life. */
export function stateRecord(change: Partial<StateRecord>): StateRecord {
  return {
    acceptedEpoch: 3,
    currentEpoch: 3,
    ensembleId: 99,
    sequence: 10,
    server,
    truncateTo: -1,
    durable: 0,
    newestSegment: 0,
    ...change,
  };
}

/** Both slots, the newer record in the one that its sequence names, as the log worker writes them. */
export function stateFile(record: StateRecord): Buffer {
  const older = { ...record, sequence: record.sequence - 1 };
  const slots = [older, record].sort((a, b) => (a.sequence % 2) - (b.sequence % 2));
  return Buffer.concat(slots.map((each) => encodeState(each, crc32)));
}

/** Where an entry of a crafted segment lies. */
export interface EntryPlace {
  readonly sequence: number;
  readonly offset: number;
  readonly end: number;
}

/** Entries written and synced together; each a batch of one txn with a body of so many bytes. */
export type Group = readonly number[];

/** Writes a segment whose groups follow `start`; tells where each entry lies, by zxid. */
export function writeSegment(
  folder: string,
  sequence: number,
  start: number,
  groups: readonly Group[],
  by = server,
): Map<number, EntryPlace> {
  const places = new Map<number, EntryPlace>();
  const parts = [encodeSegmentHeader({ sequence, server: by, start }, crc32)];
  let offset = parts[0]!.length;
  let chain = 0;
  let last = start;
  for (const group of groups) {
    const durable = last;
    for (const bodyBytes of group) {
      const batch = makeBatch(last, 1, bodyBytes);
      const entry = Buffer.alloc(entryHeaderBytes + batch.bytes.length);
      batch.bytes.copy(entry, entryHeaderBytes);
      const batchCrc = batch.bytes.readUInt32BE(4);
      const header = { length: entry.length, segment: sequence, offset, chain, batchCrc, committed: durable, durable };
      chain = encodeEntryHeader({ ...header, crc: 0 }, entry, 0, crc32);
      parts.push(entry);
      places.set(batch.last, { sequence, offset, end: offset + entry.length });
      offset += entry.length;
      last = batch.last;
    }
  }
  writeFileSync(join(folder, segmentName(sequence)), Buffer.concat(parts));
  return places;
}

const openLogs = new Set<TestLog>();

/** For `afterEach`: a test that failed must not leave a worker behind, which would keep the process alive. */
export async function closeLogs(): Promise<void> {
  await Promise.all([...openLogs].map((log) => log.close()));
}

/** A log store whose completions can be awaited. */
export class TestLog {
  readonly store: LogStore;
  readonly recovered: RecoveredLog;
  readonly failures: string[] = [];
  /** Tickets in the order in which they were acknowledged. */
  readonly acknowledged: number[] = [];
  ticket = 0;
  last: number;
  #changed: () => void = () => {};

  constructor(folder: string, options: Partial<LogOptions> & { readonly snapshotZxid?: number } = {}) {
    const { snapshotZxid = -1, ...settings } = options;
    this.recovered = recoverLog(folder, server, snapshotZxid);
    this.last = this.recovered.last;
    openLogs.add(this);
    this.store = new LogStore(
      {
        folder,
        server,
        segmentBytes: 64 * 1024,
        preallocateBytes: 64 * 1024,
        ringBytes: 64 * 1024,
        slowMs: 60_000,
        ...settings,
      },
      this.recovered,
      {
        synced: (ticket) => {
          this.acknowledged.push(ticket);
          this.#changed();
        },
        failed: (error) => {
          this.failures.push(error);
          this.#changed();
        },
        slow: () => {},
      },
    );
  }

  append(count = 1, bodyBytes = 20): Batch {
    const batch = makeBatch(this.last, count, bodyBytes);
    this.store.append(++this.ticket, batch, this.last);
    this.last = batch.last;
    return batch;
  }

  truncate(last: number): void {
    this.store.truncate(++this.ticket, last);
    this.last = last;
  }

  reset(zxid: number): void {
    this.store.reset(++this.ticket, zxid);
    this.last = zxid;
  }

  /** Flushes; resolves once everything so far is durable. */
  async synced(): Promise<void> {
    this.store.flush();
    await this.until(() => (this.acknowledged.at(-1) ?? 0) >= this.ticket);
  }

  /** Resolves once the condition holds; it is looked at after each event of the store. */
  async until(condition: () => boolean): Promise<void> {
    const deadline = performance.now() + 10_000;
    while (!condition()) {
      if (this.failures.length > 0) throw new Error(`the log has failed: ${this.failures[0]}`);
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('not within ten seconds')), deadline - performance.now());
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Resolves with the text of the failure. */
  async failure(): Promise<string> {
    await this.until(() => this.failures.length > 0).catch((error: Error) => {
      if (this.failures.length === 0) throw error;
    });
    return this.failures[0]!;
  }

  read(after: number, bytesMax = 2 ** 30): Promise<HistoryRead> {
    return new Promise((resolve) => {
      this.store.read(after, bytesMax, (floor, batches) => resolve({ floor, batches }));
    });
  }

  /** zxids at which the batches after `after` end. */
  async ends(after: number): Promise<number[]> {
    return endsOf(await this.read(after));
  }

  async close(): Promise<void> {
    if (openLogs.delete(this)) await this.store.close();
  }
}

/** zxids at which batches that were read end; throws when one does not follow the one before. */
export function endsOf({ floor, batches }: HistoryRead): number[] {
  let last = floor;
  for (const { prev, last: end } of batches) {
    if (prev !== last) throw new Error(`a hole: ${prev} follows ${last}`);
    last = end;
  }
  return batches.map((batch) => batch.last);
}

/** What a closed log holds after `after`, without starting a worker. */
export async function endsOnDisk(folder: string, after: number, snapshotZxid = -1): Promise<number[]> {
  const { segments, last } = recoverLog(folder, server, snapshotZxid);
  return endsOf(await new LogReader(folder, { segments, durable: last, isChanging: false }).read(after, 2 ** 30));
}
