/**
 * Between the consensus core and the world: carries out its effects and feeds it what happened.
 *
 *   peer frames, links, synced, tick ──► core.step ──► writes → log · sends → peers
 *                                                  ──► transfers → history reads, snapshots
 *                                                  ──► committed → `applyNext` hands out batches
 */
import type { Buffer } from 'node:buffer';
import { Writer } from '../base/bytes.ts';
import { Effects, type Transfer } from '../consensus/core.ts';
import type { Message } from '../consensus/zab/messages.ts';
import type { Zab } from '../consensus/zab/zab.ts';
import { decodeMessage, encodeHead } from '../peer/frames.ts';
import type { Batch } from '../txn/batch.ts';
import type { Metrics } from './metrics.ts';
import { unreadable, type Ports } from './ports.ts';
import type { SnapshotTransfers } from './snapshot-transfers.ts';

/** One read of old batches from the log, for a learner or for applying after a restart. */
const historyReadBytes = 4 * 1024 * 1024;
const noTransfers: readonly Transfer[] = [];

/** What replication tells the rest of the server. */
export interface ReplicationEvents {
  /** Role, phase or epoch of the core changed. */
  changed(): void;
  /** A server starts over as our learner: what it asked for before and is not prepared yet is void. */
  joining(from: number): void;
  /** A learner forwards its clients' writes. */
  requests(from: number, bytes: Buffer): void;
  /** A learner's clients were heard. */
  touched(sessions: readonly number[]): void;
  /** The leader asks who was heard since its last ping. */
  takeTouched(): number[];
}

export class Replication {
  readonly core: Zab;
  readonly #ports: Ports;
  readonly #metrics: Metrics;
  readonly #events: ReplicationEvents;
  readonly #transfers: SnapshotTransfers;
  readonly #effects = new Effects<Message>();
  readonly #frame = new Writer(64 * 1024);
  /** Last zxid handed out by `nextCommitted`. */
  applied: number;
  /** Batches read back from the log because memory no longer or not yet holds them. */
  #replay: readonly Batch[] = [];
  #replayed = 0;
  #replayRequested = false;

  /** The learner that forwarded requests last: its clients wait for what is sent next. */
  #asked = 0;

  constructor(
    core: Zab,
    applied: number,
    ports: Ports,
    metrics: Metrics,
    transfers: SnapshotTransfers,
    events: ReplicationEvents,
  ) {
    this.core = core;
    this.applied = applied;
    this.#ports = ports;
    this.#metrics = metrics;
    this.#transfers = transfers;
    this.#events = events;
  }

