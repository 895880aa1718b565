/**
 * Recovery, every case: what was found in the log × the state × the snapshots → what must happen.
 *
 *   segment   1: 1 2 3    2: 4 5    3: 6 │ 7 │ 8 9 10          │ ends what one fsync made durable
 *   durable up to 7; the crash came while 8, 9 and 10 were being written
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { recoverLog } from '../../../engine/io/log-recovery.ts';
import { slotBytes, type StateRecord } from '../../../engine/log/hard-state.ts';
import { segmentName } from '../../../engine/log/format.ts';
import {
  endsOnDisk,
  stateFile,
  stateRecord,
  memoryFolder,
  closeLogs,
  TestLog,
  writeSegment,
  type EntryPlace,
} from '../../support/log.ts';

/** Several sectors of 512 bytes each, so that a crash can keep some of an entry. */
const bigBody = 700;

class Image {
  readonly folder: string;
  readonly places: Map<number, EntryPlace>;
  state: StateRecord = stateRecord({ durable: 7, newestSegment: 3 });

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder);
    this.places = new Map([
      ...writeSegment(folder, 1, 0, [[20, 20], [20]]),
      ...writeSegment(folder, 2, 3, [[20], [20]]),
      ...writeSegment(folder, 3, 5, [[20], [20], [bigBody, bigBody, bigBody]]),
    ]);
    // Preallocated.
    this.edit(3, (bytes) => Buffer.concat([bytes, Buffer.alloc(4096)]));
  }

  path(sequence: number): string {
    return join(this.folder, segmentName(sequence));
  }

  edit(sequence: number, change: (bytes: Buffer) => Buffer | void): void {
    const bytes = readFileSync(this.path(sequence));
    writeFileSync(this.path(sequence), change(bytes) ?? bytes);
  }

  /** Flips a bit of an entry; the header is 48 bytes long. */
  flip(zxid: number, offset: number): void {
    const place = this.places.get(zxid)!;
    this.edit(place.sequence, (bytes) => void (bytes[place.offset + offset]! ^= 1));
  }

  /** The file is no longer than up to here. */
  end(zxid: number, offset: number): void {
    const place = this.places.get(zxid)!;
    truncateSync(this.path(place.sequence), place.offset + offset);
  }

  /** From here on it was never written, though preallocated. */
  zeros(zxid: number, offset: number): void {
    const place = this.places.get(zxid)!;
    this.edit(place.sequence, (bytes) => void bytes.fill(0, place.offset + offset));
  }

  remove(...sequences: number[]): void {
    for (const sequence of sequences) unlinkSync(this.path(sequence));
  }

  fingerprint(): string[] {
    return readdirSync(this.folder)
      .sort()
      .map(
        (name) =>
          `${name} ${createHash('md5')
            .update(readFileSync(join(this.folder, name)))
            .digest('hex')}`,
      );
  }
}

/** A number: starts, and this is the end of the log. A text: refuses and names this file. null: cannot be. */
type Outcome = number | string | null;

interface Row {
  readonly found: string;
  readonly make: (image: Image) => void;
  /** By newest whole snapshot: none, at 3, at 7, and one at 20 that the leader sent just before. */
  readonly outcomes: readonly [Outcome, Outcome, Outcome, Outcome];
}

const log1 = segmentName(1);
const log2 = segmentName(2);
const log3 = segmentName(3);
const refuse3 = [log3, log3, log3, log3] as const;

