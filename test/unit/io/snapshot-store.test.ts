/** Snapshots on real files, through the pool. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Piscina } from 'piscina';
import { SnapshotStore } from '../../../engine/io/snapshot-store.ts';
import type { SnapshotFile } from '../../../engine/server/ports.ts';
import { memoryFolder } from '../../support/log.ts';

const chunks = [Buffer.alloc(50_000, 'znode '), Buffer.from('short'), Buffer.alloc(100_000)];
const nameOf = (zxid: number): string => `snapshot.${zxid.toString(16).padStart(14, '0')}`;

function openStore(t: TestContext, folder: string, reserve = 0): { store: SnapshotStore; damaged: string[] } {
  const damaged: string[] = [];
  const store = new SnapshotStore(folder, (reason) => damaged.push(reason), reserve);
  t.after(() => store.close());
  return { store, damaged };
}

function write(store: SnapshotStore, zxid: number): Promise<string | null> {
  const sink = store.create(zxid, () => {});
  for (const chunk of chunks) sink.write(Buffer.from(chunk));
  return new Promise((resolve) => sink.finish(resolve));
}

async function load(store: SnapshotStore): Promise<Buffer | string> {
  const parts: Buffer[] = [];
  const error = await new Promise<string | null>((resolve) => store.load((chunk) => parts.push(chunk), resolve));
  return error ?? Buffer.concat(parts);
}

function open(store: SnapshotStore): Promise<SnapshotFile | null> {
  return new Promise((resolve) => store.open(resolve));
}

/** Sends the newest snapshot of one store to another, in pieces. */
async function send(from: SnapshotStore, to: SnapshotStore, spoil: (piece: Buffer) => void): Promise<string | null> {
  const file = (await open(from))!;
  const receiver = to.receive(file.zxid, file.bytesTotal);
  for (let offset = 0; offset < file.bytesTotal; offset += 1000) {
    const length = Math.min(1000, file.bytesTotal - offset);
    const piece = await new Promise<Buffer | null>((resolve) => file.read(offset, length, resolve));
    spoil(piece!);
    receiver.write(offset, piece!);
  }
  file.close();
  return new Promise((resolve) => receiver.finish(resolve));
}

function spoil(folder: string, zxid: number, at: number): void {
  const bytes = readFileSync(join(folder, nameOf(zxid)));
  bytes[at]! ^= 1;
  writeFileSync(join(folder, nameOf(zxid)), bytes);
}

test('snapshot store: write, load, reopen', async (t) => {
  const folder = memoryFolder(t);
  const { store } = openStore(t, folder);
  assert.equal(store.newest, -1);
  assert.equal(await open(store), null);
  assert.equal(await write(store, 70), null);
  assert.equal(store.newest, 70);
  assert.deepEqual(await load(store), Buffer.concat(chunks));
  const again = openStore(t, folder);
  await again.store.settle();
  assert.deepEqual([again.store.newest, again.damaged], [70, []]);
  assert.deepEqual(await load(again.store), Buffer.concat(chunks));
});

test('snapshot store: what a leader sends arrives byte for byte, or not at all', async (t) => {
  const [from, to] = [openStore(t, memoryFolder(t)).store, memoryFolder(t)];
  const { store } = openStore(t, to);
  await write(from, 70);
  assert.match((await send(from, store, (piece) => void (piece[piece.length - 1]! ^= 1)))!, /damaged|match/);
  assert.deepEqual([store.newest, readdirSync(to)], [-1, []]);
  assert.equal(await send(from, store, () => {}), null);
  assert.equal(store.newest, 70);
  assert.deepEqual(await load(store), Buffer.concat(chunks));
});

test('snapshot store: a snapshot that arrives short, or is given up, leaves nothing', async (t) => {
  const folder = memoryFolder(t);
  const { store } = openStore(t, folder);
  const short = store.receive(5, 100);
  short.write(0, Buffer.alloc(60));
  assert.match(
    (await new Promise<string | null>((resolve) => short.finish(resolve)))!,
    /another length than announced/,
  );
  const given = store.receive(6, 100);
  given.write(0, Buffer.alloc(60));
  given.abort();
  assert.deepEqual(readdirSync(folder), []);
});

