/** Batches of txns: valid ones, and ones that are wrong although every checksum fits. */
import type { Prng } from '../../../engine/base/prng.ts';
import { crc32 } from '../../../engine/io/crc32.ts';
import { batchHeaderBytes } from '../../../engine/txn/batch.ts';
import { txnType } from '../../../engine/txn/types.ts';
import { Draft } from '../draft.ts';
import { damaged } from '../mutate.ts';
import { aPath } from './client.ts';

/** Writes length and checksum of a batch, whatever is in it. */
export function sealBatch(bytes: Buffer): Buffer {
  if (bytes.length < batchHeaderBytes) return bytes;
  bytes.writeUInt32BE(bytes.length, 0);
  bytes.writeUInt32BE(crc32(bytes, 8, bytes.length), 4);
  return bytes;
}

function body(prng: Prng, type: number): Draft {
  const draft = new Draft();
  const acl = (): Draft => draft.size(1).i32(31).text('world').text('anyone');
  switch (type) {
    case txnType.create:
    case txnType.create2:
      draft.text(aPath(prng)).text('data');
      return acl().u8(prng.below(4)).i64(prng.below(3)).i32(1);
    case txnType.setData:
      return draft.text(aPath(prng)).text('data').i32(1);
    case txnType.setAcl:
      draft.text(aPath(prng));
      return acl().i32(1);
    case txnType.delete:
    case txnType.sync:
      return draft.text(aPath(prng));
    case txnType.check:
      return draft.text(aPath(prng)).i32(0);
    case txnType.multi: {
      const parts = prng.below(4);
      draft.size(parts);
      for (let n = 0; n < parts; n++) {
        const kind = prng.pick(nodeChanges);
        const part = body(prng, kind);
        draft.u8(kind).size(part.length).nest(part);
      }
      return draft;
    }
    case txnType.createSession:
      return draft.i32(10_000).raw(Buffer.alloc(16)).i32(1);
    case txnType.resumeSession:
      return draft.i32(10_000).i32(1);
    case txnType.error:
      return draft.i32(-101).i32(1);
    case txnType.multiError:
      return draft.i32(3).i32(1).i32(-101);
    case txnType.command:
      return draft.text('of a program');
    default:
      return draft;
  }
}

const nodeChanges = [txnType.create, txnType.delete, txnType.setData, txnType.setAcl, txnType.sync, txnType.check];
const allTypes = Object.values(txnType);

/** A txn as it lies in a batch; its body may be damaged, with a length that fits. */
export function drawTxn(prng: Prng, probability: number): Draft {
  const type = prng.pick(allTypes);
  const bytes = damaged(prng, body(prng, type), probability);
  return new Draft()
    .u8(type)
    .u8(prng.pick([0, 1, 2, 3]))
    .i32(prng.below(100))
    .i64(prng.pick([1, 2 ** 32 + 1]))
    .size(bytes.length)
    .raw(bytes);
}

/** A sealed batch after `prev`; damage of the given probability at each level. */
export function drawBatch(prng: Prng, prev: number, probability: number): Buffer {
  const count = prng.pick([1, 1, 2, 5]);
  const draft = new Draft()
    .i32(0)
    .i32(0)
    .f64(prev)
    .f64(prev + 1)
    .f64(1_700_000_000_000)
    .size(count);
  for (let n = 0; n < count; n++) draft.nest(drawTxn(prng, probability));
  return sealBatch(damaged(prng, draft, probability));
}
