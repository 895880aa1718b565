/**
 * The log on disk as its one writer sees it: groups of entries, hard state, truncation, segments.
 *
 *   append … append ─► group ─► flush: one write, one sync ─► `synced(ticket)`
 *
 * Everything here happens in the order of the calls and is finished when a call returns; whoever
 * drives it (the log worker, the simulator) decides when a group has gathered long enough. A failed
 * write or sync throws, and after that nothing may be called any more: the kernel may have dropped
 * the dirty pages, so nothing is retried (Rebello et al., "Can applications recover from fsync failures?").
 */
import { Buffer } from 'node:buffer';
import { assert } from '../base/assert.ts';
import type { HardState } from '../consensus/core.ts';
import type { Checksum } from '../txn/batch.ts';
import type { Files } from './files.ts';
import { encodeEntryHeader, encodeSegmentHeader, entryHeaderBytes, segmentHeaderBytes, segmentName } from './format.ts';
import { encodeState, slotBytes, stateName, type StateRecord } from './hard-state.ts';
import { scanSegment } from './recovery.ts';

export interface SegmentInfo {
  readonly sequence: number;
  /** zxid before its first batch. */
  readonly start: number;
}

export interface LogWriterOptions {
  readonly server: number;
  readonly segmentBytes: number;
  readonly preallocateBytes: number;
}

/** Where recovery ended and the writer goes on. */
export interface LogEnd {
  readonly state: StateRecord;
  readonly segments: readonly SegmentInfo[];
  /** zxid at the end of the log, where the newest segment goes on, and the chain there. */
  readonly last: number;
  readonly end: number;
  readonly chain: number;
  /** Nothing in `segments` is of use any more: the log starts anew after `last`, where a snapshot is. */
  readonly restart: boolean;
}

export interface LogWriterEvents {
  /** Every write up to `ticket` is durable; the log ends durably at `last`. */
  synced(ticket: number, last: number): void;
  segments(segments: readonly SegmentInfo[]): void;
}

/** One write is at most about this much; a larger group would only delay its own sync. */
const groupBytesMax = 4 * 1024 * 1024;
/**
 * Zeros are written ahead in steps of this much, so that fdatasync need not change the file's extents:
 * 170 instead of 330 µs for 4 KiB. Large groups sync rarely and would pay for every byte twice.
 */
const zeroStepBytes = 1024 * 1024;
const zeroForGroupsBelow = 32 * 1024;
const zeros = Buffer.alloc(zeroStepBytes);

export class LogWriter {
  readonly #files: Files;
  readonly #options: LogWriterOptions;
  readonly #events: LogWriterEvents;
  readonly #checksum: Checksum;
  #segments: SegmentInfo[];
  #state: StateRecord;
  readonly #stateFile: number;
  #file = -1;
  /** Where the next group goes, and up to where zeros lie ahead of it. */
  #at: number;
  #zeroed: number;
  #last: number;
  #durable: number;
  #chain: number;
  #group: Buffer = Buffer.allocUnsafeSlow(64 * 1024);
  #groupBytes = 0;
  #groupTicket = 0;

  constructor(files: Files, options: LogWriterOptions, end: LogEnd, checksum: Checksum, events: LogWriterEvents) {
    this.#files = files;
    this.#options = options;
    this.#events = events;
    this.#checksum = checksum;
    this.#segments = [...end.segments];
    this.#state = end.state;
    this.#stateFile = files.open(stateName);
    this.#last = end.last;
    this.#durable = end.last;
    this.#chain = end.chain;
    this.#at = end.end;
    this.#zeroed = end.end;
    const newest = this.#segments.at(-1);
    if (newest !== undefined) this.#file = files.open(segmentName(newest.sequence));
    if (end.restart) {
      this.#restart(end.last);
    } else {
      assert(newest !== undefined, 'a log that goes on has a segment');
      // Recovery has made everything durable and ended what was begun; a bad slot is written anew.
      this.#save({ truncateTo: -1, newestSegment: newest.sequence });
      this.#zeroAhead();
    }
  }

  /** True when the group should be written before more is added. */
  get full(): boolean {
    return this.#groupBytes >= groupBytesMax;
  }

  /** True while the disk does not say yet how far the log is durable. */
  get unmarked(): boolean {
    return this.#state.durable !== this.#durable;
  }

  /** Bytes of the group that gathers. */
  get groupBytes(): number {
    return this.#groupBytes;
  }