const rows: readonly Row[] = [
  { found: 'nothing wrong', make: () => {}, outcomes: [10, 10, 10, 20] },

  // The tail that no fsync had made durable: cut, and nothing else is lost.
  { found: 'the file ends before 8', make: (log) => log.end(8, 0), outcomes: [7, 7, 7, 20] },
  { found: 'the file ends within the header of 8', make: (log) => log.end(8, 17), outcomes: [7, 7, 7, 20] },
  { found: 'the file ends after the header of 8', make: (log) => log.end(8, 48), outcomes: [7, 7, 7, 20] },
  { found: 'the file ends within the batch of 9', make: (log) => log.end(9, 300), outcomes: [8, 8, 8, 20] },
  {
    found: 'the file ends a byte before 10 does',
    make: (log) => log.end(10, 48 + 36 + 18 + 699),
    outcomes: [9, 9, 9, 20],
  },
  { found: 'zeros from 8 on', make: (log) => log.zeros(8, 0), outcomes: [7, 7, 7, 20] },
  { found: 'zeros from within the header of 9', make: (log) => log.zeros(9, 40), outcomes: [8, 8, 8, 20] },
  { found: 'zeros from within the batch of 10', make: (log) => log.zeros(10, 333), outcomes: [9, 9, 9, 20] },
  { found: 'header of 8 not whole, 9 and 10 are', make: (log) => log.flip(8, 20), outcomes: [7, 7, 7, 20] },
  { found: 'batch of 9 not whole, 10 is', make: (log) => log.flip(9, 200), outcomes: [8, 8, 8, 20] },

  // Damage to what was durable: covered by a snapshot, or refused.
  { found: 'bit of batch 2', make: (log) => log.flip(2, 60), outcomes: [log1, 10, 10, 20] },
  { found: 'bit of header 3', make: (log) => log.flip(3, 8), outcomes: [log1, 10, 10, 20] },
  { found: 'bit of batch 4', make: (log) => log.flip(4, 60), outcomes: [log2, log2, 10, 20] },
  { found: 'bit of header 5', make: (log) => log.flip(5, 0), outcomes: [log2, log2, 10, 20] },
  { found: 'segment 2 ends within 5', make: (log) => log.end(5, 30), outcomes: [log2, log2, 10, 20] },
  { found: 'segment 2 has zeros from 5 on', make: (log) => log.zeros(5, 0), outcomes: [log2, log2, 10, 20] },
  { found: 'bit of batch 6', make: (log) => log.flip(6, 60), outcomes: [log3, log3, 7, 20] },
  { found: 'bit of header 6', make: (log) => log.flip(6, 30), outcomes: [log3, log3, 7, 20] },
  { found: 'bit of batch 7', make: (log) => log.flip(7, 60), outcomes: [log3, log3, 7, 20] },
  { found: 'bit of header 7', make: (log) => log.flip(7, 47), outcomes: [log3, log3, 7, 20] },
  { found: 'zeros in place of 6 and 7', make: zeros6And7, outcomes: [log3, log3, 7, 20] },

  // Segments.
  { found: 'header of segment 1 corrupt', make: (log) => flipHeader(log, 1), outcomes: [log1, 10, 10, 20] },
  { found: 'header of segment 2 corrupt', make: (log) => flipHeader(log, 2), outcomes: [log2, log2, 10, 20] },
  { found: 'header of segment 3 corrupt', make: (log) => flipHeader(log, 3), outcomes: refuse3 },
  { found: 'segment 3 is empty', make: (log) => truncateSync(log.path(3), 0), outcomes: refuse3 },
  { found: 'segment 1 missing', make: (log) => log.remove(1), outcomes: [log2, 10, 10, 20] },
  { found: 'segment 2 missing', make: (log) => log.remove(2), outcomes: [log2, log2, 10, 20] },
  { found: 'segment 3 missing', make: (log) => log.remove(3), outcomes: refuse3 },
  { found: 'all segments missing', make: (log) => log.remove(1, 2, 3), outcomes: refuse3 },
  { found: 'segment 2 under the name of 3', make: (log) => copyFileSync(log.path(2), log.path(3)), outcomes: refuse3 },
  { found: 'segment 3 of another server', make: segmentOfAnother, outcomes: refuse3 },
  { found: 'an old entry after the end', make: staleEntry, outcomes: [10, 10, 10, 20] },

  // A crash right after (or while) the next segment was created; its state may not tell of it yet.
  { found: 'segment 4 with only a header', make: (log) => nextSegment(log, 3), outcomes: [10, 10, 10, 20] },
  { found: 'the same, and the state knows', make: (log) => nextSegment(log, 4), outcomes: [10, 10, 10, 20] },
  { found: 'half of segment 4, unnamed', make: unnamedSegment, outcomes: [10, 10, 10, 20] },

  // A crash between the steps of a truncation.
  { found: 'truncation to 8 begun', make: (log) => truncating(log, 8), outcomes: [8, 8, 8, null] },
  { found: 'truncation to 5 begun', make: (log) => truncating(log, 5), outcomes: [5, 5, null, null] },
  {
    found: 'truncation to 5, segment 3 gone',
    make: (log) => (truncating(log, 5), log.remove(3)),
    outcomes: [5, 5, null, null],
  },
  {
    found: 'truncation to 4, segment 3 gone',
    make: (log) => (truncating(log, 4), log.remove(3)),
    outcomes: [4, 4, null, null],
  },
  {
    found: 'truncation to 4, file cut',
    make: (log) => (truncating(log, 4), log.remove(3), log.end(5, 0)),
    outcomes: [4, 4, null, null],
  },
  {
    found: 'truncation to 5 begun, 4 corrupt',
    make: (log) => (truncating(log, 5), log.flip(4, 60)),
    outcomes: [log2, log2, null, null],
  },

  // A crash while the log starts anew after a snapshot from the leader; without that snapshot it is useless.
  { found: 'reset to 20 announced', make: (log) => announceReset(log), outcomes: [log3, log3, log3, 20] },
  { found: 'reset to 20 begun', make: (log) => resetting(log), outcomes: [log3, log3, log3, 20] },
  {
    found: 'reset to 20, segment 1 gone',
    make: (log) => (resetting(log), log.remove(1)),
    outcomes: [log3, log3, log3, 20],
  },
  {
    found: 'reset to 20, segment 2 gone',
    make: (log) => (resetting(log), log.remove(2)),
    outcomes: [log2, log2, log3, 20],
  },
  {
    found: 'reset to 20, segments 1 to 3 gone',
    make: (log) => (resetting(log), log.remove(1, 2, 3)),
    outcomes: Array(3).fill(segmentName(4)).concat(20) as unknown as Row['outcomes'],
  },
  {
    found: 'reset to 20, 9 was torn',
    make: (log) => (resetting(log), log.flip(9, 60)),
    outcomes: [log3, log3, log3, 20],
  },
];

