/**
 * Zab: atomic broadcast among crash-prone servers, as a pure core.
 *
 *              ┌──────────── verdict / link down ─────────────┐
 *              ▼                                              │
 *          looking ── elected ──► leading   (zab/leader.ts)  ─┤
 *       (zab/election.ts)                                     │
 *              └── leader known ► following (zab/learner.ts) ─┘
 *
 * This file only dispatches: an input goes to what survives roles (`zab/self.ts`) and to the present
 * role; then the role is asked whether it should end. Sources: Junqueira, Reed, Serafini, "Zab:
 * High-performance broadcast for primary-backup systems" (DSN 2011), and ZooKeeper's behaviour.
 */
import { assert, unreachable } from '../../base/assert.ts';
import type { ConsensusCore, Effects, Input, Role } from '../core.ts';
import type { History } from '../history.ts';
import { Election } from './election.ts';
import { Leader } from './leader.ts';
import { Learner } from './learner.ts';
import type { Message, Vote } from './messages.ts';
import { Self, type Recovered, type ZabOptions } from './self.ts';

/** Between two ticks of a healthy process lies far less; a longer gap was our own stall. */
const stallMs = 500;

export class Zab implements ConsensusCore<Message> {
  readonly #self: Self;
  /** Exactly one of the three is present. */
  #election: Election | null = null;
  #learner: Learner | null = null;
  #leader: Leader | null = null;
  /** What each connected peer last said of itself. */
  readonly #said = new Map<number, Vote>();
  #nextToken = 1;
  /** Round of the election that ended last. */
  #lastRound = 1;
  /** Why the last role ended, for the journal. */
  reason = 'start';

  constructor(options: ZabOptions, recovered: Recovered) {
    this.#self = new Self(options, recovered);
    this.#election = new Election(this.#self, 1, this.#said);
  }

