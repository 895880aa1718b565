/**
 * What a Zab server is regardless of its role: its disk, its links, what it knows to be committed.
 *
 * Every change to the disk goes through here and gets a ticket. Messages that promise something
 * about the disk are held until that ticket is known durable; this is the only way to send them, so
 * no role can acknowledge too early. Tickets never restart, so a completion that arrives after a
 * role change (ZOOKEEPER-4712) still means exactly the writes that it meant when they were queued.
 */
import { assert } from '../../base/assert.ts';
import type { Batch } from '../../txn/batch.ts';
import type { Effects, HardState, Write } from '../core.ts';
import { Effects as EffectsList } from '../core.ts';
import { History } from '../history.ts';
import type { Message } from './messages.ts';

export interface ZabOptions {
  readonly id: number;
  /** Ids of all voting servers; may or may not contain `id` (an observer). */
  readonly voters: readonly number[];
  /** How long to wait for the votes of reachable servers once a quorum agrees, ms. ZooKeeper: 200. */
  readonly electionWaitMs: number;
  /** Discovery and synchronization must be over within this, ms. ZooKeeper: initLimit × tickTime. */
  readonly syncTimeoutMs: number;
  /** A peer unheard for this long does not count, ms. ZooKeeper: syncLimit × tickTime. */
  readonly peerTimeoutMs: number;
  /** Leader's pings, ms. ZooKeeper: tickTime / 2. */
  readonly heartbeatMs: number;
  /** Proposals not yet committed: batches and bytes. */
  readonly batchesInFlightMax: number;
  readonly bytesInFlightMax: number;
  /** Bytes of the log's tail kept in memory for learners that were away for a moment. */
  readonly historyBytesMax: number;
  /** Identity that this server gives to a new ensemble if it is the first leader of all; not 0. */
  readonly newEnsembleId: number;
}

/** What the disk held at start. */
export interface Recovered {
  readonly state: HardState;
  /** End of the log, or the snapshot's zxid when that is later. */
  readonly lastZxid: number;
  /** Known to be committed. */
  readonly committed: number;
}

const patienceFirstMs = 1000;

export class Self {
  readonly options: ZabOptions;
  readonly history: History;
  readonly links = new Set<number>();
  state: HardState;
  committed: number;
  now = 0;
  /** Where the current step leaves its effects. */
  effects: Effects<Message> = new EffectsList<Message>();

  lastTicket = 0;
  syncedTicket = 0;
  /** Last zxid known durable here. */
  synced: number;
  /** A snapshot is being received or loaded: the disk is not what memory says. */
  installing = false;
  /** Bytes of batches handed to the disk and not yet durable. */
  unsyncedBytes = 0;
  /** Highest epoch that a learner ever told us it had promised: the next epoch we lead is after it. */
  epochSeen = 0;
  /** Roles in a row that ended before this server served. */
  failures = 0;

  /** Ends of the log as of each write that moved it: (ticket, last zxid) pairs, oldest first. */
  private readonly ends: { ticket: number; last: number; bytes: number }[] = [];
  private readonly held: { ticket: number; to: number; message: Message }[] = [];

  constructor(options: ZabOptions, recovered: Recovered) {
    assert(recovered.committed <= recovered.lastZxid, 'what is committed is in the log', recovered.committed);
    assert(recovered.state.currentEpoch <= recovered.state.acceptedEpoch, 'an epoch is promised before it is joined');
    this.options = options;
    this.state = recovered.state;
    this.committed = recovered.committed;
    this.synced = recovered.lastZxid;
    this.history = new History(recovered.lastZxid, options.historyBytesMax);
  }

  get id(): number {
    return this.options.id;
  }

  get isVoter(): boolean {
    return this.options.voters.includes(this.options.id);
  }

  get quorum(): number {
    return Math.floor(this.options.voters.length / 2) + 1;
  }

  isVoterId(peer: number): boolean {
    return this.options.voters.includes(peer);
  }

  /** Voters linked to this server, itself included. */
  reachableVoters(): number {
    let reachable = this.isVoter ? 1 : 0;
    for (const peer of this.links) if (this.isVoterId(peer)) reachable++;
    return reachable;
  }

