/**
 * The power fails before every single call that the log makes of the disk, one after another.
 *
 * The disk keeps of what was not synced whatever a seed says: nothing, all, or torn sectors, and any
 * prefix of the changes to names. Whatever was acknowledged must be there when the power is back.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from '../../../engine/io/crc32.ts';
import { segmentName } from '../../../engine/log/format.ts';
import { recoverLog } from '../../../engine/log/recover.ts';
import { scanSegment } from '../../../engine/log/recovery.ts';
import { LogWriter } from '../../../engine/log/writer.ts';
import type { HardState } from '../../../engine/consensus/core.ts';
import { DiskError, PowerCut, SimDisk } from '../../sim/disk.ts';
import { drawOptions } from '../../sim/options.ts';
import { World } from '../../sim/world.ts';
import { makeBatch } from '../../support/log.ts';

const options = { server: 1, segmentBytes: 4096, preallocateBytes: 2048 };
/** The snapshot that the leader sent, whole on disk before the log is reset to it. */
const installedZxid = 100;

interface Promised {
  /** The log holds exactly this, or more of the same up to `asked`. */
  last: number;
  asked: number;
  epoch: number;
  snapshotZxid: number;
}

/** One life of the log: each step is asked for, and promised once `synced` came. */
class Life {
  readonly promised: Promised;
  readonly #writer: LogWriter;
  #ticket = 0;
  #pending: { readonly ticket: number; readonly keep: () => void }[] = [];

  constructor(disk: SimDisk, promised: Promised) {
    this.promised = promised;
    const log = recoverLog(disk, 1, promised.snapshotZxid, crc32);
    this.#writer = new LogWriter(disk, options, log, crc32, {
      synced: (ticket) => {
        while (this.#pending[0] !== undefined && this.#pending[0].ticket <= ticket) this.#pending.shift()!.keep();
      },
      segments: () => {},
    });
  }

  run(): void {
    this.#state(1);
    this.#append(2, 100);
    this.#append(3, 900);
    this.#flush();
    this.#append(12, 2500);
    this.#flush();
    this.#state(2);
    this.#writer.markDurable();
    this.#truncate(9);
    this.#append(3, 1200);
    this.#flush();
    this.#truncate(1);
    this.#append(4, 1500);
    this.#flush();
    this.promised.snapshotZxid = installedZxid;
    this.#writer.reset(++this.#ticket, installedZxid);
    this.promised.last = this.promised.asked = installedZxid;
    this.#append(5, 1500);
    this.#flush();
    // A snapshot of our own lets go of what lies below it.
    this.promised.snapshotZxid = installedZxid + 3;
    this.#writer.purge(installedZxid + 3);
    this.#state(3);
    this.#writer.close();
  }

  #append(count: number, bodyBytes: number): void {
    for (let i = 0; i < count; i++) {
      const { bytes, last } = makeBatch(this.promised.asked, 1, bodyBytes);
      this.promised.asked = last;
      this.#writer.append(
        this.#promise(() => (this.promised.last = last)),
        bytes.length,
        0,
        (target, at) => bytes.copy(target, at),
      );
    }
  }

  #flush(): void {
    this.#writer.flush();
  }

  /** Until it is done, both what was and what will be may be found. */
  #truncate(last: number): void {
    this.promised.last = last;
    this.#writer.truncate(
      this.#promise(() => (this.promised.asked = last)),
      last,
    );
  }

  #state(epoch: number): void {
    const state: HardState = { acceptedEpoch: epoch, currentEpoch: epoch, ensembleId: 9 };
    this.#writer.saveState(
      this.#promise(() => (this.promised.epoch = epoch)),
      state,
    );
  }

  /** A ticket; what it promises holds once it is acknowledged. */
  #promise(keep: () => void): number {
    this.#pending.push({ ticket: ++this.#ticket, keep });
    return this.#ticket;
  }
}