  get role(): Role {
    if (this.#leader !== null) return 'leading';
    if (this.#learner !== null) return this.#self.isVoter ? 'following' : 'observing';
    return 'looking';
  }

  get phase(): string {
    return this.#leader?.phase ?? this.#learner?.phase ?? 'election';
  }

  get leader(): number {
    if (this.#leader !== null) return this.#self.id;
    return this.#learner === null ? 0 : this.#learner.leader;
  }

  get epoch(): number {
    return this.#leader?.epoch ?? this.#learner?.epoch ?? this.#self.state.currentEpoch;
  }

  get serving(): boolean {
    return this.#leader?.established ?? this.#learner?.serving ?? false;
  }

  get committed(): number {
    return this.#self.committed;
  }

  get lastLogged(): number {
    return this.#self.lastLogged;
  }

  get lastSynced(): number {
    return this.#self.synced;
  }

  get canPropose(): boolean {
    return this.#leader?.canPropose ?? false;
  }

  get nextZxid(): number {
    assert(this.#leader !== null, 'only a leader gives out zxids');
    return this.#leader.nextZxid;
  }

  /** End of the history with which the leader began its epoch: prep waits until it is applied. */
  get initial(): number {
    assert(this.#leader !== null, 'only a leader has an initial history');
    return this.#leader.initial;
  }

  get batchesInFlight(): number {
    return this.#leader?.batchesInFlight ?? 0;
  }

  get history(): History {
    return this.#self.history;
  }

  get ensembleId(): number {
    // An empty log has nothing to protect: such a server may join any ensemble.
    return this.#self.lastLogged === 0 ? 0 : this.#self.state.ensembleId;
  }

  /** Learners of a leader, as (joined voters, joined observers, not yet joined). */
  learnerCounts(): { followers: number; observers: number; pending: number } {
    const counts = { followers: 0, observers: 0, pending: 0 };
    for (const learner of this.#leader?.learners.values() ?? []) {
      if (!learner.joined) counts.pending++;
      else if (learner.observer) counts.observers++;
      else counts.followers++;
    }
    return counts;
  }

  step(input: Input<Message>, effects: Effects<Message>): void {
    this.#self.effects = effects;
    switch (input.kind) {
      case 'tick':
        this.#tick(input.now);
        break;
      case 'link':
        this.#onLink(input.peer, input.up);
        break;
      case 'message':
        this.#onMessage(input.from, input.message);
        break;
      case 'propose':
        assert(this.#leader !== null, 'only a leader proposes');
        this.#leader.propose(input.batch);
        break;
      case 'synced':
        this.#self.onSynced(input.ticket);
        this.#leader?.onSynced();
        this.#learner?.onSynced();
        this.#election?.tryStart();
        break;
      case 'history':
        this.#leader?.onHistory(input.token, input.floor, input.batches);
        break;
      case 'snapshotOpened':
        this.#leader?.onSnapshotOpened(input.to, input.zxid, input.bytesTotal);
        break;
      case 'snapshotSent':
        this.#leader?.onSnapshotSent(input.to);
        break;
      case 'installed':
        this.#self.installing = false;
        this.#self.restart(input.zxid);
        this.#learner?.onInstalled();
        this.#election?.tryStart();
        break;
      case 'installFailed':
        this.#self.installing = false;
        if (this.#learner !== null) this.#look('the snapshot could not be installed');
        this.#election?.tryStart();
        break;
      case 'turnEnd':
        this.#leader?.turnEnd();
        return;
      default:
        unreachable(input);
    }
    this.#settle();
  }

  #tick(now: number): void {
    const stalled = now - this.#self.now;
    this.#self.now = now;
    if (stalled > stallMs) {
      this.#leader?.forgive(stalled);
      this.#learner?.forgive(stalled);
    }
    this.#leader?.tick();
    this.#learner?.tick();
  }

  #onLink(peer: number, up: boolean): void {
    this.#said.delete(peer);
    if (up) {
      this.#self.links.add(peer);
      const vote = this.#vote();
      if (vote !== null) this.#self.send(peer, vote);
      return;
    }
    this.#self.links.delete(peer);
    this.#election?.onLinkDown(peer);
    this.#leader?.onLinkDown(peer);
    this.#leader?.tick();
    if (this.#learner?.leader === peer) this.#learner.verdict = 'the connection to the leader closed';
  }

  #onMessage(from: number, message: Message): void {
    if (message.kind === 'vote') {
      this.#onVote(from, message);
      return;
    }
    let lawful = true;
    if (this.#leader !== null) lawful = this.#leader.onMessage(from, message);
    else if (this.#learner !== null && this.#learner.leader === from) lawful = this.#learner.onMessage(message);
    // Anything else is a leftover of a role that one side has already left.
    if (!lawful) {
      this.#self.effects.resets.push({ peer: from, reason: `${message.kind} in phase ${this.phase}` });
      if (this.#learner?.leader === from) this.#learner.verdict = 'the leader broke the protocol';
    }
  }

  #onVote(from: number, vote: Vote): void {
    this.#said.set(from, vote);
    if (this.#election !== null) {
      if (vote.state === 'looking') this.#election.onVote(from, vote);
      return;
    }
    if (this.#learner !== null && this.#learner.leader === from) this.#onLeaderVote(this.#learner, from, vote);
    // Two elected leaders, none established: the lesser one gives way.
    if (this.#leader !== null && !this.#leader.established && vote.state === 'leading') {
      const { state, lastLogged, id } = this.#self;
      const better =
        vote.epoch !== state.currentEpoch
          ? vote.epoch > state.currentEpoch
          : vote.zxid !== lastLogged
            ? vote.zxid > lastLogged
            : from > id;
      if (better) this.#leader.verdict = 'another server leads';
    }
    if (vote.state === 'looking') this.#self.send(from, this.#vote()!);
  }

  #onLeaderVote(learner: Learner, from: number, vote: Vote): void {
    if (vote.state === 'leading') learner.join();
    else if (learner.phase !== 'waiting') learner.verdict = 'the leader has stopped leading';
    else if (vote.state !== 'looking' || vote.leader !== from) learner.verdict = 'the candidate has chosen another';
    else if (vote.round > this.#lastRound) learner.verdict = 'the candidate is in a later round';
  }

  /** What this server says of itself; null before its election has started. */
  #vote(): Vote | null {
    if (this.#election !== null) return this.#election.started ? this.#election.vote() : null;
    const { state, lastLogged } = this.#self;
    const role = this.role;
    assert(role !== 'looking', 'a server without an election has a leader');
    return { kind: 'vote', round: 0, state: role, leader: this.leader, epoch: state.currentEpoch, zxid: lastLogged };
  }

  /** Ends a role whose verdict has fallen, and an election that is decided. */
  #settle(): void {
    const verdict = this.#leader?.verdict || this.#learner?.verdict || '';
    if (verdict !== '') this.#look(verdict);
    if (this.#election === null || !this.#election.started) return;
    for (const [peer, vote] of this.#said) {
      if (vote.state === 'leading') {
        this.#follow(peer, true);
        return;
      }
    }
    const winner = this.#election.winner();
    if (winner === this.#self.id) this.#lead();
    else if (winner !== 0 && this.#self.links.has(winner)) this.#follow(winner, false);
  }

  #look(reason: string): void {
    const round = this.#election?.round ?? 0;
    this.reason = reason;
    if (this.#leader !== null) this.#nextToken = this.#leader.nextToken;
    if (this.#self.installing) this.#self.effects.transfers.push({ kind: 'abortInstall' });
    // Whoever led us, or led beside us, must say anew that it leads; votes of looking servers stand.
    for (const [peer, vote] of this.#said) if (vote.state !== 'looking') this.#said.delete(peer);
    this.#self.forgetHeld();
    this.#leader = null;
    this.#learner = null;
    this.#election = new Election(this.#self, Math.max(round, this.#lastRound) + 1, this.#said);
    this.#self.effects.changed = true;
  }

  #lead(): void {
    this.#lastRound = this.#election!.round;
    this.#election = null;
    this.reason = 'elected';
    this.#leader = new Leader(this.#self, this.#nextToken);
    this.#self.effects.changed = true;
    const vote = this.#vote()!;
    for (const peer of this.#self.links) this.#self.send(peer, vote);
  }

  #follow(leader: number, leads: boolean): void {
    this.#lastRound = this.#election!.round;
    this.#election = null;
    this.reason = leads ? 'found a leader' : 'elected';
    this.#learner = new Learner(this.#self, leader, leads);
    this.#self.effects.changed = true;
  }
}
