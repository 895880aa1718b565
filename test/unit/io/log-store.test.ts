/** The log worker through its front, on real files. */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { recoverLog } from '../../../engine/io/log-recovery.ts';
import { LogReader } from '../../../engine/io/log-reader.ts';
import { entryHeaderBytes, segmentHeaderBytes, segmentName } from '../../../engine/log/format.ts';
import { crc32 } from '../../../engine/io/crc32.ts';
import { decodeStateFile, slotBytes } from '../../../engine/log/hard-state.ts';
import { unreadable } from '../../../engine/server/ports.ts';
import {
  closeLogs,
  endsOf,
  endsOnDisk,
  makeBatch,
  memoryFolder,
  server,
  TestLog,
  writeSegment,
} from '../../support/log.ts';

afterEach(closeLogs);

function segmentsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith('log.'))
    .sort();
}

test('log store: append, sync, close, reopen', async (t) => {
  const folder = memoryFolder(t);
  const log = new TestLog(folder);
  const written = [log.append(3), log.append(1, 2000), log.append(2)];
  log.store.saveState(++log.ticket, { acceptedEpoch: 5, currentEpoch: 4, ensembleId: 77 });
  await log.synced();
  await log.close();
  const again = new TestLog(folder);
  assert.equal(again.last, 6);
  const { acceptedEpoch, currentEpoch, ensembleId, durable } = again.recovered.state;
  assert.deepEqual(
    { acceptedEpoch, currentEpoch, ensembleId, durable },
    { acceptedEpoch: 5, currentEpoch: 4, ensembleId: 77, durable: 6 },
  );
  assert.deepEqual(again.recovered.notes, []);
  const { floor, batches } = await again.read(0);
  assert.equal(floor, 0);
  assert.deepEqual(batches, written);
  await again.close();
});

test('log store: tickets are acknowledged in order, each only after those before it', async (t) => {
  const folder = memoryFolder(t);
  const log = new TestLog(folder, { ringBytes: 4096, segmentBytes: 16 * 1024 });
  for (let i = 0; i < 300; i++) {
    // Every few, one too large for the ring, and a state in between.
    log.append(1, i % 7 === 3 ? 5000 : 100);
    if (i % 50 === 20) log.store.saveState(++log.ticket, { acceptedEpoch: i, currentEpoch: 0, ensembleId: 1 });
    if (i % 10 === 0) log.store.flush();
  }
  await log.synced();
  assert.deepEqual(
    log.acknowledged,
    [...log.acknowledged].sort((a, b) => a - b),
  );
  assert.equal(new Set(log.acknowledged).size, log.acknowledged.length);
  assert.equal(log.acknowledged.at(-1), log.ticket);
  assert.deepEqual(
    await log.ends(0),
    Array.from({ length: 300 }, (_, n) => n + 1),
  );
  await log.close();
  assert.equal((await endsOnDisk(folder, 0)).length, 300);
});

test('log store: large batches that find the ring full are written once, in order', async (t) => {
  const folder = memoryFolder(t);
  const log = new TestLog(folder, { ringBytes: 4096, segmentBytes: 2 ** 20 });
  // Each fills half of the ring, so that the announcement of the next large one has to wait.
  for (let i = 0; i < 40; i++) log.append(1, i % 3 === 2 ? 3000 : 1850);
  await log.synced();
  const { batches } = await log.read(0);
  assert.deepEqual(
    batches,
    Array.from({ length: 40 }, (_, i) => makeBatch(i, 1, i % 3 === 2 ? 3000 : 1850)),
  );
  await log.close();
});

test('log store: space is preallocated ahead, and never beyond the segment or over an entry', async (t) => {
  const folder = memoryFolder(t);
  const log = new TestLog(folder, { segmentBytes: 8192, preallocateBytes: 3000 });
  log.append();
  await log.synced();
  const file = join(folder, segmentName(1));
  await log.close();
  assert.ok(statSync(file).size > 3000 && statSync(file).size <= 8192, `${statSync(file).size}`);

  // ZOOKEEPER-2249: an entry larger than what is preallocated.
  const more = new TestLog(folder, { segmentBytes: 8192, preallocateBytes: 3000 });
  more.append(1, 6000);
  more.append(1, 10);
  await more.synced();
  await more.close();
  assert.deepEqual(await endsOnDisk(folder, 0), [1, 2, 3]);
});

