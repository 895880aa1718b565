/**
 * The leader: discovery, synchronization, broadcast.
 *
 *   discovery        a quorum joins → epoch = largest promise + 1 → promised by a quorum, on disk
 *   synchronization  every learner takes over the leader's history → NEWLEADER acked by a quorum
 *   broadcast        proposals go to every learner past synchronization; a quorum of cumulative
 *                    acks commits; commits ride on the next proposal
 *
 * Rules that real systems got wrong (Zab paper, ZooKeeper's TLA+ notes, JIRA numbers):
 *  - the leader's own promise and its own currentEpoch are on disk before they count (1291);
 *  - a promise made before, possibly to another leader of the same epoch, does not count;
 *  - proposals go to every learner that was sent NEWLEADER, not only to those that acked it;
 *  - UPTODATE carries the leader's last committed zxid;
 *  - acks count only from learners that acked NEWLEADER, and the leader's own only once synced.
 */
import { assert } from '../../base/assert.ts';
import { counterSpan, epochMax, zxidOf } from '../../base/zxid.ts';
import type { Batch } from '../../txn/batch.ts';
import { FarPromises } from './far-promises.ts';
import type { AckEpoch, Join, Message, Vote } from './messages.ts';
import { Progress } from './progress.ts';
import { connected, knowsEverything } from './quorum.ts';
import { isBetter, type Self } from './self.ts';

export type LeaderPhase = 'discovery' | 'synchronization' | 'broadcast';

/** A counter this close to its end makes the leader start a new epoch; far more than one window of txns. */
const counterReserve = 2 ** 24;

export class Leader {
  private readonly self: Self;
  phase: LeaderPhase = 'discovery';
  /** The epoch proposed to the learners; 0 before a quorum has joined. */
  epoch = 0;
  /** End of the history that the leader brings into its epoch. */
  initial = 0;
  readonly learners = new Map<number, Progress>();
  private readonly far: FarPromises;
  /** Why this server should stop leading; empty while it should not. */
  verdict = '';

  /** Ticket of the write that makes our own promise durable; the same for the own currentEpoch. */
  private promiseTicket = Infinity;
  private joinTicket = Infinity;
  private epochSent = false;
  private deadline: number;
  private nextPing = 0;
  /** Token of the next read of the disk; they go on over roles, so a late answer finds nobody. */
  nextToken: number;
  /** Proposals not yet committed, oldest first. */
  private inFlight: Batch[] = [];
  bytesInFlight = 0;
  private quorumHeardAt: number;

  constructor(self: Self, nextToken: number) {
    this.self = self;
    this.deadline = self.now + self.patienceMs;
    this.far = new FarPromises(self, self.now + self.patienceMs / 2);
    this.quorumHeardAt = self.now;
    this.nextToken = nextToken;
    this.tryPropose();
  }

  get established(): boolean {
    return this.phase === 'broadcast';
  }

  get canPropose(): boolean {
    const { options, unsyncedBytes } = this.self;
    return (
      this.phase === 'broadcast' &&
      this.inFlight.length < options.batchesInFlightMax &&
      this.bytesInFlight < options.bytesInFlightMax &&
      // The followers may be a quorum without us: a slow disk of our own must hold them back as well.
      unsyncedBytes < options.bytesInFlightMax
    );
  }

  get batchesInFlight(): number {
    return this.inFlight.length;
  }

  /** First zxid of the next batch. */
  get nextZxid(): number {
    const last = this.self.lastLogged;
    const base = zxidOf(this.epoch, 0);
    return last < base ? base + 1 : last + 1;
  }

  // ---- discovery ---------------------------------------------------------------------------------

  /** Returns false for a server that can be part of no epoch: it has promised the last one that there is. */
  onJoin(from: number, join: Join): boolean {
    const { now } = this.self;
    if (join.acceptedEpoch >= epochMax) return false;
    const observer = join.observer || !this.self.isVoterId(from);
    if (!observer && this.far.keepsOut(from, join, this.phase === 'discovery')) return true;
    if (!observer) this.self.epochSeen = Math.max(this.self.epochSeen, join.acceptedEpoch);
    if (!observer && this.epoch !== 0 && join.acceptedEpoch > this.epoch) {
      // It promised a later epoch to somebody who failed: only an epoch after that can include it.
      this.verdict = 'a server has promised a later epoch';
      return true;
    }
    const learner = new Progress(from, observer, now);
    this.learners.set(from, learner);
    if (this.epochSent) this.self.send(from, { kind: 'newEpoch', epoch: this.epoch });
    else if (this.epoch === 0) this.tryPropose();
    return true;
  }