  /** Adds a batch of `batchBytes` bytes, which `copy` puts at their place, to the group. */
  append(ticket: number, batchBytes: number, committed: number, copy: (target: Buffer, at: number) => void): void {
    const length = entryHeaderBytes + batchBytes;
    const full = this.#at + this.#groupBytes + length > this.#options.segmentBytes;
    if (full && this.#at + this.#groupBytes > segmentHeaderBytes) {
      this.flush();
      this.#newSegment();
    }
    this.#reserve(length);
    const at = this.#groupBytes;
    const body = at + entryHeaderBytes;
    copy(this.#group, body);
    this.#chain = encodeEntryHeader(
      {
        length,
        segment: this.#segments.at(-1)!.sequence,
        offset: this.#at + at,
        chain: this.#chain,
        batchCrc: this.#group.readUInt32BE(body + 4),
        committed,
        durable: this.#durable,
        crc: 0,
      },
      this.#group,
      at,
      this.#checksum,
    );
    const prev = this.#group.readDoubleBE(body + 8);
    assert(prev === this.#last, 'a batch follows the end of the log', prev, this.#last);
    this.#last = this.#group.readDoubleBE(body + 16) + this.#group.readUInt32BE(body + 32) - 1;
    this.#groupBytes += length;
    this.#groupTicket = ticket;
  }

  /** Makes the group durable. */
  flush(): void {
    const length = this.#groupBytes;
    if (length === 0) return;
    this.#files.write(this.#file, this.#group, length, this.#at);
    this.#files.sync(this.#file);
    this.#at += length;
    this.#groupBytes = 0;
    this.#durable = this.#last;
    this.#events.synced(this.#groupTicket, this.#durable);
    if (length < zeroForGroupsBelow && this.#at + zeroStepBytes / 4 > this.#zeroed) this.#zeroAhead();
  }

  saveState(ticket: number, state: HardState): void {
    this.flush();
    this.#save({ ...state });
    this.#events.synced(ticket, this.#durable);
  }

  /**
   * Drops every batch after `last`. The intent is made durable first, so that a crash in between
   * leaves no half of it; then the dropped bytes are cut off, so that they can never come back
   * (ZOOKEEPER-1489).
   */
  truncate(ticket: number, last: number): void {
    this.flush();
    this.#save({ truncateTo: last, durable: last });
    while (this.#segments.length > 1 && this.#segments.at(-1)!.start >= last) this.#dropNewest();
    const { sequence, start } = this.#segments.at(-1)!;
    const bytes = this.#files.read(segmentName(sequence));
    const scan = scanSegment(bytes, sequence, start, this.#checksum, (batch) => batch.last <= last);
    assert(scan.last === last, 'a truncation cuts at the end of a batch', last, scan.last);
    this.#at = this.#zeroed = scan.end;
    this.#chain = scan.chain;
    this.#last = this.#durable = last;
    this.#files.truncate(this.#file, this.#at);
    this.#zeroAhead();
    this.#files.sync(this.#file);
    this.#save({ truncateTo: -1, newestSegment: sequence });
    this.#events.segments(this.#segments);
    this.#events.synced(ticket, this.#durable);
  }

  /** Forgets all batches: the next one follows the installed snapshot at `zxid`. */
  reset(ticket: number, zxid: number): void {
    this.flush();
    this.#restart(zxid);
    this.#events.synced(ticket, this.#durable);
  }

  /** Segments that end at or before `zxid` go. Readers are told first: the list names none of them any more. */
  purge(zxid: number): void {
    let gone = 0;
    while (gone + 1 < this.#segments.length && this.#segments[gone + 1]!.start <= zxid) gone++;
    if (gone === 0) return;
    const purged = this.#segments.slice(0, gone);
    this.#segments = this.#segments.slice(gone);
    this.#events.segments(this.#segments);
    for (const { sequence } of purged) this.#files.remove(segmentName(sequence));
  }

  /** A quiet log writes down how far it is durable, so that a later loss of its tail is noticed. */
  markDurable(): void {
    if (this.unmarked) this.#writeSlot({});
  }

  close(): void {
    this.flush();
    this.markDurable();
    this.#files.close(this.#file);
    this.#files.close(this.#stateFile);
  }

  /** In both slots, so that no single bad one brings back an older promise or an intent long carried out. */
  #save(change: Partial<StateRecord>): void {
    this.#writeSlot(change);
    this.#writeSlot(change);
  }

  #writeSlot(change: Partial<StateRecord>): void {
    const sequence = this.#state.sequence + 1;
    this.#state = { ...this.#state, durable: this.#durable, ...change, sequence };
    const bytes = encodeState(this.#state, this.#checksum);
    this.#files.write(this.#stateFile, bytes, slotBytes, (sequence % 2) * slotBytes);
    this.#files.sync(this.#stateFile);
  }

  /**
   * Starts the log anew; the old segments go once the new one stands. Until then recovery finds a log
   * that the snapshot reaches beyond, and does this again.
   */
  #restart(zxid: number): void {
    const old = this.#segments;
    this.#last = this.#durable = zxid;
    this.#save({ truncateTo: -1 });
    this.#newSegment();
    this.#segments = this.#segments.slice(-1);
    for (const { sequence } of old) this.#files.remove(segmentName(sequence));
    this.#files.syncFolder();
    this.#events.segments(this.#segments);
  }

  #dropNewest(): void {
    this.#files.close(this.#file);
    this.#files.remove(segmentName(this.#segments.pop()!.sequence));
    this.#files.syncFolder();
    this.#file = this.#files.open(segmentName(this.#segments.at(-1)!.sequence));
  }

  /**
   * Creates the next segment under a temporary name; it appears whole or not at all. The state then
   * tells that there must be one, so that its loss is noticed.
   */
  #newSegment(): void {
    const sequence = (this.#segments.at(-1)?.sequence ?? this.#state.newestSegment) + 1;
    const name = segmentName(sequence);
    const file = this.#files.create(`${name}.tmp`);
    const header = encodeSegmentHeader({ sequence, server: this.#options.server, start: this.#last }, this.#checksum);
    this.#files.write(file, header, header.length, 0);
    this.#files.sync(file);
    this.#files.rename(`${name}.tmp`, name);
    this.#files.syncFolder();
    if (this.#file !== -1) this.#files.close(this.#file);
    this.#file = file;
    this.#segments = [...this.#segments, { sequence, start: this.#last }];
    this.#at = this.#zeroed = segmentHeaderBytes;
    this.#chain = 0;
    this.#save({ newestSegment: sequence });
    this.#zeroAhead();
    this.#events.segments(this.#segments);
  }

  #zeroAhead(): void {
    const limit = Math.min(this.#options.segmentBytes, this.#at + this.#options.preallocateBytes);
    const from = Math.max(this.#zeroed, this.#at);
    const length = Math.min(zeroStepBytes, limit - from);
    if (length <= 0) return;
    this.#files.write(this.#file, zeros, length, from);
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