test('log store: segments roll over, and a batch larger than one gets one of its own', async (t) => {
  const folder = memoryFolder(t);
  const log = new TestLog(folder, { segmentBytes: 4096 });
  for (const bytes of [1000, 1000, 1000, 1000, 9000, 10, 3900, 3900]) log.append(1, bytes);
  await log.synced();
  assert.deepEqual(await log.ends(0), [1, 2, 3, 4, 5, 6, 7, 8]);
  await log.close();
  assert.equal(recoverLog(folder, server, -1).state.newestSegment, segmentsIn(folder).length);
  const starts = recoverLog(folder, server, -1).segments.map((segment) => segment.start);
  assert.deepEqual(starts, [0, 3, 4, 5, 6, 7]);
  assert.deepEqual(await endsOnDisk(folder, 0), [1, 2, 3, 4, 5, 6, 7, 8]);
});

/** Cuts to `last`; the marker bytes of what was dropped must be nowhere, and the log goes on from there. */
async function truncates(folder: string, last: number): Promise<void> {
  const log = new TestLog(folder, { segmentBytes: 4096 });
  const dropped: Buffer[] = [];
  for (let i = 1; i <= 12; i++) {
    const batch = log.append(1, 700);
    if (i > last) dropped.push(batch.bytes);
  }
  await log.synced();
  log.truncate(last);
  log.append(2, 300);
  await log.synced();
  assert.deepEqual(await log.ends(0), [...Array.from({ length: last }, (_, n) => n + 1), last + 2]);
  await log.close();
  assert.deepEqual(await endsOnDisk(folder, 0), [...Array.from({ length: last }, (_, n) => n + 1), last + 2]);
  assert.equal(recoverLog(folder, server, -1).state.truncateTo, -1);
  for (const name of segmentsIn(folder)) {
    const bytes = readFileSync(join(folder, name));
    for (const batch of dropped) assert.equal(bytes.indexOf(batch.subarray(60)), -1, `${name} holds dropped bytes`);
  }
}

test('log store: truncates within and across segments, and goes on', async (t) => {
  const folder = memoryFolder(t);
  for (const last of [11, 10, 9, 7, 5, 1, 0]) {
    mkdirSync(join(folder, `${last}`));
    await truncates(join(folder, `${last}`), last);
  }
});

test('log store: a truncation behind unsynced appends, then others of the same length (ZOOKEEPER-1489)', async (t) => {
  const folder = memoryFolder(t);
  const log = new TestLog(folder);
  for (let i = 0; i < 5; i++) log.append(1, 100);
  log.truncate(2);
  for (let i = 0; i < 2; i++) log.append(1, 100);
  await log.synced();
  await log.close();
  assert.deepEqual(await endsOnDisk(folder, 0), [1, 2, 3, 4]);
});

test('log store: a reset forgets all before, and goes on from the snapshot', async (t) => {
  const folder = memoryFolder(t);
  const log = new TestLog(folder, { segmentBytes: 4096 });
  for (let i = 0; i < 12; i++) log.append(1, 700);
  log.reset(1000);
  log.append(1);
  await log.synced();
  assert.equal(log.store.start, 1000);
  assert.equal(segmentsIn(folder).length, 1);
  assert.deepEqual(await log.ends(1000), [1001]);
  assert.deepEqual(await log.read(5), { floor: -1, batches: [] });
  await log.close();
  assert.deepEqual(await endsOnDisk(folder, 1000, 1000), [1001]);
  assert.throws(() => recoverLog(folder, server, -1), /begins at zxid 0x3e8, but no whole snapshot reaches that far/);
});

test('log store: a purge removes whole segments below, never what recovery needs', async (t) => {
  const folder = memoryFolder(t);
  const log = new TestLog(folder, { segmentBytes: 4096 });
  for (let i = 0; i < 20; i++) log.append(1, 700);
  await log.synced();
  // Five batches to a segment: 0, 5, 10, 15, and the small ones from 20 on.
  for (const [zxid, start] of [
    [4, 0],
    [5, 5],
    [11, 10],
    [999, 20],
  ] as const) {
    log.store.purge(zxid);
    log.append(1, 1);
    await log.synced();
    assert.equal(log.store.start, start, `purged to ${zxid}`);
  }
  assert.deepEqual(await log.read(19), { floor: -1, batches: [] });
  assert.deepEqual(await log.ends(20), [21, 22, 23, 24]);
  await log.close();
  assert.throws(() => recoverLog(folder, server, 19), /no whole snapshot reaches that far/);
  assert.deepEqual(await endsOnDisk(folder, 20, 20), [21, 22, 23, 24]);
});