  /** Proposes an epoch once a quorum, this server included, has told what it promised so far. */
  private tryPropose(): void {
    let joined = 1;
    for (const learner of this.learners.values()) if (!learner.observer) joined++;
    if (joined < this.self.quorum) return;
    // It is safe to know of later promises than this quorum's, and saves an epoch that somebody cannot join.
    this.epoch = Math.max(this.self.state.acceptedEpoch, this.self.epochSeen) + 1;
    assert(this.epoch <= epochMax, 'epochs are bounded', this.epoch);
    this.self.saveState({ acceptedEpoch: this.epoch });
    this.promiseTicket = this.self.lastTicket;
  }

  private sendEpoch(): void {
    this.epochSent = true;
    for (const peer of this.learners.keys()) this.self.send(peer, { kind: 'newEpoch', epoch: this.epoch });
    this.trySynchronize();
  }

  onAckEpoch(learner: Progress, ack: AckEpoch): void {
    if (ack.epoch !== this.epoch || learner.phase !== 'joining') return;
    learner.phase = 'promised';
    learner.refused = ack.currentEpoch === -1;
    learner.incomplete = ack.currentEpoch === 0;
    learner.lastZxid = ack.lastZxid;
    if (this.phase !== 'discovery') return this.plan(learner);
    if (learner.observer) return;
    if (learner.refused) {
      // It has promised this epoch before, perhaps to another leader: it may follow, but not decide.
      this.checkQuorum();
      return;
    }
    const { state, lastLogged, id } = this.self;
    const theirs = { epoch: ack.currentEpoch, zxid: ack.lastZxid, id: 0 };
    if (isBetter(theirs, { epoch: state.currentEpoch, zxid: lastLogged, id })) {
      this.verdict = 'a follower has a more recent history';
      return;
    }
    this.trySynchronize();
  }

  // ---- synchronization ---------------------------------------------------------------------------

  private trySynchronize(): void {
    if (this.phase !== 'discovery' || this.self.syncedTicket < this.promiseTicket) return;
    if (!knowsEverything(this.self, this.learners.values())) return;
    const { state, options } = this.self;
    this.phase = 'synchronization';
    this.initial = this.self.lastLogged;
    this.deadline = this.self.now + options.syncTimeoutMs;
    this.self.saveState({ currentEpoch: this.epoch, ensembleId: state.ensembleId || options.newEnsembleId });
    this.joinTicket = this.self.lastTicket;
    this.self.effects.changed = true;
    for (const learner of this.learners.values()) if (learner.phase === 'promised') this.plan(learner);
    this.tryEstablish();
  }

  /** Decides how the learner's history becomes ours. */
  private plan(learner: Progress): void {
    const { history } = this.self;
    learner.newLeaderAt = history.last;
    const floor = history.floor(learner.lastZxid);
    if (floor === -1) this.read(learner, learner.lastZxid, 'planning');
    else this.startStream(learner, floor);
  }

  /** The histories are equal up to `common`: the learner drops what it has after that, then gets ours. */
  private startStream(learner: Progress, common: number): void {
    assert(common <= learner.lastZxid, 'the common position is not after the end of the learner', common);
    const mode = common === learner.lastZxid ? 'diff' : 'trunc';
    const { epoch } = this;
    const { ensembleId } = this.self.state;
    this.self.send(learner.peer, { kind: 'sync', epoch, mode, from: common, bytesTotal: 0, ensembleId });
    this.stream(learner, common);
  }

  private stream(learner: Progress, position: number): void {
    learner.phase = 'streaming';
    learner.sent = position;
    // A snapshot may be newer than the end of the log was when the learner was planned.
    learner.newLeaderAt = Math.max(learner.newLeaderAt, position);
    this.pump(learner);
  }

  private read(learner: Progress, after: number, phase: 'planning' | 'streaming'): void {
    learner.phase = phase;
    learner.reading = this.nextToken++;
    this.self.effects.transfers.push({ kind: 'readHistory', to: learner.peer, after, token: learner.reading });
  }

  /** Batches from the disk, for a learner that is behind what memory holds. */
  onHistory(token: number, floor: number, batches: readonly Batch[]): void {
    for (const learner of this.learners.values()) {
      if (learner.reading !== token) continue;
      learner.reading = 0;
      if (learner.phase === 'planning') {
        if (floor !== -1) {
          this.startStream(learner, floor);
        } else {
          learner.phase = 'snapshot';
          this.self.effects.transfers.push({ kind: 'sendSnapshot', to: learner.peer });
        }
        return;
      }
      if (floor !== learner.sent) {
        this.self.effects.resets.push({ peer: learner.peer, reason: 'the log it needs was purged meanwhile' });
        return;
      }
      for (const batch of batches) {
        if (batch.prev !== learner.sent) break;
        this.sendProposal(learner, batch);
      }
      this.pump(learner);
      return;
    }
  }

