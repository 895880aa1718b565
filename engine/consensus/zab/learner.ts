/**
 * A follower or observer: takes over the leader's history, then logs and acks what it proposes.
 *
 *   waiting → joining → promised → synchronizing ⇄ installing → joined → serving
 *
 * Rules that real systems got wrong:
 *  - history durable, then currentEpoch durable, then ACK NEWLEADER (3911, 4643, 4646): one ordered
 *    queue of writes and a held message give exactly that;
 *  - only what is durable is announced or acked (3642, 5094);
 *  - a proposal may come between NEWLEADER and UPTODATE and is logged like any other (3023, 4394).
 */
import { assert, unreachable } from '../../base/assert.ts';
import type { Message, NewEpoch, Proposal, Sync } from './messages.ts';
import type { Self } from './self.ts';

export type LearnerPhase =
  /** Our candidate does not say yet that it leads. */
  'waiting' | 'joining' | 'promised' | 'synchronizing' | 'installing' | 'joined' | 'serving';

export class Learner {
  readonly #self: Self;
  readonly leader: number;
  phase: LearnerPhase = 'waiting';
  epoch = 0;
  /** Why this server should stop following; empty while it should not. */
  verdict = '';

  #deadline: number;
  #heardAt: number;
  /** Acks wait for this ticket: before it, durable positions may belong to a history to be dropped. */
  #ackFrom = Infinity;
  #acked = 0;

  constructor(self: Self, leader: number, leads: boolean) {
    this.#self = self;
    this.leader = leader;
    this.#deadline = self.now + self.options.syncTimeoutMs;
    this.#heardAt = self.now;
    if (leads) this.join();
  }

  get serving(): boolean {
    return this.phase === 'serving';
  }

  /** The candidate leads: ask to follow it. */
  join(): void {
    if (this.phase !== 'waiting') return;
    const { state, isVoter } = this.#self;
    this.phase = 'joining';
    this.#self.send(this.leader, { kind: 'join', acceptedEpoch: state.acceptedEpoch, observer: !isVoter });
  }

  /** Returns false when the message breaks the protocol. */
  onMessage(message: Message): boolean {
    this.#heardAt = this.#self.now;
    switch (message.kind) {
      case 'newEpoch':
        return this.#onNewEpoch(message);
      case 'sync':
        return this.#onSync(message);
      case 'proposal':
        return this.#onProposal(message);
      case 'newLeader':
        if (this.phase !== 'synchronizing' || message.epoch !== this.epoch) return this.#early(message.epoch);
        this.#self.saveState({ currentEpoch: this.epoch, ensembleId: message.ensembleId });
        this.#self.sendWhenDurable(this.leader, { kind: 'ackNewLeader', epoch: this.epoch });
        this.phase = 'joined';
        this.#self.effects.changed = true;
        return true;
      case 'upToDate':
        if (this.phase !== 'joined' || message.epoch !== this.epoch) return this.#early(message.epoch);
        this.phase = 'serving';
        this.#self.commit(message.committed);
        this.#self.effects.changed = true;
        return true;
      case 'commit':
        return this.#onCommitted(message.epoch, message.zxid);
      case 'ping':
        return this.#onCommitted(message.epoch, message.committed);
      case 'snapshotChunk':
        return true;
      case 'vote':
      case 'join':
      case 'ackEpoch':
      case 'ackNewLeader':
      case 'ack':
      case 'pong':
      case 'snapshotAck':
      case 'requests':
        return false;
      default:
        return unreachable(message);
    }
  }

  /** Leftovers of an earlier time on this link come before our promise and are nobody's fault. */
  #early(epoch: number): boolean {
    return this.phase === 'waiting' || this.phase === 'joining' || epoch < this.epoch;
  }

  #onNewEpoch({ epoch }: NewEpoch): boolean {
    if (this.phase !== 'joining') return this.#early(epoch);
    const { state, lastLogged } = this.#self;
    if (epoch < state.acceptedEpoch) {
      this.verdict = 'the leader has an epoch before the one promised';
      return true;
    }
    this.epoch = epoch;
    this.phase = 'promised';
    // A promise is made once: whoever got it first may be another server with the same epoch.
    const promisedBefore = epoch === state.acceptedEpoch;
    if (!promisedBefore) this.#self.saveState({ acceptedEpoch: epoch });
    this.#self.sendWhenDurable(this.leader, {
      kind: 'ackEpoch',
      epoch,
      currentEpoch: promisedBefore ? -1 : state.currentEpoch,
      lastZxid: lastLogged,
    });
    return true;
  }

  #onSync({ epoch, mode, from, bytesTotal }: Sync): boolean {
    if (this.phase !== 'promised' || epoch !== this.epoch) return this.#early(epoch);
    const { lastLogged, committed } = this.#self;
    if (mode === 'snap') {
      if (from < committed) return false;
      this.phase = 'installing';
      this.#self.installing = true;
      this.#self.effects.transfers.push({ kind: 'install', from: this.leader, zxid: from, bytesTotal });
      return true;
    }
    if (mode === 'diff' ? from !== lastLogged : from >= lastLogged || from < committed) return false;
    this.phase = 'synchronizing';
    if (mode === 'trunc') this.#self.truncate(from);
    this.#startAcking(from);
    return true;
  }

  onInstalled(): void {
    if (this.phase !== 'installing') return;
    this.phase = 'synchronizing';
    this.#startAcking(this.#self.lastLogged);
  }

  /** From here on every durable position is one of the leader's history. */
  #startAcking(position: number): void {
    this.#ackFrom = this.#self.lastTicket;
    this.#acked = position;
  }

  #onProposal({ epoch, committed, batch }: Proposal): boolean {
    const syncing = this.phase === 'synchronizing' || this.phase === 'joined' || this.phase === 'serving';
    if (!syncing || epoch !== this.epoch) return this.#early(epoch);
    if (batch.last <= this.#self.lastLogged) return true;
    if (batch.prev !== this.#self.lastLogged) return false;
    this.#self.append(batch);
    this.#self.commit(committed);
    // The limit is for silence: a long history that arrives steadily is no reason to give up.
    this.#deadline = this.#self.now + this.#self.options.syncTimeoutMs;
    return true;
  }

  #onCommitted(epoch: number, zxid: number): boolean {
    if (epoch !== this.epoch || this.phase !== 'serving') return this.#early(epoch) || this.phase === 'joined';
    this.#self.commit(zxid);
    return true;
  }

  /** Acks, cumulatively, what has become durable. */
  onSynced(): void {
    const { syncedTicket, synced } = this.#self;
    if (syncedTicket < this.#ackFrom || synced <= this.#acked) return;
    assert(this.phase !== 'waiting' && this.phase !== 'joining', 'acks come after synchronization began');
    this.#acked = synced;
    this.#self.send(this.leader, { kind: 'ack', epoch: this.epoch, zxid: synced });
  }

  tick(): void {
    const { now, options, links } = this.#self;
    if (!links.has(this.leader)) this.verdict = 'the leader is not connected';
    else if (this.phase !== 'serving' && this.phase !== 'installing' && now >= this.#deadline) {
      this.verdict = 'not synchronized within the time limit';
    } else if (now - this.#heardAt >= options.peerTimeoutMs && this.phase === 'serving') {
      this.verdict = 'the leader is silent';
    }
  }

  /** After a stall of our own process nobody else is to blame for the silence. */
  forgive(ms: number): void {
    this.#deadline += ms;
    this.#heardAt += ms;
  }
}
