/**
 * Txns to a tree: what the leader prepared is applied, and a txn that contradicts the tree fails an
 * assertion, which is how a server ends whose log or leader is wrong. Nothing else is thrown.
 */
import { AssertionFailed } from '../../../engine/base/assert.ts';
import { crc32 } from '../../../engine/io/crc32.ts';
import { Tree } from '../../../engine/tree/tree.ts';
import { decodeBatch, TxnCursor } from '../../../engine/txn/batch.ts';
import { opcode } from '../../../engine/wire/opcodes.ts';
import { Machine } from '../../support/machine.ts';
import { Record } from '../../support/raw-client.ts';
import { Draft } from '../draft.ts';
import { drawBatch, sealBatch } from '../inputs/batch.ts';
import { drawRequest } from '../inputs/client.ts';
import { damaged } from '../mutate.ts';
import { must, type Target } from './target.ts';

export const replay: Target = {
  name: 'replay',
  about: 'batches with checksums that fit, applied to a tree',
  /** Batches of a machine, the last of which may be damaged. */
  draw(prng) {
    const machine = new Machine();
    const session = machine.session();
    const isOdd = (op: number): boolean => op < 0 || op >= opcode.auth;
    for (let left = prng.below(8); left > 0; left--) {
      const { op, body } = drawRequest(prng);
      machine.request([isOdd(op) ? opcode.sync : op, new Record().raw(damaged(prng, body, 0.2))], session);
    }
    const batches = machine.inFlight.map(({ bytes }) => bytes);
    if (prng.chance(0.3)) return [...batches, drawBatch(prng, machine.inFlight.at(-1)!.last, 0.3)];
    const last = batches.pop()!;
    const txn = new Draft().raw(last.subarray(36, 54)).raw(last.subarray(54));
    const bytes = Buffer.concat([last.subarray(0, 36), damaged(prng, txn, 0.8)]);
    // The body's length fits now and then, so that the body itself is read.
    if (bytes.length >= 54 && prng.chance(0.8)) bytes.writeUInt32BE(bytes.length - 54, 50);
    return [...batches, sealBatch(bytes)];
  },
  run(parts) {
    const tree = Tree.fresh();
    try {
      for (const part of parts) {
        const batch = decodeBatch(Buffer.from(part), crc32);
        if (batch === null) return 'refused';
        const txn = new TxnCursor().reset(batch);
        while (txn.next()) tree.apply(txn, null);
      }
    } catch (error) {
      must(error instanceof AssertionFailed, `${(error as Error).stack}`);
      return 'contradicts the tree';
    }
    return 'applied';
  },
};