  /**
   * How long an elected server may take until it leads, and a leading one until a quorum has promised
   * its epoch, ms. That takes two round trips and an fsync, so whoever needs longer has probably been
   * elected by servers that have changed their minds. Each failure doubles it, for slow disks.
   */
  get patienceMs(): number {
    const { electionWaitMs, syncTimeoutMs } = this.options;
    return Math.min(syncTimeoutMs, Math.max(patienceFirstMs, 5 * electionWaitMs) * 2 ** Math.min(this.failures, 16));
  }

  get lastLogged(): number {
    return this.history.last;
  }

  /** Everything that was asked of the disk is done. */
  get drained(): boolean {
    return this.syncedTicket === this.lastTicket && !this.installing;
  }

  send(to: number, message: Message): void {
    this.effects.sends.push({ to, message });
  }

  /** Sends once everything written so far is durable, unless the role ends before. */
  sendWhenDurable(to: number, message: Message): void {
    if (this.syncedTicket === this.lastTicket) this.send(to, message);
    else this.held.push({ ticket: this.lastTicket, to, message });
  }

  /** Messages of a role that ended promise things nobody waits for any more. */
  forgetHeld(): void {
    this.held.length = 0;
  }

  append(batch: Batch): void {
    this.history.append(batch);
    this.write({ kind: 'append', batch, committed: this.committed });
    const { length } = batch.bytes;
    this.unsyncedBytes += length;
    this.ends.push({ ticket: this.lastTicket, last: batch.last, bytes: length });
  }

  saveState(change: Partial<HardState>): void {
    const next = { ...this.state, ...change };
    assert(next.acceptedEpoch >= this.state.acceptedEpoch, 'a promise is never taken back', next.acceptedEpoch);
    assert(next.currentEpoch >= this.state.currentEpoch, 'epochs only grow', next.currentEpoch);
    assert(next.currentEpoch <= next.acceptedEpoch, 'an epoch is promised before it is joined', next.currentEpoch);
    this.state = next;
    this.write({ kind: 'state', state: next });
  }

  truncate(last: number): void {
    assert(last >= this.committed, 'what is committed is never truncated', last, this.committed);
    this.history.truncate(last);
    this.write({ kind: 'truncate', last });
    this.ends.push({ ticket: this.lastTicket, last, bytes: 0 });
  }

  /** A snapshot was installed: log, history and commit position restart at its zxid. */
  restart(zxid: number): void {
    assert(zxid >= this.committed, 'a snapshot does not take back what is committed', zxid, this.committed);
    this.history.reset(zxid);
    this.write({ kind: 'reset', zxid });
    this.ends.push({ ticket: this.lastTicket, last: zxid, bytes: 0 });
    this.committed = zxid;
  }

  /** Learns that everything up to `zxid` is committed, as far as this log reaches. */
  commit(zxid: number): void {
    const reach = Math.min(zxid, this.history.last);
    if (reach > this.committed) this.committed = reach;
  }

  onSynced(ticket: number): void {
    assert(ticket <= this.lastTicket, 'only what was written can be durable', ticket, this.lastTicket);
    if (ticket <= this.syncedTicket) return;
    this.syncedTicket = ticket;
    let done = 0;
    while (done < this.ends.length && this.ends[done]!.ticket <= ticket) {
      const { last, bytes } = this.ends[done++]!;
      this.synced = last;
      this.unsyncedBytes -= bytes;
    }
    if (done > 0) this.ends.splice(0, done);
    let ready = 0;
    while (ready < this.held.length && this.held[ready]!.ticket <= ticket) {
      const { to, message } = this.held[ready++]!;
      this.send(to, message);
    }
    if (ready > 0) this.held.splice(0, ready);
  }

  private write(write: Write): void {
    this.lastTicket++;
    this.effects.writes.push({ ticket: this.lastTicket, write });
  }
}

/** The order of votes and of histories: later epoch, then longer log, then larger id. */
export function isBetter(
  a: { epoch: number; zxid: number; id: number },
  b: { epoch: number; zxid: number; id: number },
): boolean {
  if (a.epoch !== b.epoch) return a.epoch > b.epoch;
  if (a.zxid !== b.zxid) return a.zxid > b.zxid;
  return a.id > b.id;
}
