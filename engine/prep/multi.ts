/**
 * Several changes as one txn: all of them or none, one zxid, each part seeing the ones before it.
 *
 *   request   { MultiHeader{i32 type, bool done = false, i32 err = -1} · record }* · MultiHeader(-1, true, -1)
 *   txn       i32 count · { u8 type · i32 length · body }*          or, when a part is refused,
 *             i32 count · i32 index of that part · i32 code         (`multiError`)
 */
import { aclBytesMax, multiBytesMax, multiGrowthMax, multiOpsMax } from '../base/limits.ts';
import type { Reader, Writer } from '../base/bytes.ts';
import { txnType, type TxnType } from '../txn/types.ts';
import { errorCode, type ErrorCode } from '../wire/errors.ts';
import { opcode } from '../wire/opcodes.ts';
import { flagsContainer, flagsTtl, type Changes } from './changes.ts';

/**
 * Prepares the multi under the reader; writes the txn's body and returns its type, or an error code. The part
 * with which the txn would grow out of all proportion is refused (-8).
 */
export function prepareMulti(changes: Changes, reader: Reader, body: Writer, zxid: number): TxnType | ErrorCode {
  const start = reader.at;
  const count = countParts(reader);
  if (count < 0) return errorCode.marshalling;
  const bytesMax = Math.min(multiBytesMax, aclBytesMax + (reader.at - start) * multiGrowthMax);
  reader.at = start;
  const { overlay } = changes;
  overlay.beginMulti();
  const bodyStart = body.at;
  body.i32(count);
  for (let index = 0; index < count; index++) {
    const op = reader.i32();
    reader.at += 5;
    const start = reader.at;
    const flags = skipRecord(op, reader);
    const end = reader.at;
    reader.at = start;
    const at = body.at;
    if (lacksTtl(op, flags)) {
      overlay.undoMulti();
      body.clear();
      return errorCode.marshalling;
    }
    body.u8(0);
    body.i32(0);
    const decided = changes.change(opOfPart(op, flags), reader, body, zxid);
    const type = body.at - bodyStart > bytesMax ? errorCode.badArguments : decided;
    if (type < 0) {
      overlay.undoMulti();
      body.clear();
      body.i32(count);
      body.i32(index);
      body.i32(type);
      return txnType.multiError;
    }
    body.bytes[at] = type;
    body.setI32(at + 1, body.at - at - 5);
    reader.at = end;
  }
  overlay.keepMulti(zxid);
  return txnType.multi;
}

/**
 * What ZooKeeper makes of a part: flags decide between create, createContainer and createTTL, whatever
 * the part calls itself, and a create2 returns no Stat.
 */
function opOfPart(op: number, flags: number): number {
  if (!isCreate(op)) return op;
  if (flags >= flagsTtl) return opcode.createTtl;
  return flags === flagsContainer ? opcode.createContainer : opcode.create;
}

function isCreate(op: number): boolean {
  return op === opcode.create || op === opcode.create2 || op === opcode.createContainer || op === opcode.createTtl;
}

/**
 * Flags that need a ttl in a record that has none: ZooKeeper refuses the whole request, unless it finds
 * a part to refuse before it comes to this one.
 */
function lacksTtl(op: number, flags: number): boolean {
  return op !== opcode.createTtl && isCreate(op) && (flags === flagsTtl || flags === flagsTtl + 1);
}

/** Number of parts; -1 when the request does not decode, so that nothing of it is tried. */
function countParts(reader: Reader): number {
  for (let count = 0; count <= multiOpsMax; count++) {
    const op = reader.i32();
    const done = reader.bool();
    reader.i32();
    if (reader.bad) return -1;
    if (done) return count;
    skipRecord(op, reader);
    if (reader.bad) return -1;
  }
  return -1;
}

/** Moves behind the record of one part; returns the flags of one that creates. */
function skipRecord(op: number, reader: Reader): number {
  reader.skip(reader.i32());
  if (isCreate(op)) return skipCreate(op, reader);
  switch (op) {
    case opcode.setData:
      reader.skipBuffer();
      reader.i32();
      break;
    case opcode.delete:
    case opcode.check:
      reader.i32();
      break;
    default:
      reader.fail();
  }
  return 0;
}

function skipCreate(op: number, reader: Reader): number {
  reader.skipBuffer();
  for (let left = reader.count(12); left > 0 && !reader.bad; left--) {
    reader.i32();
    // Either may be null, as in a create alone (wire/acl.ts).
    reader.skipBuffer();
    reader.skipBuffer();
  }
  const flags = reader.i32();
  if (op === opcode.createTtl) reader.i64();
  return flags;
}
