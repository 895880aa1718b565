/**
 * The log worker: takes what has gathered in the ring, writes it with one call, fsyncs once.
 *
 *   ring ─► group ─► write ─► fdatasync ─► synced(ticket)        while this runs, the next group gathers
 *
 * That is the whole group commit; there is no timer in it. Writes are carried out strictly in order.
 * After a failed write or fsync nothing is acknowledged any more and nothing is retried: the kernel
 * may have dropped the dirty pages (Rebello et al., "Can applications recover from fsync failures?").
 */
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { crc32 } from '../engine/io/crc32.ts';
import { encodeEntryHeader, encodeSegmentHeader, entryHeaderBytes, segmentHeaderBytes } from '../engine/log/format.ts';
import { encodeState, slotBytes, type StateRecord } from '../engine/log/hard-state.ts';
import { scanSegment } from '../engine/log/recovery.ts';
import { logRecord, segmentName, type LogMessage, type LogWorkerData, type SegmentInfo } from './protocol.ts';
import { RingReader } from './ring.ts';

/** One write is at most about this much; a larger group would only delay its own fsync. */
const groupBytesMax = 4 * 1024 * 1024;
/**
 * Zeros are written ahead in steps of this much, so that fdatasync need not change the file's extents:
 * 170 instead of 330 µs for 4 KiB. Large groups fsync rarely and would pay for every byte twice.
 */
const zeroStepBytes = 1024 * 1024;
const zeroForGroupsBelow = 32 * 1024;
/** A quiet log writes how far it is durable, so that a later loss of its tail is noticed. */
const idleMs = 50;

class LogWriter {
  readonly #data: LogWorkerData;
  readonly #ring: RingReader;
  #segments: SegmentInfo[];
  #state: StateRecord;
  readonly #stateFile: number;
  #file: number;
  /** Where the next entry goes, and up to where zeros lie ahead of it. */
  #at: number;
  #zeroed: number;
  #last: number;
  #durable: number;
  #chain: number;
  #group: Buffer = Buffer.allocUnsafeSlow(256 * 1024);
  #groupBytes = 0;
  #groupTicket = 0;
  #closing = false;
  readonly #zeros = Buffer.alloc(zeroStepBytes);