  onSnapshotOpened(to: number, zxid: number, bytesTotal: number): void {
    const learner = this.learners.get(to);
    if (learner === undefined || learner.phase !== 'snapshot') return;
    if (zxid < 0) {
      this.self.effects.resets.push({ peer: to, reason: 'there is no snapshot to send' });
      return;
    }
    learner.sent = zxid;
    const { epoch } = this;
    const { ensembleId } = this.self.state;
    this.self.send(to, { kind: 'sync', epoch, mode: 'snap', from: zxid, bytesTotal, ensembleId });
  }

  onSnapshotSent(to: number): void {
    const learner = this.learners.get(to);
    if (learner !== undefined && learner.phase === 'snapshot') this.stream(learner, learner.sent);
  }

  /** Sends the learner what it lacks, as far as its window allows; NEWLEADER at its place. */
  private pump(learner: Progress): void {
    if (learner.phase !== 'streaming' || learner.reading !== 0) return;
    const { history, options } = this.self;
    for (;;) {
      if (!learner.newLeaderSent && learner.sent >= learner.newLeaderAt) {
        learner.newLeaderSent = true;
        this.self.send(learner.peer, { kind: 'newLeader', epoch: this.epoch });
      }
      if (learner.sent === history.last || learner.full(options.bytesInFlightMax)) return;
      if (learner.sent < history.start) {
        this.read(learner, learner.sent, 'streaming');
        return;
      }
      this.sendProposal(learner, history.next(learner.sent)!);
    }
  }

  private sendProposal(learner: Progress, batch: Batch): void {
    // Until the quorum stands, what this server knew to be committed is still true and safe to tell.
    const committed = this.self.committed;
    this.self.send(learner.peer, { kind: 'proposal', epoch: this.epoch, committed, batch });
    learner.onSent(batch);
    learner.toldCommitted = committed;
  }

  onAckNewLeader(learner: Progress): void {
    if (!learner.newLeaderSent || learner.joined) return;
    learner.joined = true;
    learner.onAck(learner.newLeaderAt);
    if (this.phase === 'broadcast') {
      // What it acked on its way here may be all that a proposal in flight was waiting for.
      this.tryCommit();
      this.upToDate(learner);
    } else {
      this.tryEstablish();
    }
    this.pump(learner);
  }

  /** A quorum has our history on disk and has joined the epoch: all of it is committed. */
  private tryEstablish(): void {
    if (this.phase !== 'synchronization' || this.self.syncedTicket < this.joinTicket) return;
    let joined = 1;
    for (const learner of this.learners.values()) if (learner.joined && !learner.observer) joined++;
    if (joined < this.self.quorum) return;
    this.phase = 'broadcast';
    this.quorumHeardAt = this.self.now;
    this.self.commit(this.initial);
    this.self.effects.changed = true;
    for (const learner of this.learners.values()) if (learner.joined) this.upToDate(learner);
  }

  private upToDate(learner: Progress): void {
    const committed = this.self.committed;
    learner.toldCommitted = committed;
    this.self.send(learner.peer, { kind: 'upToDate', epoch: this.epoch, committed });
  }

  // ---- broadcast ---------------------------------------------------------------------------------

  propose(batch: Batch): void {
    assert(this.canPropose, 'a proposal needs room in the window');
    assert(batch.first === this.nextZxid, 'zxids leave no gap', batch.first, this.nextZxid);
    this.self.append(batch);
    this.inFlight.push(batch);
    this.bytesInFlight += batch.bytes.length;
    for (const learner of this.learners.values()) this.pump(learner);
    if (batch.last % counterSpan > counterSpan - counterReserve) this.verdict = 'the zxid counter is used up';
  }

  onAck(learner: Progress, zxid: number): void {
    if (zxid > learner.sent) {
      this.self.effects.resets.push({ peer: learner.peer, reason: 'it acked what it was never sent' });
      return;
    }
    learner.onAck(zxid);
    this.tryCommit();
    this.pump(learner);
  }

  onSynced(): void {
    if (!this.epochSent && this.self.syncedTicket >= this.promiseTicket) this.sendEpoch();
    this.tryEstablish();
    this.tryCommit();
  }

