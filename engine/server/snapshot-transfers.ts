/**
 * Moves a snapshot file from the leader to a learner that its log can no longer help.
 *
 *   leader                                learner
 *   open newest ── sync{snap, zxid} ────► receive
 *   chunk chunk ─────────────────────────► write          (a window of chunks in flight)
 *        ◄────────────────────── snapshotAck{offset}
 *                                          finish: verify, make durable, load, replace the tree
 *        ◄────────────────────── snapshotAck{bytesTotal}   only now: send the log that follows
 */
import type { Buffer } from 'node:buffer';
import { Restore } from '../snapshot/state.ts';
import type { SnapshotChunk } from '../consensus/zab/messages.ts';
import type { Tree } from '../tree/tree.ts';
import type { Ports, StateMachine, SnapshotFile, SnapshotReceiver } from './ports.ts';

const chunkBytes = 512 * 1024;
/** 8 × 512 KiB in flight: 4 MiB, enough for 1 Gbit/s × 30 ms. */
const chunksInFlightMax = 8;

interface Outgoing {
  readonly file: SnapshotFile;
  sent: number;
  acked: number;
  reading: boolean;
}

interface Incoming {
  readonly from: number;
  readonly zxid: number;
  readonly bytesTotal: number;
  readonly receiver: SnapshotReceiver;
  received: number;
  /** Everything has arrived: from here on it completes or fails by itself. */
  finishing: boolean;
}

export interface TransferEvents {
  epoch(): number;
  send(to: number, message: SnapshotChunk | { kind: 'snapshotAck'; epoch: number; offset: number }): void;
  /** The learner `to` has installed what was sent. */
  sent(to: number): void;
  /** There is no snapshot that could be sent, although a learner needs one. */
  missing(): void;
  /** The state is `tree` at `zxid` now, and that of the program's machine `machine`; null and -1: that failed. */
  installed(zxid: number, tree: Tree | null, machine: readonly Buffer[]): void;
}

export class SnapshotTransfers {
  readonly #ports: Ports;
  readonly #events: TransferEvents;
  readonly #outgoing = new Map<number, Outgoing>();
  /** Learners whose snapshot is being opened, each with the number of its latest request. */
  readonly #opening = new Map<number, number>();
  #opened = 0;
  #incoming: Incoming | null = null;

  constructor(ports: Ports, events: TransferEvents) {
    this.#ports = ports;
    this.#events = events;
  }

  get installing(): boolean {
    return this.#incoming !== null;
  }

  // ---- leader ------------------------------------------------------------------------------------

