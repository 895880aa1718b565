/**
 * A follower or observer: takes over the leader's history, then logs and acks what it proposes.
 *
 *   waiting → joining → promised → synchronizing ⇄ installing → joined → serving
 *
 * Rules that real systems got wrong:
 *  - history durable, then currentEpoch durable, then ACK NEWLEADER (3911, 4643, 4646): one ordered
 *    queue of writes and a held message give exactly that;
 *  - only what is durable is announced or acked (3642, 5094);
 *  - a promise is made once, by voters alone: an observer has no part in a quorum, so a promise of
 *    its own could only keep it, or an established leader, from going on (335);
 *  - a proposal may come between NEWLEADER and UPTODATE and is logged like any other (3023, 4394).
 */
import { assert, unreachable } from '../../base/assert.ts';
import type { Message, NewEpoch, Proposal, Sync } from './messages.ts';
import type { Self } from './self.ts';

export type LearnerPhase =
  /** Our candidate does not say yet that it leads. */
  'waiting' | 'joining' | 'promised' | 'synchronizing' | 'installing' | 'joined' | 'serving';

export class Learner {
  private readonly self: Self;
  readonly leader: number;
  phase: LearnerPhase = 'waiting';
  epoch = 0;
  /** That of the history taken over. */
  private ensembleId = 0;
  /** Why this server should stop following; empty while it should not. */
  verdict = '';
  /** The candidate is out of the question, but the election that we left for it goes on. */
  electionGoesOn = false;

  /** Everything we wait for comes from the leader, so the only time limit is for its silence. */
  private heardAt: number;
  /** The whole snapshot has arrived: until it is installed the leader has nothing to say. */
  private hasSnapshot = false;
  private snapshotBytes = 0;
  /** Acks wait for this ticket: before it, durable positions may belong to a history to be dropped. */
  private ackFrom = Infinity;
  private acked = 0;

  constructor(self: Self, leader: number, leads: boolean) {
    this.self = self;
    this.leader = leader;
    this.heardAt = self.now;
    if (leads) this.join();
  }

  get serving(): boolean {
    return this.phase === 'serving';
  }

  /** Our candidate did not become a leader. */
  giveUp(verdict: string): void {
    this.verdict = verdict;
    this.electionGoesOn = this.phase === 'waiting';
  }

  /** The candidate leads: ask to follow it. */
  join(): void {
    if (this.phase !== 'waiting') return;
    const { state, isVoter } = this.self;
    this.phase = 'joining';
    this.heardAt = this.self.now;
    const acceptedEpoch = isVoter ? state.acceptedEpoch : state.currentEpoch;
    this.self.send(this.leader, { kind: 'join', acceptedEpoch, observer: !isVoter });
  }

  /** Returns false when the message breaks the protocol. */
  onMessage(message: Message): boolean {
    this.heardAt = this.self.now;
    switch (message.kind) {
      case 'newEpoch':
        return this.onNewEpoch(message);
      case 'sync':
        return this.onSync(message);
      case 'proposal':
        return this.onProposal(message);
      case 'newLeader':
        if (this.phase !== 'synchronizing' || message.epoch !== this.epoch) return this.early(message.epoch);
        this.onNewLeader();
        return true;
      case 'upToDate':
        if (this.phase !== 'joined' || message.epoch !== this.epoch) return this.early(message.epoch);
        this.phase = 'serving';
        this.self.commit(message.committed);
        this.self.effects.changed = true;
        return true;
      case 'commit':
        return this.onCommitted(message.epoch, message.zxid);
      case 'ping':
        return this.onCommitted(message.epoch, message.committed);
      case 'snapshotChunk':
        if (this.phase === 'installing' && message.epoch === this.epoch) {
          this.hasSnapshot = message.offset + message.bytes.length >= this.snapshotBytes;
        }
        return true;
      case 'vote':
      case 'join':
      case 'ackEpoch':
      case 'ackNewLeader':
      case 'ack':
      case 'pong':
      case 'snapshotAck':
      case 'requests':
        // It may have followed us just now: what it sent as our learner comes before its first word as a leader.
        return this.phase === 'waiting' || this.phase === 'joining';
      default:
        return unreachable(message);
    }
  }

  /** Leftovers of an earlier time on this link come before our promise and are nobody's fault. */
  private early(epoch: number): boolean {
    return this.phase === 'waiting' || this.phase === 'joining' || epoch < this.epoch;
  }

