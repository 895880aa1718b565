/** Snapshot files, read as the worker reads them: compressed chunks, headers, footer. */
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileHeaderBytes } from '../../../engine/snapshot/file.ts';
import { read, verify } from '../../../workers/snapshot.ts';
import { drawSnapshotFile } from '../inputs/snapshot.ts';
import { damaged } from '../mutate.ts';
import { restore } from './state.ts';
import { must, type Target } from './target.ts';

const zxid = 2 ** 32 + 5;
let path = '';

/** One file in memory, written anew for each input. */
function place(): string {
  if (path === '')
    path = join(mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'zabra-fuzz-')), 'file');
  return path;
}

/** What the pool's caller is told of a task: its result, or the message of what it threw. */
function told<T>(task: () => T): T | string {
  try {
    return task();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError || !(error instanceof Error)) throw error;
    return error.message;
  }
}

export const snapshotFile: Target = {
  name: 'snapshot-file',
  about: 'snapshot files, verified and expanded',
  draw(prng) {
    const isTorn = prng.chance(0.4);
    const file = drawSnapshotFile(prng, zxid, isTorn ? 0 : 0.5);
    const found = isTorn ? damaged(prng, { bytes: file, marks: [] }, 0.9) : file;
    return isTorn ? [found, file] : [found];
  },
  /** Part 1, if there is one, is the file before it was torn. */
  run([file, original]) {
    writeFileSync(place(), file!);
    const error = told(() => verify({ path: place(), zxid }));
    if (error !== null) return 'refused';
    must(original === undefined || original.equals(file!), 'a torn file passes for whole');
    const chunks: Buffer[] = [];
    for (let offset = fileHeaderBytes; ;) {
      const chunk = told(() => read({ path: place(), offset }));
      must(typeof chunk !== 'string' && chunk.error === null, `a whole file cannot be read: ${JSON.stringify(chunk)}`);
      if (chunk.raw === null) break;
      chunks.push(Buffer.from(chunk.raw));
      offset = chunk.next;
    }
    return typeof restore(chunks) === 'string' ? 'whole, state refused' : 'whole, state accepted';
  },
};