test('log store: a segment that somebody removed by hand is no trouble for a purge', async (t) => {
  const folder = memoryFolder(t);
  const log = new TestLog(folder, { segmentBytes: 4096 });
  for (let i = 0; i < 20; i++) log.append(1, 700);
  await log.synced();
  rmSync(join(folder, segmentName(1)));
  log.store.purge(11);
  log.append();
  await log.synced();
  assert.equal(log.store.start, 10);
  assert.equal(existsSync(join(folder, segmentName(2))), false);
  await log.close();
});

test('log store: reads while a purge removes the files do not fail', async (t) => {
  const folder = memoryFolder(t);
  const log = new TestLog(folder, { segmentBytes: 4096 });
  for (let i = 0; i < 400; i++) log.append(1, 700);
  await log.synced();
  const reads: Promise<{ floor: number }>[] = [];
  for (let zxid = 0; zxid < 396; zxid += 8) {
    log.store.purge(zxid);
    for (let i = 0; i < 4; i++) reads.push(log.read(zxid + i, 4000));
    await new Promise(setImmediate);
  }
  for (const { floor } of await Promise.all(reads)) assert.ok(floor === -1 || floor >= 0);
  assert.deepEqual(log.failures, []);
  await log.close();
});

test('log store: reads from any position, in bounded pieces that join', async (t) => {
  const folder = memoryFolder(t);
  const log = new TestLog(folder, { segmentBytes: 4096 });
  for (let i = 0; i < 20; i++) log.append(3, 500);
  await log.synced();
  for (let after = 0; after <= 62; after++) {
    const { floor, batches } = await log.read(after, 1);
    assert.equal(floor, Math.min(60, Math.floor(after / 3) * 3), `after ${after}`);
    // At least one, if there is one.
    assert.deepEqual(
      batches.map((batch) => batch.prev),
      floor < 60 ? [floor] : [],
      `after ${after}`,
    );
  }
  for (const bytesMax of [1, 600, 2000, 5000, 2 ** 20]) {
    let position = 0;
    while (position < 60) {
      const { floor, batches } = await log.read(position, bytesMax);
      assert.equal(floor, position);
      assert.equal(batches[0]!.prev, position);
      position = batches.at(-1)!.last;
    }
    assert.equal(position, 60);
  }
  await log.close();
});

test('log store: only what is durable is read, and a reader that was there goes on without a hole', async (t) => {
  const folder = memoryFolder(t);
  const log = new TestLog(folder);
  const seen: number[] = [];
  let position = 0;
  const readOn = async (): Promise<void> => {
    const { floor, batches } = await log.read(position);
    assert.equal(floor, position);
    for (const { prev, last } of batches) {
      assert.equal(prev, position);
      assert.ok(last <= log.store.durable);
      position = last;
      seen.push(last);
    }
  };
  for (let i = 0; i < 60; i++) {
    log.append(1, 200);
    log.store.flush();
    await readOn();
  }
  await log.synced();
  await readOn();
  assert.deepEqual(
    seen,
    Array.from({ length: 60 }, (_, n) => n + 1),
  );
  await log.close();
});

test('log reader: it goes on where it stopped, however many segments and other readers came before', async (t) => {
  const folder = memoryFolder(t);
  const segments = Array.from({ length: 70 }, (_, n) => ({ sequence: n + 1, start: 2 * n }));
  for (const { sequence, start } of segments) writeSegment(folder, sequence, start, [[20, 20]]);
  const view = { segments, durable: 139, isChanging: false };
  const reader = new LogReader(folder, view);
  for (let after = 0; after < 136; after += 2) await reader.read(after, 1);
  assert.equal((await reader.read(0, 2 ** 20)).batches.length, 139);
  // Nobody who has come this far looks at what lies before.
  const path = join(folder, segmentName(70));
  const bytes = readFileSync(path);
  bytes[segmentHeaderBytes]! ^= 1;
  writeFileSync(path, bytes);
  view.durable = 140;
  assert.deepEqual(endsOf(await reader.read(139, 2 ** 20)), [140]);
});