function zeros6And7(log: Image): void {
  log.edit(3, (bytes) => void bytes.fill(0, log.places.get(6)!.offset, log.places.get(8)!.offset));
}

function flipHeader(log: Image, sequence: number): void {
  log.edit(sequence, (bytes) => void (bytes[20]! ^= 1));
}

function segmentOfAnother(log: Image): void {
  writeSegment(log.folder, 3, 5, [[20], [20]], 2);
}

function staleEntry(log: Image): void {
  const { offset, end } = log.places.get(7)!;
  log.edit(3, (bytes) => void bytes.copy(bytes, log.places.get(10)!.end, offset, end));
}

function nextSegment(log: Image, newestSegment: number): void {
  writeSegment(log.folder, 4, 10, []);
  log.state = { ...log.state, durable: 10, newestSegment };
}

function unnamedSegment(log: Image): void {
  writeSegment(log.folder, 4, 10, []);
  truncateSync(log.path(4), 11);
  renameSync(log.path(4), `${log.path(4)}.tmp`);
  log.state = { ...log.state, durable: 10 };
}

function truncating(log: Image, truncateTo: number): void {
  log.state = { ...log.state, truncateTo, durable: truncateTo };
}

function announceReset(log: Image): void {
  log.state = { ...log.state, durable: 20 };
}

function resetting(log: Image): void {
  writeSegment(log.folder, 4, 20, []);
  log.state = { ...log.state, durable: 20, newestSegment: 4 };
}

afterEach(closeLogs);

const snapshots = [-1, 3, 7, 20] as const;
const stateFaults = {
  whole: [],
  'slot 0 torn': [0],
  'slot 1 torn': [1],
  'both slots torn': [0, 1],
} as const satisfies Record<string, readonly number[]>;

for (const { found, make, outcomes } of rows) {
  test(`log: ${found}`, (t) => {
    const folder = memoryFolder(t);
    for (const [column, snapshotZxid] of snapshots.entries()) {
      for (const [stateFault, slots] of Object.entries(stateFaults)) {
        const outcome = slots.length === 2 ? 'state' : outcomes[column]!;
        if (outcomes[column] === null) continue;
        const image = new Image(join(folder, `${snapshotZxid} ${stateFault}`));
        make(image);
        const state = stateFile(image.state);
        for (const slot of slots) state.fill(0xa5, slot * slotBytes + 30, slot * slotBytes + 512);
        writeFileSync(join(image.folder, 'state'), state);
        judge(image, snapshotZxid, outcome, `snapshot ${snapshotZxid}, state ${stateFault}`);
      }
    }
  });
}