/** Zxids in the log beyond the snapshot, in order. */
function zxidsOn(disk: SimDisk, snapshotZxid: number): { zxids: number[]; last: number; epoch: number } {
  const { segments, last, restart, state } = recoverLog(disk, 1, snapshotZxid, crc32);
  const zxids: number[] = [];
  for (const { sequence, start } of restart ? [] : segments) {
    scanSegment(disk.read(segmentName(sequence)), sequence, start, crc32, (batch) => {
      zxids.push(batch.last);
      return true;
    });
  }
  return { zxids, last, epoch: state.acceptedEpoch };
}

for (const tearing of [false, true]) {
  test(`log: the power fails before any call, what was not synced is ${tearing ? 'torn' : 'lost'}`, () => {
    let cuts = 0;
    for (let seed = 1; seed <= (tearing ? 6 : 1); seed++) {
      for (let calls = 0, isCut = true; isCut; calls++) {
        const disk = new SimDisk(new World(seed * 1000 + calls, false), { ...drawOptions(seed), tearing });
        const promised: Promised = { last: 0, asked: 0, epoch: 0, snapshotZxid: -1 };
        disk.cutPowerIn(calls);
        isCut = livesUntilCut(disk, promised);
        disk.crash();
        const what = `seed ${seed}, before call ${calls}`;
        const found = zxidsOn(disk, promised.snapshotZxid);
        assert.ok(
          found.last >= Math.max(promised.last, promised.snapshotZxid),
          `${what}: ${found.last} >= ${promised.last}`,
        );
        assert.ok(
          found.last <= Math.max(promised.asked, promised.snapshotZxid),
          `${what}: ${found.last} <= ${promised.asked}`,
        );
        assert.ok(found.epoch >= promised.epoch, `${what}: epoch ${found.epoch}`);
        const from = found.zxids[0] ?? 1;
        assert.deepEqual(
          found.zxids,
          Array.from({ length: found.zxids.length }, (_, n) => from + n),
          what,
        );
        // What was found once counts as durable: another cut takes nothing of it.
        disk.crash();
        assert.deepEqual(zxidsOn(disk, promised.snapshotZxid), found, `${what}, once more`);
        cuts++;
      }
    }
    assert.ok(cuts > 80, `${cuts} cuts`);
  });
}

test('log: the process is killed before any call; what the next start counts as durable outlives the power', () => {
  for (let calls = 0, isCut = true; isCut; calls++) {
    const disk = new SimDisk(new World(calls, false), { ...drawOptions(1), tearing: false });
    const promised: Promised = { last: 0, asked: 0, epoch: 0, snapshotZxid: -1 };
    disk.cutPowerIn(calls);
    isCut = livesUntilCut(disk, promised);
    // The kernel lives on and with it what no sync has made durable.
    disk.power();
    const log = recoverLog(disk, 1, promised.snapshotZxid, crc32);
    const writer = new LogWriter(disk, options, log, crc32, { synced: () => {}, segments: () => {} });
    assert.equal(writer.groupBytes, 0);
    disk.crash();
    const found = zxidsOn(disk, promised.snapshotZxid);
    assert.equal(found.last, log.last, `before call ${calls}`);
    assert.equal(found.epoch, log.state.acceptedEpoch, `before call ${calls}`);
  }
});

test('log: a disk that fails a write or a sync: the call throws, and nothing is acknowledged', () => {
  for (const fault of ['broken', 'full'] as const) {
    const disk = new SimDisk(new World(1, false), drawOptions(1));
    const log = recoverLog(disk, 1, -1, crc32);
    const acknowledged: number[] = [];
    const events = { synced: (ticket: number) => void acknowledged.push(ticket), segments: () => {} };
    const writer = new LogWriter(disk, options, log, crc32, events);
    const append = (ticket: number): void => {
      const { bytes } = makeBatch(ticket - 1, 1, 3000);
      writer.append(ticket, bytes.length, 0, (target, at) => bytes.copy(target, at));
      writer.flush();
    };
    append(1);
    disk[fault] = true;
    assert.throws(() => append(2), DiskError);
    assert.deepEqual(acknowledged, [1], fault);
  }
});

function livesUntilCut(disk: SimDisk, promised: Promised): boolean {
  try {
    new Life(disk, promised).run();
    return false;
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error;
    return true;
  }
}
