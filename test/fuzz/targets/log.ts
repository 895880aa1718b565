/**
 * The whole recovery of a log: it starts with what is true, or refuses and names a file.
 *
 * Where the damage came after the checksums nothing false may be believed and nothing durable be cut.
 * Whatever recovery starts with goes on, and is found again.
 */
import { isZxid } from '../../../engine/base/zxid.ts';
import { crc32 } from '../../../engine/io/crc32.ts';
import { entryHeaderBytes, segmentName } from '../../../engine/log/format.ts';
import { stateName } from '../../../engine/log/hard-state.ts';
import { LogDamage, recoverLog, type RecoveredLog } from '../../../engine/log/recover.ts';
import { scanSegment } from '../../../engine/log/recovery.ts';
import { LogWriter } from '../../../engine/log/writer.ts';
import { TxnCursor, type Batch } from '../../../engine/txn/batch.ts';
import { makeBatch, server } from '../../support/log.ts';
import { drawLogImage } from '../inputs/log.ts';
import { MemoryFiles } from '../memory-files.ts';
import { must, type Input, type Target } from './target.ts';

interface Known {
  readonly sealed: boolean;
  readonly stateIsWhole: boolean;
  readonly snapshotZxid: number;
  readonly durable: number;
  readonly written: number;
}

/** Part 0 tells what is known, part 1 is the state record, the others are segments with their number ahead. */
function unpack([head, state, ...segments]: Input): { known: Known; files: MemoryFiles } {
  const files = new MemoryFiles();
  files.contents.set(stateName, state!);
  for (const segment of segments) files.contents.set(segmentName(segment.readUInt32BE(0)), segment.subarray(4));
  const [sealed, stateIsWhole, snapshotZxid, durable, written] = [0, 1, 2, 3, 4].map((n) => head!.readInt32BE(n * 4));
  const known = { snapshotZxid: snapshotZxid!, durable: durable!, written: written! };
  return { known: { sealed: sealed === 1, stateIsWhole: stateIsWhole === 1, ...known }, files };
}

function recover(files: MemoryFiles, snapshotZxid: number): RecoveredLog | null {
  const before = new Map(files.contents);
  try {
    return recoverLog(files, server, snapshotZxid, crc32);
  } catch (error) {
    if (!(error instanceof LogDamage)) throw error;
    must(
      [...before].every(([name, bytes]) => files.contents.get(name) === bytes),
      'a refusal changes a file',
    );
    return null;
  }
}

/** Every number that the server goes on with makes sense. */
function checkNumbers({ last, committed, end, state }: RecoveredLog): void {
  const positions = { last, committed, end, durable: state.durable, accepted: state.acceptedEpoch };
  for (const [name, value] of Object.entries({ ...positions, current: state.currentEpoch, ensemble: state.ensembleId }))
    must(Number.isSafeInteger(value) && value >= 0, `${name} is ${value} after recovery`);
  must(Number.isSafeInteger(state.sequence), `the state's sequence is ${state.sequence} after recovery`);
  must(state.currentEpoch <= state.acceptedEpoch, 'an epoch was joined that was never promised');
}

function batchesIn(files: MemoryFiles, { segments, last }: RecoveredLog): Batch[] {
  const batches: Batch[] = [];
  for (const { sequence, start } of segments) {
    scanSegment(files.read(segmentName(sequence)), sequence, start, crc32, (batch) => {
      if (batch.last <= last) batches.push(batch);
      return batch.last <= last;
    });
  }
  return batches;
}

/** The batches of these tests say which they are. */
function isGenuine(batch: Batch): boolean {
  const { bytes, last } = batch;
  return bytes.subarray(24).equals(makeBatch(last - 1, 1, bytes.length - 54).bytes.subarray(24));
}

function goesOn(files: MemoryFiles, recovered: RecoveredLog, snapshotZxid: number): void {
  const { last, state } = recovered;
  // A forged record may stand at the very end of its numbers.
  if (!isZxid(last + 1) || !isZxid(state.sequence + 3)) return;
  const batch = makeBatch(last);
  const events = { synced: () => {}, segments: () => {} };
  const options = { server, segmentBytes: 4096, preallocateBytes: 0 };
  const writer = new LogWriter(files, options, recovered, crc32, events);
  writer.append(1, batch.bytes.length, last, (target, at) => batch.bytes.copy(target, at));
  writer.flush();
  const again = recover(files, snapshotZxid);
  must(again !== null, 'a log that recovery started with is refused the next time');
  must(again.last === last + 1, `the log went on to ${last + 1} and is found to end at ${again.last}`);
}

export const log: Target = {
  name: 'log',
  about: 'log segments and state records, recovered as a whole',
  draw(prng) {
    const { sealed, stateIsWhole, snapshotZxid, durable, written, state, segments } = drawLogImage(prng);
    const head = Buffer.alloc(20);
    for (const [n, value] of [sealed ? 1 : 0, stateIsWhole ? 1 : 0, snapshotZxid, durable, written].entries())
      head.writeInt32BE(value, n * 4);
    const named = segments.map(({ sequence, bytes }) => Buffer.concat([Buffer.from([0, 0, 0, sequence]), bytes]));
    return [head, state, ...named];
  },
  run(input) {
    const { known, files } = unpack(input);
    const recovered = recover(files, known.snapshotZxid);
    const kind = known.sealed ? 'sealed' : 'torn';
    if (recovered === null) return `${kind} refused`;
    checkNumbers(recovered);
    const batches = batchesIn(files, recovered);
    if (!known.sealed) {
      for (const batch of batches) must(isGenuine(batch), `batch ${batch.last} was never written`);
      const least = Math.max(known.stateIsWhole ? known.durable : 0, known.snapshotZxid);
      must(recovered.last >= least, `the log ends at ${recovered.last}, but ${least} was durable`);
      must(recovered.last <= Math.max(known.written, known.snapshotZxid), 'the log goes on after its end');
    }
    for (const batch of batches) {
      const cursor = new TxnCursor().reset(batch);
      while (cursor.next());
    }
    goesOn(files, recovered, known.snapshotZxid);
    return `${kind} started${batches.length * entryHeaderBytes > 0 ? '' : ' empty'}`;
  },
};
