/**
 * A simulated server's storage: the production log writer and recovery on a simulated disk.
 *
 *   flush ─► the log "thread" wakes ─► after the disk's time: write, sync ─► synced(ticket)
 *
 * While it is busy the next group gathers, as with the real worker.
 */
import { crc32 } from '../../engine/io/crc32.ts';
import { entryHeaderBytes, segmentName } from '../../engine/log/format.ts';
import { scanSegment } from '../../engine/log/recovery.ts';
import { LogDamage, recoverLog, type RecoveredLog } from '../../engine/log/recover.ts';
import { LogWriter, type SegmentInfo } from '../../engine/log/writer.ts';
import type { LogPort, SnapshotPort } from '../../engine/server/ports.ts';
import { Restore } from '../../engine/snapshot/state.ts';
import { Tree } from '../../engine/tree/tree.ts';
import type { Batch } from '../../engine/txn/batch.ts';
import { DiskError, PowerCut, type SimDisk } from './disk.ts';
import type { SimOptions } from './options.ts';
import { SimSnapshots } from './snapshots.ts';
import type { World } from './world.ts';

export interface StorageEvents {
  synced(ticket: number): void;
  /** Runs something in the process. */
  later(run: () => void): void;
  failed(reason: string): void;
  /** The power failed in the middle of a call. */
  crash(): void;
}

export interface RecoveredState extends RecoveredLog {
  readonly tree: Tree;
  /** That of the program's machine, in pieces. */
  readonly machine: readonly Buffer[];
  readonly lastZxid: number;
}

const preallocateBytes = 4096;
const wakeMs = 0.02;
const idleMs = 50;

export class Storage {
  readonly snapshots: SnapshotPort;
  readonly #world: World;
  readonly #options: SimOptions;
  readonly #disk: SimDisk;
  readonly #server: number;
  readonly #events: StorageEvents;
  readonly #snapshotStore: SimSnapshots;
  #writer!: LogWriter;
  #segments: readonly SegmentInfo[] = [];
  #durable = 0;
  #queue: ((writer: LogWriter) => void)[] = [];
  #busy = false;
  #dead = false;
  #marking = false;

