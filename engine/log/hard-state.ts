/**
 * What a server must remember besides its log: one record in two slots, written in turn.
 *
 *   slot (4 KiB)   u32 magic · u32 version · f64 sequence · f64 acceptedEpoch · f64 currentEpoch
 *                  f64 ensembleId · f64 server · f64 truncateTo · f64 durable · u32 crc
 *
 * The valid slot with the larger sequence counts, so a torn write loses nothing. Both epochs live in
 * one record, since a crash between two files has kept ZooKeeper servers from starting (2307, 1653).
 */
import { Buffer } from 'node:buffer';
import type { HardState } from '../consensus/core.ts';
import type { Checksum } from '../txn/batch.ts';

export const stateName = 'state';
export const slotBytes = 4096;
const magic = 0x5a424853;
const formatVersion = 1;
const recordBytes = 72;

export interface StateRecord extends HardState {
  readonly sequence: number;
  /** The server whose data this is. */
  readonly server: number;
  /** A truncation to this zxid was begun; recovery finishes it. -1: none. */
  readonly truncateTo: number;
  /** Everything up to here was on disk when this was written. */
  readonly durable: number;
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
  view.setUint32(64, checksum(bytes, 0, 64));
  return bytes;
}

function decodeSlot(bytes: Buffer, at: number, checksum: Checksum): StateRecord | null {
  if (at + recordBytes > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  if (view.getUint32(0) !== magic || view.getUint32(4) !== formatVersion) return null;
  if (view.getUint32(64) !== checksum(bytes, at, at + 64)) return null;
  return {
    sequence: view.getFloat64(8),
    acceptedEpoch: view.getFloat64(16),
    currentEpoch: view.getFloat64(24),
    ensembleId: view.getFloat64(32),
    server: view.getFloat64(40),
    truncateTo: view.getFloat64(48),
    durable: view.getFloat64(56),
  };
}

/** The newest valid record of a state file, null when both slots are unreadable. */
export function decodeStateFile(bytes: Buffer, checksum: Checksum): StateRecord | null {
  const a = decodeSlot(bytes, 0, checksum);
  const b = decodeSlot(bytes, slotBytes, checksum);
  if (a === null || b === null) return a ?? b;
  return a.sequence > b.sequence ? a : b;
}
