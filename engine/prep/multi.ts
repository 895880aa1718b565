/**
 * Several changes as one txn: all of them or none, one zxid, each part seeing the ones before it.
 *
 *   request   { MultiHeader{i32 type, bool done = false, i32 err = -1} · record }* · MultiHeader(-1, true, -1)
 *   txn       i32 count · { u8 type · i32 length · body }*          or, when a part is refused,
 *             i32 count · i32 index of that part · i32 code         (`multiError`)
 */
import { multiOpsMax } from '../base/limits.ts';
import type { Reader, Writer } from '../base/bytes.ts';
import { txnType, type TxnType } from '../txn/types.ts';
import { errorCode, type ErrorCode } from '../wire/errors.ts';
import { opcode } from '../wire/opcodes.ts';
import type { Prep } from './prep.ts';

/** Prepares the multi under the reader; writes the txn's body and returns its type, or an error code. */
export function prepareMulti(prep: Prep, reader: Reader, body: Writer, zxid: number): TxnType | ErrorCode {
  const start = reader.at;
  const count = countParts(reader);
  if (count < 0) return errorCode.marshalling;
  reader.at = start;
  const { overlay } = prep;
  overlay.beginMulti();
  body.i32(count);
  for (let index = 0; index < count; index++) {
    const op = reader.i32();
    reader.at += 5;
    const at = body.at;
    body.u8(0);
    body.i32(0);
    // ZooKeeper reads a create2 here as a create and returns no Stat for it.
    const type = prep.change(op === opcode.create2 ? opcode.create : op, reader, body, zxid);
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
  }
  overlay.keepMulti(zxid);
  return txnType.multi;
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

function skipRecord(op: number, reader: Reader): void {
  reader.view(reader.i32());
  switch (op) {
    case opcode.create:
    case opcode.create2:
      reader.buffer();
      for (let left = reader.count(12); left > 0 && !reader.bad; left--) {
        reader.i32();
        reader.view(reader.i32());
        reader.view(reader.i32());
      }
      reader.i32();
      break;
    case opcode.setData:
      reader.buffer();
      reader.i32();
      break;
    case opcode.delete:
    case opcode.check:
      reader.i32();
      break;
    default:
      reader.fail();
  }
}
