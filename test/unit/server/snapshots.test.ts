/** A snapshot goes on over many turns: what changes meanwhile neither waits for the disk nor gets into it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Server } from '../../../engine/index.ts';
import { Metrics } from '../../../engine/server/metrics.ts';
import type { ServerOptions } from '../../../engine/server/options.ts';
import type { Ports, SnapshotSink, StateMachine } from '../../../engine/server/ports.ts';
import { Snapshots } from '../../../engine/server/snapshots.ts';
import { Restore } from '../../../engine/snapshot/state.ts';
import type { Batch } from '../../../engine/txn/batch.ts';
import { ask, Machine } from '../../support/machine.ts';

interface Taking {
  readonly snapshots: Snapshots;
  /** As of a log that is durable up to `synced`; without it as far as the tree. */
  readonly pump: (synced?: number) => boolean;
  readonly chunks: Buffer[];
  readonly sink: Sink;
}

/** A sink that keeps what it is given; the disk writes a chunk when the test says so. No snapshot is due. */
function idle(machine: Machine, ofProgram?: StateMachine, last = 0, snapCount = 1, drawn = 0): Taking {
  const chunks: Buffer[] = [];
  const sink: Sink = {
    pending: 0,
    finished: false,
    aborted: false,
    write: (chunk) => {
      sink.pending++;
      chunks.push(chunk);
    },
    finish: () => void (sink.finished = true),
    abort: () => void (sink.aborted = true),
  };
  const random = (into: Uint8Array): void => void into.fill(drawn);
  const ports = { snapshots: { create: () => sink }, machine: ofProgram, schedule: () => {}, random };
  const options = { snapCount } as ServerOptions;
  const snapshots = new Snapshots(options, ports as unknown as Ports, new Metrics(0), last);
  const pump = (synced = machine.tree.lastZxid): boolean => snapshots.pump(machine.tree, synced, 0);
  return { snapshots, pump, chunks, sink };
}

/** A snapshot that is due. */
function due(machine: Machine, ofProgram?: StateMachine): Taking {
  const taking = idle(machine, ofProgram);
  taking.snapshots.applied({ count: 1, bytes: { length: 1e9 } } as Batch);
  return taking;
}

type Sink = { -readonly [Key in keyof SnapshotSink]: SnapshotSink[Key] } & { finished: boolean; aborted: boolean };

function restore(chunks: readonly Buffer[]): Restore {
  const restore = new Restore();
  for (const chunk of chunks) assert.equal(restore.chunk(chunk), null);
  return restore;
}

test('a change that is worth many chunks is cut, and does not wait for a slow disk', () => {
  const machine = new Machine();
  const session = machine.session();
  const count = 40;
  for (let i = 0; i < count; i++) machine.request(ask.create(`/n${i}`, '#'.repeat(100_000)), session);
  machine.commit();
  const { nodeCount } = machine.tree;
  const { pump, chunks, sink } = due(machine);
  while (pump());
  assert.equal(sink.pending, 4);
  for (let i = 0; i < count; i++) machine.request(ask.delete(`/n${i}`), session);
  machine.commit();
  pump();
  assert.ok(chunks.reduce((bytes, { length }) => bytes + length, 0) > (count - 3) * 100_000, 'handed over at once');
  while (!sink.finished) {
    sink.pending = 0;
    pump();
  }
  for (const { length } of chunks) assert.ok(length < 256 * 1024 + 101_000, `a chunk of ${length} bytes`);
  const tree = restore(chunks).finish();
  assert.ok(typeof tree !== 'string', String(tree));
  assert.equal(tree.nodeCount, nodeCount);
});

/** A server whose log is one txn behind its tree, whenever it is looked at. */
function behind(): { machine: Machine; zxid: number; next: () => void } & Taking {
  const machine = new Machine();
  const session = machine.session();
  const next = (): void => {
    machine.request(ask.create(`/after-${machine.tree.lastZxid}`, ''), session);
    machine.commit();
  };
  next();
  return { machine, zxid: machine.tree.lastZxid, next, ...due(machine) };
}

