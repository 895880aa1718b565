/**
 * The log and the hard state on disk: recovery at start, then a front for the log worker.
 *
 *   append, saveState, … ─► ring ─► log worker (workers/log-writer.ts) ─► synced(ticket)
 *   read ◄── segment files, read by the main thread's own asynchronous calls
 */
import {
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  fsyncSync,
  closeSync,
  ftruncateSync,
  writeSync,
  unlinkSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import type { HardState } from '../consensus/core.ts';
import { decodeEntryHeader, decodeSegmentHeader, entryHeaderBytes, segmentHeaderBytes } from '../log/format.ts';
import { decodeStateFile, encodeState, slotBytes, type StateRecord } from '../log/hard-state.ts';
import { judgeTail, scanSegment, type SegmentScan } from '../log/recovery.ts';
import type { LogPort } from '../server/ports.ts';
import { decodeBatch, type Batch } from '../txn/batch.ts';
import {
  logRecord,
  segmentName,
  type LogMessage,
  type LogWorkerData,
  type SegmentInfo,
} from '../../workers/protocol.ts';
import { createRing, RingWriter } from '../../workers/ring.ts';
import { crc32 } from './crc32.ts';
import { StorageError, syncFolder } from './data-folder.ts';

export interface LogOptions {
  readonly folder: string;
  readonly server: number;
  readonly segmentBytes: number;
  readonly preallocateBytes: number;
  readonly ringBytes: number;
  readonly slowMs: number;
}

export interface RecoveredLog {
  readonly state: StateRecord;
  readonly segments: readonly SegmentInfo[];
  readonly last: number;
  readonly committed: number;
  /** Offset in the newest segment where the log goes on, and the chain there. */
  readonly end: number;
  readonly chain: number;
  /** Bytes of a torn tail that were cut. */
  readonly cutBytes: number;
}

/**
 * Reads everything the folder holds and decides whether it can be trusted.
 *
 * @param snapshotZxid newest valid snapshot, -1 for none: segments that end before it may be missing
 * @throws StorageError with one sentence that names the file and what to do
 */
export function recoverLog(options: LogOptions, snapshotZxid: number): RecoveredLog {
  const state = recoverState(options);
  const found = dropTruncated(options.folder, listSegments(options), state.truncateTo);
  let kept = found;
  let last = Math.max(snapshotZxid, 0);
  let committed = last;
  let tail: { scan: SegmentScan; info: SegmentInfo } | null = null;
  let cutBytes = 0;
  for (const [index, info] of found.entries()) {
    if (tail !== null && info.start !== tail.scan.last) {
      if (info.start > snapshotZxid) {
        throw damaged(
          options,
          info.sequence,
          `: batches between ${tail.scan.last} and ${info.start} are missing before it`,
        );
      }
      // A leader's snapshot was installed here; what lies before it is of no use any more.
      for (const { sequence } of found.slice(0, index)) unlinkSync(join(options.folder, segmentName(sequence)));
      kept = found.slice(index);
    }
    const isNewest = index === found.length - 1;
    const bytes = readFileSync(join(options.folder, segmentName(info.sequence)));
    const { truncateTo } = state;
    const scan = scanSegment(
      bytes,
      info.sequence,
      info.start,
      crc32,
      (batch) => truncateTo < 0 || batch.last <= truncateTo,
    );
    const verdict = truncateTo >= 0 && isNewest ? 'cut' : judgeTail(scan, isNewest, isNewest ? state.durable : -1);
    if (verdict === 'damaged') throw damaged(options, info.sequence, ` at offset ${scan.end}, after zxid ${scan.last}`);
    if (verdict === 'cut') {
      cutBytes = bytes.length - scan.end;
      cutTail(join(options.folder, segmentName(info.sequence)), scan.end);
    }
    tail = { scan, info };
    committed = Math.max(committed, Math.min(scan.committed, scan.last));
  }
  if (tail !== null && tail.scan.last >= last) last = tail.scan.last;
  // A snapshot beyond the end of the log was installed by a leader just before a crash: it stands alone.
  const alone = tail === null || tail.scan.last < last;
  if (alone) for (const { sequence } of kept) unlinkSync(join(options.folder, segmentName(sequence)));
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

function recoverState(options: LogOptions): StateRecord {
  const path = join(options.folder, 'state');
  if (!existsSync(path)) {
    const fresh: StateRecord = {
      acceptedEpoch: 0,
      currentEpoch: 0,
      ensembleId: 0,
      sequence: 1,
      server: options.server,
      truncateTo: -1,
      durable: 0,
    };
    const file = openSync(path, 'w');
    writeSync(file, encodeState({ ...fresh, sequence: 0 }, crc32), 0, slotBytes, 0);
    writeSync(file, encodeState(fresh, crc32), 0, slotBytes, slotBytes);
    fsyncSync(file);
    closeSync(file);
    syncFolder(options.folder);
    return fresh;
  }
  const state = decodeStateFile(readFileSync(path), crc32);
  if (state === null) {
    throw new StorageError(`${path} is damaged in both of its copies. ${whatToDo(options.folder)}`);
  }
  if (state.server !== options.server) {
    throw new StorageError(
      `${options.folder} holds the data of server ${state.server}, but this is server ${options.server}: ` +
        'correct myid or dataDir.',
    );
  }
  return state;
}

function listSegments(options: LogOptions): SegmentInfo[] {
  const names = readdirSync(options.folder)
    .filter((name) => /^log\.\d{10}$/.test(name))
    .sort();
  for (const name of readdirSync(options.folder)) {
    if (/^log\.\d{10}\.tmp$/.test(name)) unlinkSync(join(options.folder, name));
  }
  return names.map((name) => {
    const file = openSync(join(options.folder, name), 'r');
    const bytes = Buffer.alloc(segmentHeaderBytes);
    readSync(file, bytes, 0, bytes.length, 0);
    closeSync(file);
    const header = decodeSegmentHeader(bytes, crc32);
    const sequence = Number(name.slice(4));
    if (header === null || header.sequence !== sequence) throw damaged(options, sequence, ' in its header');
    return { sequence, start: header.start };
  });
}

/** A truncation that a crash interrupted goes on: segments that begin where it cuts go. */
function dropTruncated(folder: string, segments: SegmentInfo[], truncateTo: number): SegmentInfo[] {
  if (truncateTo < 0) return segments;
  const isKept = (segment: SegmentInfo, index: number): boolean => index === 0 || segment.start < truncateTo;
  for (const segment of segments.filter((each, index) => !isKept(each, index))) {
    unlinkSync(join(folder, segmentName(segment.sequence)));
  }
  return segments.filter(isKept);
}

function cutTail(path: string, end: number): void {
  const file = openSync(path, 'r+');
  ftruncateSync(file, end);
  fsyncSync(file);
  closeSync(file);
}

function damaged(options: LogOptions, sequence: number, where: string): StorageError {
  return new StorageError(
    `${join(options.folder, segmentName(sequence))} is damaged${where}, where data was already durable: ` +
      `nothing was cut. ${whatToDo(options.folder)}`,
  );
}

function whatToDo(folder: string): string {
  return (
    `Restore ${folder} from a backup, or, if this is one of several servers and the others are healthy, ` +
    'move the folder away and start again: it will be filled from the leader.'
  );
}

/** What the log tells the server. */
export interface LogEvents {
  synced(ticket: number): void;
  failed(error: string): void;
  slow(ms: number, bytes: number): void;
}

export class LogStore implements LogPort {
  readonly #options: LogOptions;
  readonly #events: LogEvents;
  readonly #worker: Worker;
  readonly #ring: RingWriter;
  readonly #large: MessagePort;
  /** Records that found the ring full, in order; a large batch is announced in the ring as well. */
  #waiting: { kind: number; ticket: number; extra: number; payload: Uint8Array }[] = [];
  #dirty = false;
  #segments: readonly SegmentInfo[];
  #durable: number;
  /** Where sequential readers stopped: position → place of the entry after it. */
  readonly #places = new Map<number, { sequence: number; offset: number }>();
  #closed: (() => void) | null = null;

  constructor(options: LogOptions, recovered: RecoveredLog, events: LogEvents) {
    this.#options = options;
    this.#events = events;
    this.#segments = recovered.segments;
    this.#durable = recovered.last;
    const memory = createRing(options.ringBytes);
    this.#ring = new RingWriter(memory);
    const { port1, port2 } = new MessageChannel();
    this.#large = port1;
    const data: LogWorkerData = {
      folder: options.folder,
      server: options.server,
      ring: memory,
      large: port2,
      segmentBytes: options.segmentBytes,
      preallocateBytes: options.preallocateBytes,
      state: recovered.state,
      segments: recovered.segments,
      last: recovered.last,
      end: recovered.end,
      chain: recovered.chain,
      slowMs: options.slowMs,
    };
    this.#worker = new Worker(new URL('../../workers/log-writer.js', import.meta.url), {
      workerData: data,
      transferList: [port2],
      // The flags of a program that embeds us are not the worker's: some of them would keep it from starting.
      execArgv: [],
    });
    this.#worker.on('message', (message: LogMessage) => this.#onMessage(message));
    this.#worker.on('error', (error) => events.failed(error.message));
    port1.unref();
  }

  append(ticket: number, batch: Batch, committed: number): void {
    this.#push(logRecord.append, ticket, committed, batch.bytes);
  }

  saveState(ticket: number, state: HardState): void {
    const payload = Buffer.alloc(24);
    payload.writeDoubleBE(state.acceptedEpoch, 0);
    payload.writeDoubleBE(state.currentEpoch, 8);
    payload.writeDoubleBE(state.ensembleId, 16);
    this.#push(logRecord.state, ticket, 0, payload);
  }

  truncate(ticket: number, last: number): void {
    this.#push(logRecord.truncate, ticket, last, nothing);
  }

  reset(ticket: number, zxid: number): void {
    this.#push(logRecord.reset, ticket, zxid, nothing);
  }

  purge(zxid: number): void {
    this.#push(logRecord.purge, 0, zxid, nothing);
    this.flush();
  }

  flush(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    this.#ring.wake();
  }

  get start(): number {
    return this.#segments[0]?.start ?? this.#durable;
  }

  read(after: number, bytesMax: number, done: (floor: number, batches: Batch[]) => void): void {
    this.#read(after, bytesMax).then(
      ({ floor, batches }) => done(floor, batches),
      (error: Error) => this.#events.failed(`reading the log: ${error.message}`),
    );
  }

  /** Writes what is queued, ends the worker and resolves once it is gone. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => (this.#closed = resolve));
    this.#push(logRecord.close, 0, 0, nothing);
    this.flush();
    await closed;
    this.#large.close();
    await this.#worker.terminate();
  }

  #push(kind: number, ticket: number, extra: number, payload: Uint8Array): void {
    this.#dirty = true;
    if (this.#waiting.length > 0 || !this.#pushNow(kind, ticket, extra, payload)) {
      this.#waiting.push({ kind, ticket, extra, payload });
    }
  }

  #pushNow(kind: number, ticket: number, extra: number, payload: Uint8Array): boolean {
    if (!this.#ring.tooLarge(payload.length)) return this.#ring.push(kind, ticket, extra, payload);
    // The bytes must be there before the record that announces them.
    this.#large.postMessage(payload);
    return this.#ring.push(logRecord.appendLarge, ticket, extra, nothing);
  }

  #drainWaiting(): void {
    let done = 0;
    for (const { kind, ticket, extra, payload } of this.#waiting) {
      if (!this.#pushNow(kind, ticket, extra, payload)) break;
      done++;
    }
    if (done === 0) return;
    this.#waiting = this.#waiting.slice(done);
    this.#dirty = true;
    this.flush();
  }

  #onMessage(message: LogMessage): void {
    switch (message.kind) {
      case 'synced':
        this.#durable = message.last;
        if (this.#waiting.length > 0) this.#drainWaiting();
        this.#events.synced(message.ticket);
        break;
      case 'segments':
        this.#segments = message.segments;
        this.#places.clear();
        break;
      case 'slow':
        this.#events.slow(message.ms, message.bytes);
        break;
      case 'failed':
        this.#events.failed(message.error);
        this.#closed?.();
        break;
      default:
        this.#closed?.();
    }
  }

  async #read(after: number, bytesMax: number): Promise<{ floor: number; batches: Batch[] }> {
    const segments = this.#segments;
    let index = segments.findLastIndex((segment) => segment.start <= after);
    if (index === -1) return { floor: -1, batches: [] };
    const place = this.#places.get(after);
    const known = place?.sequence === segments[index]!.sequence;
    let offset = known ? place!.offset : segmentHeaderBytes;
    let floor = known ? after : segments[index]!.start;
    const batches: Batch[] = [];
    let bytes = 0;
    for (; index < segments.length && bytes < bytesMax; index++) {
      const { sequence } = segments[index]!;
      const entries = new EntryReader(join(this.#options.folder, segmentName(sequence)), sequence, offset);
      await entries.walk((batch) => {
        if (batch.last > this.#durable) return false;
        if (batch.last <= after) {
          floor = batch.last;
          return true;
        }
        batches.push(batch);
        bytes += batch.bytes.length;
        return bytes < bytesMax;
      });
      if (batches.length > 0) this.#places.set(batches.at(-1)!.last, { sequence, offset: entries.offset });
      offset = segmentHeaderBytes;
    }
    return { floor, batches };
  }
}

const nothing = new Uint8Array(0);
/** One read of a segment; an entry larger than this gets a read of its own size. */
const blockBytes = 1024 * 1024;

