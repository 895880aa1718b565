/**
 * When a snapshot is taken, and a bit of it every turn.
 *
 * Two bounds make it due: snapCount txns, and a log that has grown by three times the bytes of the
 * state. Of both a share between half and all is drawn anew for each snapshot, as in ZooKeeper's
 * SyncRequestProcessor: servers that apply the same txns would else all be busy with theirs at the same
 * moment, and nobody would be left to acknowledge. So snapshots add less than half of what the log writes
 * anyway, in the mean, and a restart replays at most that much log, whatever the size of the state.
 */
import { Buffer } from 'node:buffer';
import { Capture } from '../snapshot/state.ts';
import type { Tree } from '../tree/tree.ts';
import type { Batch } from '../txn/batch.ts';
import type { Metrics } from './metrics.ts';
import type { ServerOptions } from './options.ts';
import type { Ports, SnapshotSink } from './ports.ts';

/** Of raw state, serialized in one turn: about a millisecond of work. */
const chunkBytes = 256 * 1024;
/** Chunks handed to the pool and not yet written. */
const chunksPendingMax = 4;
/** Bytes of log that are worth a snapshot of one byte of state. */
const logPerStateByte = 3;
/** What a znode takes in a snapshot besides its path and data: zxids, times, versions, lengths. */
const nodeBytes = 90;

export class Snapshots {
  readonly #options: ServerOptions;
  readonly #ports: Ports;
  readonly #metrics: Metrics;
  #txns = 0;
  #bytes = 0;
  /** How much of both bounds makes the next one due. */
  #share: number;
  #lastBytes = 0;
  #capture: Capture | null = null;
  #sink: SnapshotSink | null = null;
  #startedAt = 0;
  #finishing = false;
  #last: number;
  /** Due whatever was logged since the last one. */
  #isWanted = false;

  constructor(options: ServerOptions, ports: Ports, metrics: Metrics, last: number) {
    this.#options = options;
    this.#ports = ports;
    this.#metrics = metrics;
    this.#last = last;
    this.#share = this.#drawShare();
  }

  #drawShare(): number {
    const drawn = Buffer.alloc(4);
    this.#ports.random(drawn);
    return 0.5 + drawn.readUInt32BE(0) / 2 ** 33;
  }

  applied(batch: Batch): void {
    this.#txns += batch.count;
    this.#bytes += batch.bytes.length;
  }

  /** A learner needs a snapshot and there is none on disk: one is due at once, unless it is under way. */
  want(): void {
    this.#isWanted = this.#capture === null && !this.#finishing;
    this.#ports.schedule();
  }

  /** The state was replaced by a snapshot from the leader: one of ours under way is void. */
  reset(zxid: number): void {
    this.#capture?.stop();
    this.#sink?.abort();
    this.#capture = null;
    this.#sink = null;
    this.#txns = 0;
    this.#bytes = 0;
    this.#last = zxid;
  }

  /**
   * Starts a snapshot when one is due, or continues the present one. Returns true to be called again soon.
   *
   * @param synced how far the log is durable
   */
  pump(tree: Tree, synced: number, now: number): boolean {
    if (this.#capture === null) {
      if (this.#finishing || !this.#isDue(tree)) return false;
      this.#capture = new Capture(tree, chunkBytes, this.#ports.machine?.snapshot());
      this.#sink = this.#ports.snapshots.create(tree.lastZxid, () => this.#ports.schedule());
      this.#startedAt = now;
      this.#isWanted = false;
      this.#share = this.#drawShare();
      this.#txns = 0;
      this.#bytes = 0;
      this.#lastBytes = 0;
    }
    const sink = this.#sink!;
    this.handOver();
    if (sink.pending >= chunksPendingMax) return false;
    const chunk = this.#capture.next();
    if (chunk !== null) {
      this.#write(chunk);
      return true;
    }
    // The log must hold everything that the snapshot has, or recovery would see a log that ends before it. What is
    // in the tree is committed, so the log will: a server with the slowest disk of all only has to wait for it.
    if (this.#capture.zxid <= synced) this.#finish(this.#capture.zxid, sink);
    return false;
  }

  /** Gives the sink all chunks that are finished: what is about to change cannot wait for it, and has its memory. */
  handOver(): void {
    const capture = this.#capture;
    if (capture === null) return;
    for (let chunk = capture.finished(); chunk !== null; chunk = capture.finished()) this.#write(chunk);
  }

  #write(chunk: Buffer): void {
    this.#lastBytes += chunk.length;
    this.#sink!.write(chunk);
  }

  #isDue(tree: Tree): boolean {
    if (this.#isWanted) return true;
    return (
      this.#txns >= this.#share * this.#options.snapCount &&
      this.#bytes >= this.#share * logPerStateByte * (tree.store.approximateBytes + nodeBytes * tree.nodeCount) &&
      tree.lastZxid > this.#last
    );
  }

  #finish(zxid: number, sink: SnapshotSink): void {
    const { snapshots, log, journal, clock } = this.#ports;
    this.#capture = null;
    this.#sink = null;
    this.#finishing = true;
    sink.finish((error) => {
      this.#finishing = false;
      if (error !== null) {
        journal.error('snapshot failed', { zxid, reason: error });
        return;
      }
      this.#last = zxid;
      const ms = clock.now() - this.#startedAt;
      this.#metrics.snapshot.recordMs(ms);
      journal.info('snapshot', { zxid, bytes: this.#lastBytes, ms: Math.round(ms) });
      snapshots.retain(this.#options.snapRetainCount, (oldest) => log.purge(oldest));
    });
  }
}