test('log store: damage found while reading fails the log, naming file and offset', async (t) => {
  const folder = memoryFolder(t);
  const log = new TestLog(folder, { segmentBytes: 4096 });
  for (let i = 0; i < 8; i++) log.append(1, 700);
  await log.synced();
  const path = join(folder, segmentName(1));
  const bytes = readFileSync(path);
  bytes[64 + (entryHeaderBytes + 54 + 700) + 100]! ^= 1;
  writeFileSync(path, bytes);
  let answered = false;
  log.store.read(0, 2 ** 20, () => (answered = true));
  assert.match(await log.failure(), /log\.0000000001 is damaged at offset 866, after zxid 0x1$/);
  assert.equal(answered, false);
  await log.close();
});

test('log store: want of files or memory while reading is no damage', async (t) => {
  const log = new TestLog(memoryFolder(t));
  for (const code of ['EMFILE', 'ENFILE', 'ENOMEM']) {
    const error = Object.assign(new Error(code), { code });
    t.mock.method(LogReader.prototype, 'read', () => Promise.reject(error), { times: 1 });
    assert.deepEqual(await log.read(0), { floor: unreadable, batches: [] });
  }
  assert.deepEqual([await log.read(0), log.failures], [{ floor: 0, batches: [] }, []]);
  await log.close();
});

test('log store: a write that fails is told once, and nothing is acknowledged after it', async (t) => {
  const folder = memoryFolder(t);
  const log = new TestLog(folder, { segmentBytes: 4096 });
  log.append(1, 700);
  await log.synced();
  // The next segment cannot be created in a folder that is not there.
  rmSync(folder, { recursive: true });
  for (let i = 0; i < 10; i++) log.append(1, 700);
  log.store.flush();
  const acknowledged = [...log.acknowledged];
  assert.match(await log.failure(), /ENOENT/);
  const atFailure = [...log.acknowledged];
  for (let i = 0; i < 200; i++) log.append(1, 700);
  log.store.flush();
  await log.close();
  assert.equal(log.failures.length, 1);
  assert.deepEqual(log.acknowledged, atFailure);
  assert.ok(atFailure.at(-1)! < 8 && acknowledged.length <= atFailure.length);
});

test('log store: a bad slot of the state is written anew at once', async (t) => {
  const folder = memoryFolder(t);
  const log = new TestLog(folder);
  log.store.saveState(++log.ticket, { acceptedEpoch: 9, currentEpoch: 8, ensembleId: 77 });
  await log.synced();
  await log.close();
  const path = join(folder, 'state');
  const original = readFileSync(path);
  for (const slot of [0, 1]) {
    const bytes = Buffer.from(original);
    bytes.fill(0xa5, slot * slotBytes, slot * slotBytes + 100);
    writeFileSync(path, bytes);
    const again = new TestLog(folder);
    // No single slot holds a promise alone.
    assert.equal(again.recovered.state.acceptedEpoch, 9);
    assert.equal(again.recovered.notes.length, 1);
    again.append();
    await again.synced();
    await again.close();
    assert.equal(decodeStateFile(readFileSync(path), crc32)!.bothValid, true);
  }
});

test('log store: the position known durable is on disk soon after the log falls silent', async (t) => {
  const folder = memoryFolder(t);
  const log = new TestLog(folder);
  log.append(5);
  await log.synced();
  const durable = (): number => decodeStateFile(readFileSync(join(folder, 'state')), crc32)!.record.durable;
  const deadline = performance.now() + 5000;
  while (durable() !== 5 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(durable(), 5);
  await log.close();
});

test('log store: a state file that is missing, or a server of another number, is refused', async (t) => {
  const folder = memoryFolder(t);
  const log = new TestLog(folder);
  log.append();
  await log.synced();
  await log.close();
  assert.throws(
    () => recoverLog(folder, 2, -1),
    /belongs to server 1, but this is server 2; nothing was changed. Correct myid/,
  );
  copyFileSync(join(folder, 'state'), join(folder, 'kept'));
  rmSync(join(folder, 'state'));
  assert.throws(() => recoverLog(folder, server, -1), /state is missing, although this server has been running/);
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  assert.throws(() => recoverLog(empty, server, 7), /state is missing, although this server has been running/);
  assert.equal(existsSync(join(empty, 'state')), false);
  assert.equal(recoverLog(empty, server, -1).last, 0);
});