/** Twice, since a start may end at once; and nothing is changed where the server refuses. */
function judge(image: Image, snapshotZxid: number, outcome: Outcome, what: string): void {
  const before = image.fingerprint();
  const recover = (): number => recoverLog(image.folder, 1, snapshotZxid).last;
  if (typeof outcome === 'number') {
    assert.equal(recover(), outcome, what);
    assert.equal(recover(), outcome, `${what}, the second time`);
    return;
  }
  assert.throws(recover, (error: Error) => {
    assert.equal(error.name, 'StorageError', what);
    assert.ok(error.message.includes(join(image.folder, outcome!)), `${what}: ${error.message} names ${outcome}`);
    assert.match(error.message, /start again|Move it away/, what);
    return true;
  });
  assert.deepEqual(image.fingerprint(), before, `${what}: nothing was changed`);
}

test('log: whatever recovery starts with goes on and is found again', async (t) => {
  const folder = memoryFolder(t);
  for (const { found, make, outcomes } of rows) {
    // Where the log can start by itself it is not helped by a snapshot.
    const column = typeof outcomes[0] === 'number' ? 0 : 3;
    const outcome = outcomes[column];
    if (typeof outcome !== 'number') continue;
    const image = new Image(join(folder, found));
    make(image);
    writeFileSync(join(image.folder, 'state'), stateFile(image.state));
    const snapshotZxid = snapshots[column];
    const log = new TestLog(image.folder, { snapshotZxid });
    for (let i = 0; i < 3; i++) log.append(2, 900);
    await log.synced();
    await log.close();
    const from = Math.max(snapshotZxid, 0);
    const ends = await endsOnDisk(image.folder, from, snapshotZxid);
    assert.deepEqual(ends.slice(-3), [outcome + 2, outcome + 4, outcome + 6], found);
    assert.equal(ends.length, outcome - from + 3, found);
  }
});

test('log: any subset of the sectors of an unsynced group may be on disk', (t) => {
  const folder = memoryFolder(t);
  const sectorBytes = 512;
  const original = new Image(join(folder, 'original'));
  const [first, end] = [original.places.get(8)!.offset, original.places.get(10)!.end];
  const sectors = Array.from({ length: Math.ceil(end / sectorBytes) }, (_, n) => n * sectorBytes).filter(
    (at) => at + sectorBytes > first,
  );
  assert.equal(sectors.length, 6);
  for (let kept = 0; kept < 2 ** sectors.length; kept++) {
    const image = new Image(join(folder, String(kept)));
    writeFileSync(join(image.folder, 'state'), stateFile(image.state));
    const lost = sectors.filter((_, n) => (kept & (2 ** n)) === 0);
    for (const at of lost) {
      image.edit(3, (bytes) => void bytes.fill(0, Math.max(at, first), at + sectorBytes));
    }
    const whole = [8, 9, 10].filter((zxid) => lost.every((at) => at >= original.places.get(zxid)!.end));
    assert.equal(recoverLog(image.folder, 1, -1).last, whole.at(-1) ?? 7, `sectors kept: ${kept.toString(2)}`);
  }
});

test('log: the last known durable position rests on the newer record of the state, then on the entries', (t) => {
  const folder = memoryFolder(t);
  const cases = [
    // 7 and all after it are gone as if never written; only the newer record tells that 7 was durable.
    { name: 'both records', slots: [7, 6], last: 'refuse' },
    { name: 'the older record alone', slots: [null, 6], last: 6 },
  ] as const;
  for (const { name, slots, last } of cases) {
    const image = new Image(join(folder, name));
    image.zeros(7, 0);
    const [newer, older] = slots;
    const record = { ...image.state, sequence: 10, durable: older };
    const state = stateFile(record);
    if (newer !== null) stateFile({ ...record, sequence: 11, durable: newer }).copy(state, slotBytes, slotBytes);
    else state.fill(0xa5, slotBytes, slotBytes + 512);
    writeFileSync(join(image.folder, 'state'), state);
    judge(image, -1, last === 'refuse' ? log3 : last, name);
  }
});