  tick(now: number): void {
    this.core.step({ kind: 'tick', now }, this.#effects);
  }

  link(peer: number, up: boolean): void {
    if (!up) this.#transfers.peerDown(peer);
    this.core.step({ kind: 'link', peer, up }, this.#effects);
  }

  synced(ticket: number, fsyncMs: number): void {
    const { clock } = this.#ports;
    this.#metrics.stages.synced(ticket, fsyncMs, clock.now(), clock.wall());
    this.core.step({ kind: 'synced', ticket }, this.#effects);
  }

  propose(batch: Batch): void {
    this.core.step({ kind: 'propose', batch }, this.#effects);
  }

  turnEnd(): void {
    this.core.step({ kind: 'turnEnd' }, this.#effects);
  }

  /** Takes one frame from a peer; nonsense closes the link. */
  frame(from: number, body: Buffer): void {
    const message = decodeMessage(body, this.#ports.checksum);
    if (message === null) {
      this.#ports.peers.reset(from, 'a frame that does not decode');
      return;
    }
    this.core.step({ kind: 'message', from, message }, this.#effects);
    const { core } = this;
    switch (message.kind) {
      case 'join':
        this.#events.joining(from);
        break;
      case 'vote':
        // It may have left us, although its link is up: a snapshot on its way to it is for nobody.
        if (!core.hasLearner(from)) this.#transfers.peerDown(from);
        break;
      case 'requests':
        if (core.role === 'leading' && core.serving && message.epoch === core.epoch) {
          this.#asked = from;
          this.#events.requests(from, message.bytes);
        }
        break;
      case 'ack':
        this.#metrics.stages.acked(from, message.zxid, this.#ports.clock.now());
        break;
      case 'proposal':
        this.#metrics.received += message.batch.count;
        this.#metrics.proposalDelay.recordMs(this.#ports.clock.wall() - message.batch.time);
        break;
      case 'pong':
        this.#metrics.stages.ponged(this.#ports.clock.now());
        if (core.role === 'leading') this.#events.touched(message.touched);
        break;
      case 'ping':
        if (from === core.leader && message.epoch === core.epoch) {
          this.#send(from, { kind: 'pong', epoch: core.epoch, touched: this.#events.takeTouched() });
        }
        break;
      case 'snapshotChunk':
        if (from !== core.leader || message.epoch !== core.epoch) break;
        // The order to install may have come with the same read: it is carried out before its first chunk.
        for (const transfer of this.#takeTransfers()) this.#start(transfer);
        this.#transfers.chunk(message);
        break;
      case 'snapshotAck':
        if (core.role === 'leading' && message.epoch === core.epoch) this.#transfers.acked(from, message.offset);
        break;
      default:
        break;
    }
  }

  /** Sends a turn of client writes to the leader. */
  forward(bytes: Buffer): void {
    this.#send(this.core.leader, { kind: 'requests', epoch: this.core.epoch, bytes });
  }

  #reset(peer: number, reason: string): void {
    this.#ports.journal.warn('peer link reset', { peer, reason });
    this.#ports.peers.reset(peer, reason);
  }

  /** Carries out what the core wants; the disk first, since it is the slowest. */
  drain(): void {
    const effects = this.#effects;
    if (effects.writes.length > 0) this.#write();
    for (const { to, message } of effects.sends) {
      this.#send(to, message);
      this.#count(message);
    }
    for (const { peer, reason } of effects.resets) this.#reset(peer, reason);
    const transfers = this.#takeTransfers();
    const { changed } = effects;
    effects.clear();
    this.#ports.peers.flush(this.#asked);
    for (const transfer of transfers) this.#start(transfer);
    if (changed) this.#events.changed();
  }

  /**
   * The next committed batch to apply, or null when there is none at the moment. What memory does
   * not hold is read from the log; a turn is scheduled once it is there.
   */
  nextCommitted(): Batch | null {
    const { core } = this;
    if (this.applied >= core.committed || this.#transfers.installing) return null;
    const batch = this.applied >= core.history.start ? core.history.next(this.applied) : this.#nextReplayed();
    if (batch === null || batch.last > core.committed) return null;
    if (this.#replayed < this.#replay.length) this.#replayed++;
    this.applied = batch.last;
    return batch;
  }

  /** Lets go of batches that nobody needs in memory any more. */
  trim(): void {
    this.core.history.trim(Math.min(this.applied, this.core.lastSynced));
  }

  #nextReplayed(): Batch | null {
    const batch = this.#replay[this.#replayed];
    if (batch !== undefined && batch.prev === this.applied) return batch;
    this.#replay = [];
    this.#replayed = 0;
    if (this.#replayRequested) return null;
    this.#replayRequested = true;
    this.#ports.log.read(this.applied, historyReadBytes, (floor, batches) => {
      this.#replayRequested = false;
      if (floor === this.applied) this.#replay = batches;
      this.#ports.schedule();
    });
    return null;
  }

  #write(): void {
    const { log } = this.#ports;
    for (const { ticket, write } of this.#effects.writes) {
      switch (write.kind) {
        case 'append':
          log.append(ticket, write.batch, write.committed);
          this.#metrics.stages.appended(ticket, write.batch, this.#ports.clock.now());
          break;
        case 'state':
          log.saveState(ticket, write.state);
          break;
        case 'truncate':
          log.truncate(ticket, write.last);
          break;
        default:
          log.reset(ticket, write.zxid);
      }
    }
    log.flush();
  }

  #count(message: Message): void {
    const { stages } = this.#metrics;
    if (message.kind === 'ping') stages.pinged(this.#ports.clock.now());
    else if (message.kind === 'sync' && message.mode === 'snap') this.#metrics.snaps++;
    else if (message.kind === 'sync') this.#metrics.diffs++;
  }

  #send(to: number, message: Message): void {
    this.#frame.clear();
    const tail = encodeHead(message, this.#frame);
    this.#ports.peers.send(to, this.#frame.view(), tail, message.kind === 'proposal');
  }

  #takeTransfers(): readonly Transfer[] {
    const { transfers } = this.#effects;
    return transfers.length > 0 ? transfers.splice(0) : noTransfers;
  }

  #start(transfer: Transfer): void {
    switch (transfer.kind) {
      case 'readHistory':
        this.#ports.log.read(transfer.after, historyReadBytes, (floor, batches) => {
          if (floor === unreadable) {
            this.#reset(transfer.to, 'the log cannot be read at the moment');
            return;
          }
          this.core.step({ kind: 'history', token: transfer.token, floor, batches }, this.#effects);
          this.#ports.schedule();
        });
        break;
      case 'sendSnapshot':
        this.#transfers.open(transfer.to, (zxid, bytesTotal) => {
          this.core.step({ kind: 'snapshotOpened', to: transfer.to, zxid, bytesTotal }, this.#effects);
          this.#ports.schedule();
        });
        break;
      case 'install':
        this.#transfers.install(transfer.from, transfer.zxid, transfer.bytesTotal);
        break;
      default:
        this.#transfers.abortInstall();
    }
  }

  /** A learner has installed the snapshot it was sent. */
  snapshotSent(to: number): void {
    this.core.step({ kind: 'snapshotSent', to }, this.#effects);
  }

  /** This server has replaced its state by the snapshot at `zxid`, or could not (zxid -1). */
  installed(zxid: number): void {
    if (zxid < 0) {
      this.core.step({ kind: 'installFailed' }, this.#effects);
    } else {
      this.applied = zxid;
      this.#replay = [];
      this.#replayed = 0;
      this.core.step({ kind: 'installed', zxid }, this.#effects);
    }
    this.#ports.schedule();
  }

  sendTo(to: number, message: Message): void {
    this.#send(to, message);
  }
}