test('snapshot store: the newest that is whole counts; a damaged one is set aside and told', async (t) => {
  const folder = memoryFolder(t);
  const { store } = openStore(t, folder);
  for (const zxid of [10, 20, 30]) assert.equal(await write(store, zxid), null);
  spoil(folder, 30, 100);
  spoil(folder, 20, 21);
  const again = openStore(t, folder);
  await again.store.settle();
  assert.equal(again.store.newest, 10);
  assert.equal(again.damaged.length, 2);
  assert.match(again.damaged[0]!, new RegExp(`${nameOf(30)}: the chunk at 20 is damaged$`));
  assert.deepEqual(readdirSync(folder), [nameOf(10), `${nameOf(20)}.damaged`, `${nameOf(30)}.damaged`]);
});

test('snapshot store: a damaged one is never sent, an older one is in its place', async (t) => {
  const folder = memoryFolder(t);
  const { store, damaged } = openStore(t, folder);
  for (const zxid of [10, 20]) await write(store, zxid);
  spoil(folder, 20, 200);
  const file = (await open(store))!;
  assert.equal(file.zxid, 10);
  file.close();
  assert.equal(damaged.length, 1);
});

/** Counts the verifications that the pool is asked for. */
function countVerifications(t: TestContext): () => number {
  const { run } = Piscina.prototype;
  let count = 0;
  t.mock.method(Piscina.prototype, 'run', function (this: Piscina, ...args: Parameters<typeof run>) {
    if (args[1]?.name === 'verify') count++;
    return run.apply(this, args);
  });
  return () => count;
}

test('snapshot store: all who ask share one verification, and those who ask again are served at once', async (t) => {
  const folder = memoryFolder(t);
  const { store, damaged } = openStore(t, folder);
  for (const zxid of [10, 20]) await write(store, zxid);
  const verifications = countVerifications(t);
  const files = await Promise.all([open(store), open(store)]);
  files.push(await open(store));
  assert.deepEqual(
    files.map((file) => file?.zxid),
    [20, 20, 20],
  );
  assert.equal(verifications(), 1);
  for (const file of files) file!.close();
  spoil(folder, 20, 100);
  const again = openStore(t, folder);
  const older = await Promise.all([open(again.store), open(again.store)]);
  assert.deepEqual(
    older.map((file) => file?.zxid),
    [10, 10],
  );
  assert.deepEqual([verifications(), again.damaged.length, damaged.length], [3, 1, 0]);
  for (const file of older) file!.close();
});

test('snapshot store: one that was sent to its end is verified again before it is sent again', async (t) => {
  const [folder, to] = [memoryFolder(t), memoryFolder(t)];
  const [{ store }, learner] = [openStore(t, folder), openStore(t, to)];
  for (const zxid of [10, 20]) await write(store, zxid);
  assert.equal(await send(store, learner.store, () => {}), null);
  spoil(folder, 20, 100);
  const file = (await open(store))!;
  assert.equal(file.zxid, 10);
  file.close();
});

test('snapshot store: what could not be verified is not damaged, and stays', async (t) => {
  const folder = memoryFolder(t);
  const { store, damaged } = openStore(t, folder);
  for (const zxid of [10, 20]) await write(store, zxid);
  const message = new RegExp(`${nameOf(20)} could not be verified: `);
  const settled = assert.rejects(store.settle(), { name: 'StorageError', message });
  const opened = open(store);
  await store.close();
  await settled;
  assert.equal(await opened, null);
  assert.deepEqual([damaged, readdirSync(folder)], [[], [nameOf(10), nameOf(20)]]);
});

test('snapshot store: damage found while loading is told, naming the file', async (t) => {
  const folder = memoryFolder(t);
  const { store } = openStore(t, folder);
  await write(store, 10);
  spoil(folder, 10, 60);
  assert.match((await load(store)) as string, new RegExp(`${nameOf(10)}: the chunk at 20 is damaged$`));
});