  /** Commits every batch that a quorum of voters has on disk. Only batches of this epoch are in flight. */
  private tryCommit(): void {
    let done = 0;
    while (done < this.inFlight.length && this.hasQuorum(this.inFlight[done]!.last)) {
      this.bytesInFlight -= this.inFlight[done]!.bytes.length;
      this.self.commit(this.inFlight[done]!.last);
      done++;
    }
    if (done > 0) this.inFlight.splice(0, done);
  }

  private hasQuorum(zxid: number): boolean {
    let acked = this.self.synced >= zxid ? 1 : 0;
    for (const learner of this.learners.values())
      if (learner.joined && !learner.observer && learner.acked >= zxid) acked++;
    return acked >= this.self.quorum;
  }

  /** Tells commits that no proposal of this turn carried. */
  turnEnd(): void {
    if (this.phase !== 'broadcast') return;
    const { committed } = this.self;
    for (const learner of this.learners.values()) {
      if (!learner.joined || learner.toldCommitted >= committed) continue;
      learner.toldCommitted = committed;
      this.self.send(learner.peer, { kind: 'commit', epoch: this.epoch, zxid: committed });
    }
  }

  // ---- liveness ----------------------------------------------------------------------------------

  onMessage(from: number, message: Message): boolean {
    const learner = this.learners.get(from);
    if (learner === undefined) {
      // Without a join it can only be a leftover of an earlier role on this link.
      return message.kind !== 'join' || this.onJoin(from, message);
    }
    learner.heardAt = this.self.now;
    // The limit is for standstill: a long history that is being taken over is no reason to give up.
    if (this.phase === 'synchronization' && (message.kind === 'ack' || message.kind === 'snapshotAck')) {
      this.deadline = this.self.now + this.self.options.syncTimeoutMs;
    }
    switch (message.kind) {
      case 'join':
        // It starts over; what was agreed before on this link is void.
        this.learners.delete(from);
        return this.onJoin(from, message);
      case 'ackEpoch':
        this.onAckEpoch(learner, message);
        return true;
      case 'ackNewLeader':
        if (message.epoch === this.epoch) this.onAckNewLeader(learner);
        return true;
      case 'ack':
        if (message.epoch === this.epoch && learner.phase === 'streaming') this.onAck(learner, message.zxid);
        return true;
      case 'pong':
      case 'requests':
      case 'snapshotAck':
        return true;
      default:
        return false;
    }
  }

  onLinkDown(peer: number): void {
    this.learners.delete(peer);
    this.far.forget(peer);
  }

  /** A learner that looks again or follows another has left, though its link is up: it may be most of our quorum. */
  onVote(from: number, vote: Vote): void {
    if (vote.leader === this.self.id && vote.state !== 'looking') return;
    this.far.forget(from);
    if (this.learners.delete(from)) this.checkQuorum();
  }

  tick(): void {
    const { now, options, committed } = this.self;
    if (this.phase !== 'broadcast' && now >= this.deadline) this.verdict = 'no quorum within the time limit';
    this.checkQuorum();
    for (const [from, join] of this.far.due(this.phase === 'discovery' && this.verdict === '')) this.onJoin(from, join);
    if (now < this.nextPing) return;
    this.nextPing = now + options.heartbeatMs;
    for (const learner of this.learners.values()) {
      if (!learner.joined) continue;
      learner.toldCommitted = committed;
      this.self.send(learner.peer, { kind: 'ping', epoch: this.epoch, committed });
    }
  }

  /** A leader cut off from its quorum can commit nothing: it stops at once instead of waiting. */
  private checkQuorum(): void {
    const { options, now, quorum } = this.self;
    if (connected(this.self, this.learners, this.phase !== 'discovery') < quorum)
      this.verdict = 'no quorum is connected that could promise this epoch';
    if (this.phase !== 'broadcast') return;
    let following = 1;
    let heard = 1;
    for (const learner of this.learners.values()) {
      if (!learner.joined || learner.observer) continue;
      following++;
      if (now - learner.heardAt < options.peerTimeoutMs) heard++;
    }
    if (following < quorum) this.verdict = 'no quorum follows';
    if (heard >= quorum) this.quorumHeardAt = now;
    else if (now - this.quorumHeardAt >= options.peerTimeoutMs) this.verdict = 'no quorum was heard in time';
  }

  /** After a stall of our own process nobody else is to blame for the silence. */
  forgive(ms: number): void {
    this.deadline += ms;
    this.quorumHeardAt += ms;
    this.far.forgive(ms);
    for (const learner of this.learners.values()) learner.heardAt += ms;
  }
}