test('a snapshot is written although the log is never as far as the tree, and finished once it holds all of it', () => {
  const { machine, zxid, next, pump, chunks, sink } = behind();
  while (pump(zxid - 1));
  assert.equal(pump(zxid - 1), false);
  assert.deepEqual([sink.finished, chunks.length], [false, 1]);
  next();
  pump(machine.tree.lastZxid - 1);
  assert.equal(sink.finished, true);
  const tree = restore(chunks).finish();
  assert.ok(typeof tree !== 'string', String(tree));
  assert.equal(tree.lastZxid, zxid);
});

test('a snapshot that waits for the log is given up when the leader’s takes the place of the state', () => {
  const { zxid, snapshots, pump, sink } = behind();
  while (pump(zxid - 1));
  snapshots.reset(zxid + 100);
  pump(zxid + 100);
  assert.deepEqual([sink.finished, sink.aborted], [false, true]);
});

test('a snapshot that a learner lacks is taken at once, whatever was logged since the last one', () => {
  const machine = new Machine();
  const { snapshots, pump, chunks, sink } = idle(machine, undefined, machine.tree.lastZxid);
  pump();
  assert.equal(chunks.length, 0);
  snapshots.want();
  while (pump());
  // It asks again before the snapshot is on the disk.
  snapshots.want();
  pump();
  assert.deepEqual([chunks.length, sink.finished], [1, true]);
});

test('servers draw when a snapshot is due: after half of snapCount, of the log that is worth it, or up to all', () => {
  const machine = new Machine();
  machine.session();
  machine.commit();
  const worth = 3 * (machine.tree.store.approximateBytes + 90 * machine.tree.nodeCount);
  const dueAfter = (drawn: number, bytes: number): number => {
    const { snapshots, pump } = idle(machine, undefined, 0, 1000, drawn);
    for (let txns = 1; ; txns++) {
      snapshots.applied({ count: 1, bytes: { length: bytes } } as Batch);
      if (!pump()) continue;
      snapshots.reset(0);
      return txns;
    }
  };
  assert.deepEqual([dueAfter(0, worth), dueAfter(0x80, worth), dueAfter(0xff, worth)], [500, 751, 1000]);
  assert.deepEqual([dueAfter(0, worth / 2048), dueAfter(0xff, worth / 2048)], [1024, 2048]);
});

test('a machine whose snapshot is a generator is asked before more commands are applied', () => {
  const machine = new Machine();
  machine.request(ask.create('/before-it', '#'.repeat(300_000)), machine.session());
  machine.commit();
  let count = 1;
  const { pump, chunks, sink } = due(machine, {
    apply: () => void count++,
    *snapshot() {
      const now = count;
      yield Buffer.alloc(1_000_000);
      yield Buffer.from(`${now}`);
    },
    restore: () => {},
  });
  pump();
  count++;
  while (!sink.finished) {
    sink.pending = 0;
    pump();
    count++;
  }
  const pieces = Buffer.concat(restore(chunks).machine!);
  assert.equal(pieces.subarray(1_000_000).toString(), '1');
});

test('a snapshot that is due when a large session ends begins after its nodes are freed', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'zabra-snapshots-'));
  const server = await Server.start({ dataDir, clientPort: -1, logLevel: 'silent', preAllocSize: 64, snapCount: 2 });
  t.after(async () => {
    await server.close();
    rmSync(dataDir, { recursive: true });
  });
  await server.ready();
  const { tree } = server.core;
  const client = await server.connect();
  await Promise.all(Array.from({ length: 10_000 }, (_, n) => client.create(`/n${n}`, null, { ephemeral: true })));

  const { tidy } = tree.store;
  let isMore = false;
  let turns = 0;
  tree.store.tidy = (count) => {
    isMore = tidy.call(tree.store, count);
    if (isMore) turns++;
    return isMore;
  };
  const begun = new Promise<boolean>((resolve) => {
    let capture = tree.capture;
    Object.defineProperty(tree, 'capture', {
      get: () => capture,
      set: (given: typeof capture) => {
        resolve(isMore);
        capture = given;
      },
    });
  });
  await client.close();
  assert.equal(await begun, false);
  assert.ok(turns > 1, 'they were freed over several turns');
});