  constructor(world: World, options: SimOptions, disk: SimDisk, server: number, events: StorageEvents) {
    this.#world = world;
    this.#options = options;
    this.#disk = disk;
    this.#server = server;
    this.#events = events;
    this.#snapshotStore = new SimSnapshots(world, disk, {
      later: (run) => events.later(run),
      guard: (run) => this.#guard(run),
    });
    this.snapshots = this.#snapshotStore;
  }

  /** While the disk does not say how far the log is durable, a damaged tail looks like a torn one. */
  get unmarked(): boolean {
    return this.#writer.unmarked;
  }

  /** Recovers the state from the disk, as the real host does; a text when the server must not start. */
  recover(): RecoveredState | string {
    try {
      this.#snapshotStore.settle();
      const { tree, machine } = this.#loadState();
      const log = recoverLog(this.#disk, this.#server, this.#snapshotStore.newest, crc32);
      this.#segments = log.segments;
      this.#durable = log.last;
      this.#writer = new LogWriter(
        this.#disk,
        { server: this.#server, segmentBytes: this.#options.segmentBytes, preallocateBytes },
        log,
        crc32,
        {
          synced: (ticket, last) => this.#synced(ticket, last),
          segments: (segments) => (this.#segments = segments),
        },
      );
      return { ...log, tree, machine, lastZxid: log.last, committed: Math.max(log.committed, tree.lastZxid) };
    } catch (error) {
      if (error instanceof LogDamage || error instanceof DiskError) return error.message;
      throw error;
    }
  }

  #loadState(): Pick<RecoveredState, 'tree' | 'machine'> {
    if (this.#snapshotStore.newest < 0) return { tree: Tree.fresh(), machine: [] };
    const restore = new Restore();
    for (const chunk of this.#snapshotStore.chunks(this.#snapshotStore.newest)) restore.chunk(chunk);
    const tree = restore.finish();
    if (typeof tree === 'string') throw new LogDamage('snapshot', tree);
    return { tree, machine: restore.machine ?? [] };
  }

  // ---- the log port ------------------------------------------------------------------------------

  readonly log: LogPort = ((storage: Storage) =>
    ({
      append(ticket: number, batch: Batch, committed: number): void {
        storage.#queue.push((writer) =>
          writer.append(ticket, batch.bytes.length, committed, (target, at) => batch.bytes.copy(target, at)),
        );
      },
      saveState(ticket: number, state): void {
        const { acceptedEpoch, currentEpoch, ensembleId } = state;
        storage.#queue.push((writer) => writer.saveState(ticket, { acceptedEpoch, currentEpoch, ensembleId }));
      },
      truncate(ticket: number, last: number): void {
        storage.#queue.push((writer) => writer.truncate(ticket, last));
      },
      reset(ticket: number, zxid: number): void {
        storage.#queue.push((writer) => writer.reset(ticket, zxid));
      },
      purge(zxid: number): void {
        storage.#queue.push((writer) => writer.purge(zxid));
        storage.#wake();
      },
      flush(): void {
        storage.#wake();
      },
      read(after: number, bytesMax: number, done: (floor: number, batches: Batch[]) => void): void {
        storage.#world.after(storage.#disk.syncMs() / 4, () => {
          const { floor, batches } = storage.#read(after, bytesMax);
          storage.#events.later(() => done(floor, batches));
        });
      },
      get start(): number {
        return storage.#segments[0]?.start ?? storage.#durable;
      },
    }) satisfies LogPort)(this);

  // ---- the log thread ----------------------------------------------------------------------------

  #wake(): void {
    if (this.#busy || this.#dead || this.#queue.length === 0) return;
    this.#busy = true;
    this.#world.after(wakeMs + this.#disk.syncMs(), () => {
      const work = this.#queue;
      this.#queue = [];
      this.#guard(() => {
        for (const each of work) each(this.#writer);
        this.#writer.flush();
      });
      this.#busy = false;
      this.#wake();
      this.#markWhenIdle();
    });
  }

  #markWhenIdle(): void {
    if (this.#marking || this.#dead || !this.#writer.unmarked) return;
    this.#marking = true;
    this.#world.after(idleMs, () => {
      this.#marking = false;
      if (this.#busy || this.#queue.length > 0) return;
      this.#guard(() => this.#writer.markDurable());
    });
  }

  #synced(ticket: number, last: number): void {
    this.#durable = last;
    // The news travels from the thread to the server on its own.
    this.#world.after(wakeMs, () => {
      if (!this.#dead) this.#events.synced(ticket);
    });
  }

  /** The machine goes down: the thread does nothing any more. */
  kill(): void {
    this.#dead = true;
  }

  #guard(run: () => void): void {
    if (this.#dead) return;
    try {
      run();
    } catch (error) {
      if (error instanceof PowerCut) {
        this.#dead = true;
        this.#events.crash();
      } else if (error instanceof DiskError) {
        this.#dead = true;
        this.#events.failed(error.message);
      } else {
        throw error;
      }
    }
  }

  #read(after: number, bytesMax: number): { floor: number; batches: Batch[] } {
    let index = this.#segments.findLastIndex((segment) => segment.start <= after);
    if (index === -1) return { floor: -1, batches: [] };
    let floor = this.#segments[index]!.start;
    const batches: Batch[] = [];
    let bytes = 0;
    for (; index < this.#segments.length && bytes < bytesMax; index++) {
      const { sequence, start } = this.#segments[index]!;
      const name = segmentName(sequence);
      if (!this.#disk.exists(name)) break;
      scanSegment(this.#disk.read(name), sequence, start, crc32, (batch) => {
        if (batch.last > this.#durable || bytes >= bytesMax) return false;
        if (batch.last <= after) {
          floor = batch.last;
          return true;
        }
        batches.push(batch);
        bytes += batch.bytes.length + entryHeaderBytes;
        return true;
      });
    }
    return { floor, batches };
  }
}