  private onNewEpoch({ epoch }: NewEpoch): boolean {
    // Two joins that met the same leader, one of them from our previous time on this link, get two answers.
    if (this.phase === 'promised' && epoch === this.epoch) return true;
    if (this.phase !== 'joining') return this.early(epoch);
    const { state, lastLogged, isVoter } = this.self;
    if (epoch < (isVoter ? state.acceptedEpoch : state.currentEpoch)) {
      this.verdict = 'the leader has an epoch before the one promised';
      return true;
    }
    this.epoch = epoch;
    this.phase = 'promised';
    // A promise is made once: whoever got it first may be another server with the same epoch.
    const promisedBefore = isVoter && epoch === state.acceptedEpoch;
    if (isVoter && !promisedBefore) this.self.saveState({ acceptedEpoch: epoch });
    this.self.sendWhenDurable(this.leader, {
      kind: 'ackEpoch',
      epoch,
      currentEpoch: promisedBefore ? -1 : state.currentEpoch,
      lastZxid: lastLogged,
    });
    return true;
  }

  private onSync({ epoch, mode, from, bytesTotal, ensembleId }: Sync): boolean {
    if (this.phase !== 'promised' || epoch !== this.epoch) return this.early(epoch);
    const { lastLogged, committed, history, state } = this.self;
    this.ensembleId = ensembleId;
    if (state.ensembleId !== 0 && state.ensembleId !== ensembleId) {
      if (lastLogged !== 0) return false;
      // Without data it may come from an ensemble that never got any. It belongs to this one before it has some of
      // this one's data, or a crash before NEWLEADER would keep it out of both.
      this.self.saveState({ ensembleId });
    }
    if (mode === 'snap') {
      if (from < committed) return false;
      this.phase = 'installing';
      this.snapshotBytes = bytesTotal;
      this.hasSnapshot = bytesTotal === 0;
      this.self.installing = true;
      this.self.effects.transfers.push({ kind: 'install', from: this.leader, zxid: from, bytesTotal });
      return true;
    }
    if (mode === 'diff' ? from !== lastLogged : from >= lastLogged || from < committed) return false;
    // Both histories hold the batch that ends there, or they do not come from one ensemble.
    if (from >= history.start && history.floor(from) !== from) return false;
    this.phase = 'synchronizing';
    if (mode === 'trunc') this.self.truncate(from);
    this.startAcking(from);
    return true;
  }

  onInstalled(): void {
    if (this.phase !== 'installing') return;
    this.phase = 'synchronizing';
    this.startAcking(this.self.lastLogged);
  }

  /** From here on every durable position is one of the leader's history. */
  private startAcking(position: number): void {
    this.ackFrom = this.self.lastTicket;
    this.acked = position;
  }

  private onProposal({ epoch, committed, batch }: Proposal): boolean {
    const syncing = this.phase === 'synchronizing' || this.phase === 'joined' || this.phase === 'serving';
    if (!syncing || epoch !== this.epoch) return this.early(epoch);
    if (batch.last <= this.self.lastLogged) return true;
    if (batch.prev !== this.self.lastLogged) return false;
    this.self.append(batch);
    this.self.commit(committed);
    return true;
  }

  /** The leader's history is written; once it and then the epoch are durable, we are its follower. */
  private onNewLeader(): void {
    const { ensembleId } = this;
    const acceptedEpoch = Math.max(this.epoch, this.self.state.acceptedEpoch);
    this.self.saveState({ acceptedEpoch, currentEpoch: this.epoch, ensembleId });
    this.self.sendWhenDurable(this.leader, { kind: 'ackNewLeader', epoch: this.epoch });
    this.phase = 'joined';
    this.self.effects.changed = true;
  }

  private onCommitted(epoch: number, zxid: number): boolean {
    if (epoch !== this.epoch || this.phase !== 'serving') return this.early(epoch) || this.phase === 'joined';
    this.self.commit(zxid);
    return true;
  }

  /** Acks, cumulatively, what has become durable. */
  onSynced(): void {
    const { syncedTicket, synced } = this.self;
    if (syncedTicket < this.ackFrom || synced <= this.acked) return;
    assert(this.phase !== 'waiting' && this.phase !== 'joining', 'acks come after synchronization began');
    this.acked = synced;
    this.self.send(this.leader, { kind: 'ack', epoch: this.epoch, zxid: synced });
  }

  tick(): void {
    const { now, options, links, patienceMs } = this.self;
    if (!links.has(this.leader)) this.verdict = 'the leader is not connected';
    if (this.hasSnapshot && this.phase === 'installing') return;
    const silentMs = now - this.heardAt;
    if (this.phase === 'waiting') {
      if (silentMs >= patienceMs) this.verdict = 'the candidate does not begin to lead';
    } else if (silentMs >= (this.phase === 'serving' ? options.peerTimeoutMs : options.syncTimeoutMs)) {
      this.verdict = 'the leader is silent';
    }
  }

  /** After a stall of our own process nobody else is to blame for the silence. */
  forgive(ms: number): void {
    this.heardAt += ms;
  }
}