/** Walks the entries of one segment file in blocks. */
class EntryReader {
  /** After the last entry that `walk` visited. */
  offset: number;
  readonly #path: string;
  readonly #sequence: number;

  constructor(path: string, sequence: number, offset: number) {
    this.#path = path;
    this.#sequence = sequence;
    this.offset = offset;
  }

  /** Calls `visit` with each batch until it returns false; an entry that it refuses by that counts as visited. */
  async walk(visit: (batch: Batch) => boolean): Promise<void> {
    const file = await open(this.#path, 'r');
    try {
      for (let wanted = blockBytes; wanted > 0;) {
        const block = Buffer.allocUnsafeSlow(wanted);
        const { bytesRead } = await file.read(block, 0, wanted, this.offset);
        wanted = this.#walkBlock(block.subarray(0, bytesRead), wanted, visit);
      }
    } finally {
      await file.close();
    }
  }

  /** Returns how much to read next from `offset` on, 0 at the end. */
  #walkBlock(block: Buffer, wanted: number, visit: (batch: Batch) => boolean): number {
    const base = this.offset;
    for (;;) {
      const at = this.offset - base;
      const header = decodeEntryHeader(block, at, crc32);
      if (header === null) return at > 0 && block.length === wanted ? blockBytes : 0;
      if (header.segment !== this.#sequence || header.offset !== this.offset) return 0;
      if (at + header.length > block.length) return block.length < wanted ? 0 : Math.max(blockBytes, header.length);
      const batch = decodeBatch(Buffer.from(block.subarray(at + entryHeaderBytes, at + header.length)), crc32);
      if (batch === null) return 0;
      this.offset += header.length;
      if (!visit(batch)) return 0;
    }
  }
}