  constructor(data: LogWorkerData) {
    this.#data = data;
    this.#ring = new RingReader(data.ring);
    this.#segments = [...data.segments];
    this.#state = data.state;
    this.#stateFile = openSync(join(data.folder, 'state'), 'r+');
    this.#last = data.last;
    this.#durable = data.last;
    this.#chain = data.chain;
    this.#at = data.end;
    this.#zeroed = data.end;
    const current = this.#segments.at(-1);
    if (current === undefined) {
      this.#file = -1;
      this.#newSegment();
    } else {
      this.#file = openSync(join(data.folder, segmentName(current.sequence)), 'r+');
    }
    if (this.#state.truncateTo >= 0) this.#saveState({ truncateTo: -1 });
    this.#zeroAhead();
  }

  run(): void {
    while (!this.#closing) {
      if (!this.#takeGroup()) {
        this.#ring.wait(this.#state.durable === this.#durable ? Infinity : idleMs);
        if (!this.#takeGroup()) this.#markDurable();
      }
      this.#writeGroup();
    }
    this.#markDurable();
    closeSync(this.#file);
    closeSync(this.#stateFile);
    post({ kind: 'closed' });
  }

  /** Collects appends into one group; any other record ends it and is carried out after it. */
  #takeGroup(): boolean {
    let any = false;
    while (this.#groupBytes < groupBytesMax && this.#ring.next()) {
      any = true;
      const { kind, ticket, extra, length } = this.#ring;
      if (kind === logRecord.append) {
        this.#addEntry(length, extra, (target, at) => this.#ring.payload(target, at));
        this.#groupTicket = ticket;
      } else if (kind === logRecord.appendLarge) {
        this.#ring.payload(this.#group, this.#groupBytes);
        const message = receiveMessageOnPort(this.#data.large) as { message: Uint8Array };
        this.#addEntry(message.message.length, extra, (target, at) => target.set(message.message, at));
        this.#groupTicket = ticket;
      } else {
        this.#other(kind, ticket, extra);
      }
    }
    return any;
  }

  #addEntry(batchBytes: number, committed: number, copy: (target: Buffer, at: number) => void): void {
    const length = entryHeaderBytes + batchBytes;
    const offset = this.#at + this.#groupBytes;
    if (offset + length > this.#data.segmentBytes && offset > segmentHeaderBytes) {
      this.#writeGroup();
      this.#newSegment();
      this.#addEntry(batchBytes, committed, copy);
      return;
    }
    this.#reserve(length);
    const at = this.#groupBytes;
    copy(this.#group, at + entryHeaderBytes);
    const batchCrc = this.#group.readUInt32BE(at + entryHeaderBytes + 4);
    this.#chain = encodeEntryHeader(
      {
        length,
        segment: this.#segments.at(-1)!.sequence,
        offset,
        chain: this.#chain,
        batchCrc,
        committed,
        durable: this.#durable,
        crc: 0,
      },
      this.#group,
      at,
      crc32,
    );
    const first = this.#group.readDoubleBE(at + entryHeaderBytes + 16);
    this.#last = first + this.#group.readUInt32BE(at + entryHeaderBytes + 32) - 1;
    this.#groupBytes += length;
  }

  #writeGroup(): void {
    if (this.#groupBytes > 0) {
      const started = performance.now();
      const length = this.#groupBytes;
      writeAll(this.#file, this.#group, length, this.#at);
      fdatasyncSync(this.#file);
      const ms = performance.now() - started;
      if (ms > this.#data.slowMs) post({ kind: 'slow', ms: Math.round(ms), bytes: length });
      this.#at += length;
      this.#groupBytes = 0;
      this.#durable = this.#last;
      this.#synced(this.#groupTicket);
      if (length < zeroForGroupsBelow && this.#at + zeroStepBytes / 4 > this.#zeroed) this.#zeroAhead();
    }
  }

  #synced(ticket: number): void {
    if (ticket > 0) post({ kind: 'synced', ticket, last: this.#durable });
    this.#groupTicket = 0;
  }

  #other(kind: number, ticket: number, extra: number): void {
    const payload = Buffer.alloc(this.#ring.length);
    this.#ring.payload(payload, 0);
    this.#writeGroup();
    switch (kind) {
      case logRecord.state:
        this.#saveState({
          acceptedEpoch: payload.readDoubleBE(0),
          currentEpoch: payload.readDoubleBE(8),
          ensembleId: payload.readDoubleBE(16),
        });
        break;
      case logRecord.truncate:
        this.#truncate(extra);
        break;
      case logRecord.reset:
        this.#reset(extra);
        break;
      case logRecord.purge:
        this.#purge(extra);
        return;
      default:
        this.#closing = true;
        return;
    }
    this.#synced(ticket);
  }

  #saveState(change: Partial<StateRecord>): void {
    const sequence = this.#state.sequence + 1;
    this.#state = { ...this.#state, durable: this.#durable, ...change, sequence };
    writeAll(this.#stateFile, encodeState(this.#state, crc32), slotBytes, (sequence % 2) * slotBytes);
    fdatasyncSync(this.#stateFile);
  }

  #markDurable(): void {
    if (this.#state.durable !== this.#durable) this.#saveState({});
  }

  /**
   * Drops every batch after `last`. The intent is made durable first, so that a crash in between
   * leaves no half of it; then the dropped bytes are zeroed, so that they can never come back
   * (ZOOKEEPER-1489).
   */
  #truncate(last: number): void {
    this.#saveState({ truncateTo: last, durable: last });
    while (this.#segments.length > 1 && this.#segments.at(-1)!.start >= last) this.#dropNewest();
    const { sequence, start } = this.#segments.at(-1)!;
    const bytes = readFileSync(join(this.#data.folder, segmentName(sequence)));
    const scan = scanSegment(bytes, sequence, start, crc32, (batch) => batch.last <= last);
    this.#at = scan.end;
    this.#chain = scan.chain;
    this.#last = this.#durable = last;
    ftruncateSync(this.#file, this.#at);
    this.#zeroed = this.#at;
    this.#zeroAhead();
    fsyncSync(this.#file);
    this.#saveState({ truncateTo: -1 });
    post({ kind: 'segments', segments: this.#segments });
  }

  #dropNewest(): void {
    closeSync(this.#file);
    unlinkSync(join(this.#data.folder, segmentName(this.#segments.pop()!.sequence)));
    syncFolder(this.#data.folder);
    this.#file = openSync(join(this.#data.folder, segmentName(this.#segments.at(-1)!.sequence)), 'r+');
  }

  /** Starts the log anew after an installed snapshot; the old segments go once the new one stands. */
  #reset(zxid: number): void {
    const old = this.#segments;
    this.#last = this.#durable = zxid;
    this.#newSegment();
    this.#segments = this.#segments.slice(-1);
    for (const { sequence } of old) unlinkSync(join(this.#data.folder, segmentName(sequence)));
    syncFolder(this.#data.folder);
    this.#saveState({});
    post({ kind: 'segments', segments: this.#segments });
  }

  #purge(zxid: number): void {
    let gone = 0;
    while (gone + 1 < this.#segments.length && this.#segments[gone + 1]!.start <= zxid) {
      unlinkSync(join(this.#data.folder, segmentName(this.#segments[gone]!.sequence)));
      gone++;
    }
    if (gone === 0) return;
    this.#segments = this.#segments.slice(gone);
    post({ kind: 'segments', segments: this.#segments });
  }

  /** Creates the next segment under a temporary name; it appears whole or not at all. */
  #newSegment(): void {
    const sequence = (this.#segments.at(-1)?.sequence ?? 0) + 1;
    const name = join(this.#data.folder, segmentName(sequence));
    const file = openSync(`${name}.tmp`, 'w+');
    const header = encodeSegmentHeader({ sequence, server: this.#data.server, start: this.#last }, crc32);
    writeAll(file, header, header.length, 0);
    fsyncSync(file);
    renameSync(`${name}.tmp`, name);
    syncFolder(this.#data.folder);
    if (this.#file !== -1) closeSync(this.#file);
    this.#file = file;
    this.#segments = [...this.#segments, { sequence, start: this.#last }];
    this.#at = segmentHeaderBytes;
    this.#zeroed = segmentHeaderBytes;
    this.#chain = 0;
    this.#zeroAhead();
    post({ kind: 'segments', segments: this.#segments });
  }

  #zeroAhead(): void {
    const limit = Math.min(this.#data.segmentBytes, this.#at + this.#data.preallocateBytes);
    const from = Math.max(this.#zeroed, this.#at);
    const length = Math.min(zeroStepBytes, limit - from);
    if (length <= 0) return;
    writeAll(this.#file, this.#zeros, length, from);
    this.#zeroed = from + length;
  }

  #reserve(more: number): void {
    const needed = this.#groupBytes + more;
    if (needed <= this.#group.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#group.length * 2));
    this.#group.copy(grown, 0, 0, this.#groupBytes);
    this.#group = grown;
  }
}

function writeAll(file: number, bytes: Uint8Array, length: number, position: number): void {
  for (let done = 0; done < length;) done += writeSync(file, bytes, done, length - done, position + done);
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  fsyncSync(handle);
  closeSync(handle);
}

function post(message: LogMessage): void {
  parentPort!.postMessage(message);
}

try {
  new LogWriter(workerData as LogWorkerData).run();
} catch (error) {
  post({ kind: 'failed', error: error instanceof Error ? error.message : String(error) });
}
