/** Checking a data folder offline: no changed byte of what was durable goes unnoticed, and nothing is written. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { inspectFolder, type Verdict } from '../../../engine/cli/verify.ts';
import { crc32 } from '../../../engine/io/crc32.ts';
import { segmentName } from '../../../engine/log/format.ts';
import { Seal } from '../../../engine/snapshot/file.ts';
import { Capture } from '../../../engine/snapshot/state.ts';
import { Tree } from '../../../engine/tree/tree.ts';
import { append, begin, publish } from '../../../workers/snapshot.ts';
import { memoryFolder, stateFile, stateRecord, writeSegment } from '../../support/log.ts';

const snapshotName = 'snapshot.00000000000003';

/** Two segments of eight entries, of which all are durable, and a snapshot at zxid 3. */
function makeFolder(t: TestContext): string {
  const folder = memoryFolder(t);
  writeSegment(folder, 1, 0, [[20, 50], [10]]);
  writeSegment(folder, 2, 3, [[20], [10, 10], [10, 30]]);
  writeFileSync(join(folder, 'state'), stateFile(stateRecord({ durable: 8, newestSegment: 2 })));
  writeSnapshot(folder);
  return folder;
}

function writeSnapshot(folder: string): void {
  const tree = Tree.fresh();
  tree.lastZxid = 3;
  const path = join(folder, `${snapshotName}.tmp`);
  const seal = new Seal(crc32);
  begin({ path, zxid: 3 });
  const capture = new Capture(tree, 1000);
  for (let chunk = capture.next(); chunk !== null; chunk = capture.next()) seal.add(append({ path, raw: chunk }));
  assert.equal(publish({ path, name: join(folder, snapshotName), zxid: 3, footer: seal.encode() }), null);
}

const inspect = (folder: string): Verdict => inspectFolder(folder, folder);
const found = (folder: string): string[] =>
  inspect(folder).findings.map(({ file, kind, what }) => `${kind} ${file} ${what}`);

test('a whole folder: everything is listed, nothing found, nothing changed', (t) => {
  const folder = makeFolder(t);
  const image = (): string[] =>
    readdirSync(folder)
      .sort()
      .map((name) => `${name} ${statSync(join(folder, name)).mtimeMs} ${readFileSync(join(folder, name), 'hex')}`);
  const before = image();
  const { whole, findings, heldBy } = inspect(folder);
  assert.deepEqual(findings, []);
  assert.equal(heldBy, null);
  assert.deepEqual(
    whole.map(({ file }) => file),
    [snapshotName, 'state', segmentName(1), segmentName(2)],
  );
  assert.match(whole[0]!.what, /zxid 0x3, 4 nodes, 0 sessions/);
  assert.match(whole[3]!.what, /zxid 0x3 to 0x8/);
  assert.deepEqual(image(), before);
});

for (const name of [segmentName(1), segmentName(2), snapshotName]) {
  test(`every changed byte of ${name} is damage to that file`, (t) => {
    const folder = makeFolder(t);
    const path = join(folder, name);
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 0x40;
      writeFileSync(path, changed);
      const damaged = inspect(folder).findings.filter(({ kind }) => kind === 'damage');
      assert.deepEqual([...new Set(damaged.map(({ file }) => file))], [name], `byte ${at}`);
    }
  });
}

test('the state: one bad record is noted, two are damage, none at all is damage', (t) => {
  const folder = makeFolder(t);
  const path = join(folder, 'state');
  const whole = readFileSync(path);
  const changed = Buffer.from(whole);
  changed[20]! ^= 1;
  writeFileSync(path, changed);
  assert.deepEqual(found(folder), ['note state one of its two records is damaged: the other one counts']);
  changed[4096 + 20]! ^= 1;
  writeFileSync(path, changed);
  assert.deepEqual(found(folder), ['damage state is damaged in both of its records']);
  rmSync(path);
  assert.deepEqual(found(folder), ['damage state is missing, although a server has been running here']);
});

test('a torn tail is noted; a lost one that was durable, a lost segment and a gap are damage', (t) => {
  const folder = makeFolder(t);
  const path = join(folder, segmentName(2));
  const whole = readFileSync(path);
  writeFileSync(path, Buffer.concat([whole, Buffer.from('half an entry')]));
  assert.deepEqual(found(folder), [`note ${segmentName(2)} 13 bytes after zxid 0x8 are a torn tail: a start cuts it`]);
  writeFileSync(path, whole);
  truncateSync(path, whole.length - 1);
  assert.match(found(folder).join(), /^damage log\.0000000002 is damaged at offset \d+, after zxid 0x7/);
  rmSync(path);
  assert.deepEqual(found(folder), [`damage ${segmentName(2)} is missing`]);
  writeSegment(folder, 2, 4, [[20]]);
  assert.match(found(folder).join('\n'), /damage log\.0000000001 ends at zxid 0x3, but the next one begins at 0x4/);
});

test('a segment of another server, and files that are none', (t) => {
  const folder = makeFolder(t);
  for (const name of ['notes.txt', `${snapshotName}.damaged`, 'log.0000000009.tmp'])
    writeFileSync(join(folder, name), '');
  assert.deepEqual(found(folder), [
    'note log.0000000009.tmp is unfinished: a start removes it',
    'note notes.txt is no file of a server',
    `note ${snapshotName}.damaged was found damaged by a server and set aside`,
  ]);
  writeSegment(folder, 2, 3, [[20]], 5);
  assert.match(found(folder)[0]!, /^damage log\.0000000002 was written by server 5, but this is server 1/);
});

test('the log may be in a folder of its own; an empty folder is no damage', (t) => {
  const folder = makeFolder(t);
  rmSync(join(folder, snapshotName));
  const snapshots = memoryFolder(t);
  writeSnapshot(snapshots);
  const { whole, findings } = inspectFolder(snapshots, folder);
  assert.deepEqual([whole.length, findings.length], [4, 0]);
  const empty = memoryFolder(t);
  assert.deepEqual(inspect(empty), { folder: empty, heldBy: null, whole: [], findings: [] });
});