test('snapshot store: unfinished ones go at the next start', async (t) => {
  const folder = memoryFolder(t);
  const { store } = openStore(t, folder);
  await write(store, 10);
  writeFileSync(join(folder, `${nameOf(20)}.tmp`), 'half');
  writeFileSync(join(folder, `${nameOf(30)}.received.tmp`), 'half');
  const again = openStore(t, folder);
  await again.store.settle();
  assert.equal(again.store.newest, 10);
  assert.deepEqual(readdirSync(folder), [nameOf(10)]);
});

test('snapshot store: retains the newest, never less than two', async (t) => {
  const folder = memoryFolder(t);
  const { store } = openStore(t, folder);
  for (const zxid of [10, 20, 30, 40, 50]) await write(store, zxid);
  const retain = (keep: number): Promise<number> => new Promise((resolve) => store.retain(keep, resolve));
  assert.equal(await retain(3), 30);
  assert.equal(await retain(0), 40);
  assert.equal(await retain(9), 40);
  assert.deepEqual(readdirSync(folder), [nameOf(40), nameOf(50)]);
});

test('snapshot store: nobody waits for files to be removed but its end', async (t) => {
  const folder = memoryFolder(t);
  const { store } = openStore(t, folder);
  for (const zxid of [10, 20, 30, 40]) await write(store, zxid);
  let oldest = -1;
  store.retain(2, (zxid) => (oldest = zxid));
  assert.equal(oldest, -1);
  await store.close();
  assert.deepEqual([oldest, readdirSync(folder)], [30, [nameOf(30), nameOf(40)]]);
});

test('snapshot store: one that somebody removed by hand is no trouble', async (t) => {
  const folder = memoryFolder(t);
  const { store } = openStore(t, folder);
  for (const zxid of [10, 20, 30]) await write(store, zxid);
  rmSync(join(folder, nameOf(10)));
  assert.equal(await new Promise((resolve) => store.retain(2, resolve)), 20);
});

test('snapshot store: a thread that cannot start fails what waits for it, and the next one is another', async (t) => {
  const pools = new Set<Piscina>();
  const { run } = Piscina.prototype;
  t.mock.method(Piscina.prototype, 'run', function (this: Piscina, ...args: Parameters<typeof run>) {
    pools.add(this);
    return pools.size === 1 ? new Promise(() => {}) : run.apply(this, args);
  });
  const { store } = openStore(t, memoryFolder(t));
  const failing = write(store, 10);
  await new Promise((resolve) => setImmediate(resolve));
  [...pools][0]!.emit('error', new Error('no thread'));
  assert.equal(await failing, 'no thread');
  assert.equal(await write(store, 20), null);
});

test('snapshot store: one that would leave the log no room fails, and takes none', async (t) => {
  const folder = memoryFolder(t);
  const { store } = openStore(t, folder, 2 ** 50);
  assert.match((await write(store, 10))!, /only \d+ bytes are free where .* is, and the log needs room as well$/);
  assert.deepEqual([store.newest, readdirSync(folder)], [-1, []]);
});

test('snapshot store: an error in the pool is told, and the next snapshot succeeds', async (t) => {
  const parent = memoryFolder(t);
  const folder = join(parent, 'data');
  mkdirSync(folder);
  const { store } = openStore(t, folder);
  rmSync(folder, { recursive: true });
  let progressed = 0;
  const sink = store.create(10, () => progressed++);
  for (const chunk of chunks) sink.write(Buffer.from(chunk));
  const error = await new Promise<string | null>((resolve) => sink.finish(resolve));
  assert.match(error!, /ENOENT/);
  assert.deepEqual([sink.pending, progressed, store.newest], [0, 3, -1]);
  const receiver = store.receive(11, 10);
  assert.match(receiver.write(0, Buffer.alloc(10))!, /ENOENT/);
  assert.match((await new Promise<string | null>((resolve) => receiver.finish(resolve)))!, /ENOENT/);
  mkdirSync(folder);
  assert.equal(await write(store, 12), null);
});

test('snapshot store: one that is given up leaves nothing', async (t) => {
  const folder = memoryFolder(t);
  const { store } = openStore(t, folder);
  const sink = store.create(10, () => {});
  sink.write(Buffer.from(chunks[0]!));
  sink.abort();
  assert.equal(await new Promise<string | null>((resolve) => sink.finish(resolve)), 'given up');
  assert.deepEqual(readdirSync(folder), []);
});
