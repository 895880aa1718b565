/** Snapshot files: whole ones are read as they were written, others are refused, torn ones always. */
import { drawSnapshotFile } from '../inputs/snapshot.ts';
import { rawChunks, verify } from '../memory-snapshots.ts';
import { damaged } from '../mutate.ts';
import { restore } from './state.ts';
import { must, type Target } from './target.ts';

const zxid = 2 ** 32 + 5;

export const snapshotFile: Target = {
  name: 'snapshot-file',
  about: 'snapshot files, verified and expanded',
  draw(prng) {
    const isTorn = prng.chance(0.4);
    const file = drawSnapshotFile(prng, zxid, isTorn ? 0 : 0.5);
    return isTorn ? [damaged(prng, { bytes: file, marks: [] }, 0.9), file] : [file];
  },
  /** Part 1, if there is one, is the file before it was torn. */
  run([file, original]) {
    if (verify(file!, zxid) !== null) return 'refused';
    must(original === undefined || original.equals(file!), 'a torn file passes for whole');
    return typeof restore(rawChunks(file!)) === 'string' ? 'whole, state refused' : 'whole, state accepted';
  },
};
