/**
 * What a server must remember besides its log: one record in two slots, written in turn.
 *
 *   slot (4 KiB)   u32 magic · u32 version · f64 sequence · f64 acceptedEpoch · f64 currentEpoch
 *                  f64 ensembleId · f64 server · f64 truncateTo · f64 durable · f64 newestSegment · u32 crc
 *
 * The valid slot with the larger sequence counts, so a torn write loses nothing. Both epochs live in
 * one record, since a crash between two files has kept ZooKeeper servers from starting (2307, 1653).
 * A promise is on disk once both slots tell it: then no single bad slot can take it back. Only the
 * advance of `durable` goes to one slot, since an older value of it merely proves less.
 */
import { Buffer } from 'node:buffer';
import { epochMax, isZxid } from '../base/zxid.ts';
import type { HardState } from '../consensus/core.ts';
import type { Checksum } from '../txn/batch.ts';

export const stateName = 'state';
export const slotBytes = 4096;
const magic = 0x5a424853;
const formatVersion = 1;
const crcAt = 72;
const recordBytes = crcAt + 4;

export interface StateRecord extends HardState {
  readonly sequence: number;
  /** The server whose data this is. */
  readonly server: number;
  /** A truncation to this zxid was begun; recovery finishes it. -1: none. */
  readonly truncateTo: number;
  /** Everything up to here was on disk when this was written. */
  readonly durable: number;
  /** The log has reached the segment of this number: it must be there. 0: there is none yet. */
  readonly newestSegment: number;
}

/** What a state file tells: its newest valid record, and whether its other slot is valid as well. */
export interface StateFile {
  readonly record: StateRecord;
  readonly bothValid: boolean;
}

export function encodeState(record: StateRecord, checksum: Checksum): Buffer {
  const bytes = Buffer.alloc(slotBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(0, magic);
  view.setUint32(4, formatVersion);
  view.setFloat64(8, record.sequence);
  view.setFloat64(16, record.acceptedEpoch);
  view.setFloat64(24, record.currentEpoch);
  view.setFloat64(32, record.ensembleId);
  view.setFloat64(40, record.server);
  view.setFloat64(48, record.truncateTo);
  view.setFloat64(56, record.durable);
  view.setFloat64(64, record.newestSegment);
  view.setUint32(crcAt, checksum(bytes, 0, crcAt));
  return bytes;
}

function decodeSlot(bytes: Buffer, at: number, checksum: Checksum): StateRecord | null {
  if (at + recordBytes > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  if (view.getUint32(0) !== magic || view.getUint32(4) !== formatVersion) return null;
  if (view.getUint32(crcAt) !== checksum(bytes, at, at + crcAt)) return null;
  const record: StateRecord = {
    sequence: view.getFloat64(8),
    acceptedEpoch: view.getFloat64(16),
    currentEpoch: view.getFloat64(24),
    ensembleId: view.getFloat64(32),
    server: view.getFloat64(40),
    truncateTo: view.getFloat64(48),
    durable: view.getFloat64(56),
    newestSegment: view.getFloat64(64),
  };
  return isPossible(record) ? record : null;
}

/** A checksum vouches for the bytes, not for who wrote them: nobody can go on with numbers that are none. */
function isPossible(record: StateRecord): boolean {
  const { truncateTo, ...others } = record;
  return (
    (truncateTo === -1 || isZxid(truncateTo)) &&
    Object.values(others).every(isZxid) &&
    record.currentEpoch <= record.acceptedEpoch &&
    record.acceptedEpoch <= epochMax
  );
}

/** Null when both slots are unreadable. */
export function decodeStateFile(bytes: Buffer, checksum: Checksum): StateFile | null {
  const a = decodeSlot(bytes, 0, checksum);
  const b = decodeSlot(bytes, slotBytes, checksum);
  if (a !== null && b !== null) return { record: a.sequence > b.sequence ? a : b, bothValid: true };
  const record = a ?? b;
  return record === null ? null : { record, bothValid: false };
}