  open(to: number, done: (zxid: number, bytesTotal: number) => void): void {
    this.peerDown(to);
    const request = ++this.#opened;
    this.#opening.set(to, request);
    this.#ports.snapshots.open((file) => {
      if (this.#opening.get(to) !== request) {
        // It went away or asked again meanwhile.
        file?.close();
        return;
      }
      this.#opening.delete(to);
      // Where the newest was damaged, the log may not go on from the one before it.
      if (file === null || file.zxid < this.#ports.log.start) {
        file?.close();
        this.#events.missing();
        done(-1, 0);
        return;
      }
      this.#outgoing.set(to, { file, sent: 0, acked: 0, reading: false });
      this.#ports.journal.info('snapshot sent to a learner', { peer: to, zxid: file.zxid, bytes: file.bytesTotal });
      done(file.zxid, file.bytesTotal);
      // The announcement leaves with the coming turn; chunks must not overtake it.
      this.#ports.schedule();
    });
  }

  /** Continues every transfer whose window has room; called at the end of each turn. */
  pump(): void {
    for (const [to, out] of this.#outgoing) {
      const { file } = out;
      if (out.reading || out.sent === file.bytesTotal || out.sent - out.acked >= chunksInFlightMax * chunkBytes)
        continue;
      out.reading = true;
      const offset = out.sent;
      file.read(offset, Math.min(chunkBytes, file.bytesTotal - offset), (bytes) => {
        out.reading = false;
        if (this.#outgoing.get(to) !== out) return;
        if (bytes === null) {
          this.#ports.peers.reset(to, 'the snapshot could not be read');
          return;
        }
        out.sent += bytes.length;
        this.#events.send(to, { kind: 'snapshotChunk', epoch: this.#events.epoch(), offset, bytes });
        this.#ports.schedule();
      });
    }
  }

  acked(from: number, offset: number): void {
    const out = this.#outgoing.get(from);
    if (out === undefined) return;
    out.acked = offset;
    if (offset < out.file.bytesTotal) return;
    this.peerDown(from);
    this.#events.sent(from);
  }

  peerDown(peer: number): void {
    this.#opening.delete(peer);
    const out = this.#outgoing.get(peer);
    if (out === undefined) return;
    this.#outgoing.delete(peer);
    out.file.close();
  }

  /** This server leads no more: nobody waits for these snapshots. */
  forgetOutgoing(): void {
    this.#opening.clear();
    for (const peer of this.#outgoing.keys()) this.peerDown(peer);
  }

  // ---- learner -----------------------------------------------------------------------------------

  install(from: number, zxid: number, bytesTotal: number): void {
    this.#ports.journal.info('snapshot from the leader', { peer: from, zxid, bytes: bytesTotal });
    const receiver = this.#ports.snapshots.receive(zxid, bytesTotal);
    this.#incoming = { from, zxid, bytesTotal, receiver, received: 0, finishing: false };
  }

  chunk({ epoch, offset, bytes }: SnapshotChunk): void {
    const incoming = this.#incoming;
    if (incoming === null || incoming.finishing) return;
    if (offset !== incoming.received || offset + bytes.length > incoming.bytesTotal) {
      this.#ports.peers.reset(incoming.from, 'a snapshot chunk out of place');
      return;
    }
    const failure = incoming.receiver.write(offset, bytes);
    if (failure !== null) {
      incoming.receiver.abort();
      this.#fail(failure);
      return;
    }
    incoming.received += bytes.length;
    if (incoming.received < incoming.bytesTotal) {
      this.#events.send(incoming.from, { kind: 'snapshotAck', epoch, offset: incoming.received });
    } else {
      incoming.finishing = true;
      incoming.receiver.finish((error) => (error === null ? this.#load(incoming, epoch) : this.#fail(error)));
    }
  }

  /** Gives up a transfer that is still arriving; one that is being made durable runs to its end. */
  abortInstall(): void {
    const incoming = this.#incoming;
    if (incoming === null || incoming.finishing) return;
    incoming.receiver.abort();
    this.#incoming = null;
    this.#events.installed(-1, null, []);
  }

  #load(incoming: Incoming, epoch: number): void {
    const restore = new Restore();
    let malformed: string | null = null;
    const chunk = (bytes: Buffer): void => {
      malformed ??= restore.chunk(bytes);
    };
    this.#ports.snapshots.load(chunk, (error) => {
      const failure = error ?? malformed;
      const result = failure ?? machineRefusal(restore, this.#ports.machine) ?? restore.finish();
      if (typeof result === 'string') {
        this.#fail(result);
        return;
      }
      this.#incoming = null;
      this.#events.installed(incoming.zxid, result, restore.machine ?? []);
      this.#events.send(incoming.from, { kind: 'snapshotAck', epoch, offset: incoming.bytesTotal });
    });
  }

  #fail(reason: string): void {
    this.#ports.journal.error('snapshot not installed', { reason });
    this.#incoming = null;
    this.#events.installed(-1, null, []);
  }
}

/** Why the state cannot be taken over: it has that of a program's machine, and there is none here. */
export function machineRefusal(state: Restore, machine: StateMachine | undefined): string | null {
  if (state.machine === null || machine !== undefined) return null;
  return 'it holds the state of a state machine that this server was started without';
}
