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
import { isBetter, Self, type Recovered, type ZabOptions } from './self.ts';

/** Between two ticks of a healthy process lies far less; a longer gap was our own stall. */
const stallMs = 500;

/** What kept a snapshot from being installed (a full disk) may last: each failure in a row doubles the pause. */
const installPauseFirstMs = 1000;
const installPauseMaxMs = 10_000;

export class Zab implements ConsensusCore<Message> {
  private readonly self: Self;
  /** Exactly one of the three is present. */
  private election: Election | null = null;
  private learnerRole: Learner | null = null;
  private leaderRole: Leader | null = null;
  /** What each connected peer last said of itself. */
  private readonly said = new Map<number, Vote>();
  private nextToken = 1;
  /** Round of the election that ended last. */
  private lastRound = 1;
  /** The leader whose snapshot could not be installed is not followed until then. */
  private avoided = 0;
  private avoidedUntil = 0;
  /** Failures in a row. */
  private failedInstalls = 0;
  /** The last epoch that this server told everybody it was established in. */
  private establishedEpoch = 0;
  /** Why the last role ended, for the journal. */
  reason = 'start';

  constructor(options: ZabOptions, recovered: Recovered) {
    this.self = new Self(options, recovered);
    this.election = new Election(this.self, 1, this.said);
  }

  get role(): Role {
    if (this.leaderRole !== null) return 'leading';
    if (this.learnerRole !== null) return this.self.isVoter ? 'following' : 'observing';
    return 'looking';
  }

  get phase(): string {
    return this.leaderRole?.phase ?? this.learnerRole?.phase ?? 'election';
  }

  get leader(): number {
    if (this.leaderRole !== null) return this.self.id;
    return this.learnerRole === null ? 0 : this.learnerRole.leader;
  }

  get epoch(): number {
    return this.leaderRole?.epoch ?? this.learnerRole?.epoch ?? this.self.state.currentEpoch;
  }

  get serving(): boolean {
    return this.leaderRole?.established ?? this.learnerRole?.serving ?? false;
  }

  get committed(): number {
    return this.self.committed;
  }

  get lastLogged(): number {
    return this.self.lastLogged;
  }

  get lastSynced(): number {
    return this.self.synced;
  }

  get canPropose(): boolean {
    return this.leaderRole?.canPropose ?? false;
  }

  get nextZxid(): number {
    assert(this.leaderRole !== null, 'only a leader gives out zxids');
    return this.leaderRole.nextZxid;
  }

  /** End of the history with which the leader began its epoch: prep waits until it is applied. */
  get initial(): number {
    assert(this.leaderRole !== null, 'only a leader has an initial history');
    return this.leaderRole.initial;
  }

  get batchesInFlight(): number {
    return this.leaderRole?.batchesInFlight ?? 0;
  }

  get bytesInFlight(): number {
    return this.leaderRole?.bytesInFlight ?? 0;
  }

  get history(): History {
    return this.self.history;
  }

  get ensembleId(): number {
    // An empty log has nothing to protect: such a server may join any ensemble.
    return this.self.lastLogged === 0 ? 0 : this.self.state.ensembleId;
  }

  hasLearner(peer: number): boolean {
    return this.leaderRole?.learners.has(peer) ?? false;
  }

  /** Learners of a leader, as (joined voters, joined observers, not yet joined). */
  learnerCounts(): { followers: number; observers: number; pending: number } {
    const counts = { followers: 0, observers: 0, pending: 0 };
    for (const learner of this.leaderRole?.learners.values() ?? []) {
      if (!learner.joined) counts.pending++;
      else if (learner.observer) counts.observers++;
      else counts.followers++;
    }
    return counts;
  }

  step(input: Input<Message>, effects: Effects<Message>): void {
    this.self.effects = effects;
    switch (input.kind) {
      case 'tick':
        this.tick(input.now);
        break;
      case 'link':
        this.onLink(input.peer, input.up);
        break;
      case 'message':
        this.onMessage(input.from, input.message);
        break;
      case 'propose':
        assert(this.leaderRole !== null, 'only a leader proposes');
        this.leaderRole.propose(input.batch);
        break;
      case 'synced':
        this.self.onSynced(input.ticket);
        this.leaderRole?.onSynced();
        this.learnerRole?.onSynced();
        this.election?.tryStart();
        break;
      case 'history':
        this.leaderRole?.onHistory(input.token, input.floor, input.batches);
        break;
      case 'snapshotOpened':
        this.leaderRole?.onSnapshotOpened(input.to, input.zxid, input.bytesTotal);
        break;
      case 'snapshotSent':
        this.leaderRole?.onSnapshotSent(input.to);
        break;
      case 'installed':
        this.self.installing = false;
        this.self.restart(input.zxid);
        this.failedInstalls = 0;
        this.learnerRole?.onInstalled();
        this.election?.tryStart();
        break;
      case 'installFailed':
        this.self.installing = false;
        if (this.learnerRole !== null) this.giveUpInstall(this.learnerRole.leader);
        this.election?.tryStart();
        break;
      case 'turnEnd':
        this.leaderRole?.turnEnd();
        return;
      default:
        unreachable(input);
    }
    this.settle();
  }

  private tick(now: number): void {
    const stalled = now - this.self.now;
    this.self.now = now;
    if (stalled > stallMs) {
      this.leaderRole?.forgive(stalled);
      this.learnerRole?.forgive(stalled);
    }
    this.leaderRole?.tick();
    this.learnerRole?.tick();
  }

  private onLink(peer: number, up: boolean): void {
    this.said.delete(peer);
    if (up) {
      this.self.links.add(peer);
      this.self.send(peer, this.vote());
      this.election?.onLink(peer, true);
      return;
    }
    this.self.links.delete(peer);
    this.election?.onLink(peer, false);
    this.leaderRole?.onLinkDown(peer);
    this.leaderRole?.tick();
    if (this.learnerRole?.leader === peer) this.learnerRole.giveUp('the connection to the leader closed');
  }

  private onMessage(from: number, message: Message): void {
    if (message.kind === 'vote') {
      this.onVote(from, message);
      return;
    }
    let lawful = true;
    if (this.leaderRole !== null) lawful = this.leaderRole.onMessage(from, message);
    else if (this.learnerRole !== null && this.learnerRole.leader === from)
      lawful = this.learnerRole.onMessage(message);
    // Anything else is a leftover of a role that one side has already left.
    if (!lawful) {
      this.self.effects.resets.push({ peer: from, reason: `${message.kind} in phase ${this.phase}` });
      if (this.learnerRole?.leader === from) this.learnerRole.verdict = 'the leader broke the protocol';
    }
  }

  private onVote(from: number, vote: Vote): void {
    this.said.set(from, vote);
    if (this.election !== null) {
      this.election.onVote(from, vote);
      return;
    }
    if (this.learnerRole !== null && this.learnerRole.leader === from) this.onLeaderVote(this.learnerRole, from, vote);
    this.leaderRole?.onVote(from, vote);
    // Two elected leaders, none established: the lesser one gives way.
    if (this.leaderRole !== null && !this.leaderRole.established && vote.state === 'leading') {
      const { state, lastLogged, id } = this.self;
      const theirs = { epoch: vote.epoch, zxid: vote.zxid, id: from };
      if (isBetter(theirs, { epoch: state.currentEpoch, zxid: lastLogged, id })) {
        this.leaderRole.verdict = 'another server leads';
      }
    }
    // Who is about to look itself has nothing to say of the role that ends.
    const isEnding = (this.leaderRole?.verdict || this.learnerRole?.verdict || '') !== '';
    if (vote.state === 'looking' && !isEnding) this.self.send(from, this.vote());
  }

  private onLeaderVote(learner: Learner, from: number, vote: Vote): void {
    if (vote.state === 'leading') learner.join();
    else if (learner.phase !== 'waiting') learner.verdict = 'the leader has stopped leading';
    else if (vote.state !== 'looking' || vote.leader !== from) learner.giveUp('the candidate has chosen another');
    else if (vote.round > this.lastRound) learner.giveUp('the candidate is in a later round');
  }

  /** What this server says of itself. */
  private vote(): Vote {
    if (this.election !== null) return this.election.vote();
    const { state, lastLogged } = this.self;
    const role = this.role;
    assert(role !== 'looking', 'a server without an election has a leader');
    return {
      kind: 'vote',
      round: this.lastRound,
      state: role,
      leader: this.leader,
      epoch: state.currentEpoch,
      zxid: lastLogged,
    };
  }

  /** Ends a role whose verdict has fallen, and an election that is decided. */
  private settle(): void {
    const verdict = this.leaderRole?.verdict || this.learnerRole?.verdict || '';
    if (verdict !== '') this.look(verdict);
    if (this.leaderRole?.established === true && this.leaderRole.epoch !== this.establishedEpoch) {
      // Whoever was elected beside us and has not got further gives way to an established leader.
      this.establishedEpoch = this.leaderRole.epoch;
      this.announce();
    }
    if (this.election === null || !this.election.started) return;
    const leads = this.leads();
    const winner = leads === 0 ? this.election.winner() : leads;
    if (winner === this.self.id) this.lead();
    else if (winner !== 0 && !this.avoids(winner)) this.follow(winner, leads !== 0);
  }

  private giveUpInstall(leader: number): void {
    this.avoided = leader;
    this.avoidedUntil = this.self.now + Math.min(installPauseFirstMs * 2 ** this.failedInstalls++, installPauseMaxMs);
    this.look('the snapshot could not be installed');
  }

  private avoids(leader: number): boolean {
    return leader === this.avoided && this.self.now < this.avoidedUntil;
  }

  /** The peer that says it leads; of several the best, the others will give way to it. */
  private leads(): number {
    let best = { epoch: -1, zxid: 0, id: 0 };
    for (const [id, { state, epoch, zxid }] of this.said) {
      const theirs = { epoch, zxid, id };
      if (state === 'leading' && isBetter(theirs, best)) best = theirs;
    }
    return best.id;
  }

  private look(reason: string): void {
    this.reason = reason;
    // A new round starts the election over for everybody: not for a mere change of mind.
    const goesOn = this.learnerRole?.electionGoesOn === true;
    if (!goesOn) this.self.failures = this.serving ? 0 : this.self.failures + 1;
    if (this.leaderRole !== null) this.nextToken = this.leaderRole.nextToken;
    if (this.self.installing) this.self.effects.transfers.push({ kind: 'abortInstall' });
    // Whoever led us, or led beside us, must say anew that it leads; votes of looking servers stand.
    for (const [peer, vote] of this.said) if (vote.state !== 'looking') this.said.delete(peer);
    this.self.forgetHeld();
    this.leaderRole = null;
    this.learnerRole = null;
    this.election = new Election(this.self, goesOn ? this.lastRound : this.lastRound + 1, this.said);
    this.self.effects.changed = true;
  }

  private lead(): void {
    this.lastRound = this.election!.round;
    this.election = null;
    this.reason = 'elected';
    this.leaderRole = new Leader(this.self, this.nextToken);
    this.self.effects.changed = true;
    this.announce();
  }

  private follow(leader: number, leads: boolean): void {
    this.lastRound = this.election!.round;
    this.election = null;
    this.reason = leads ? 'found a leader' : 'elected';
    this.learnerRole = new Learner(this.self, leader, leads);
    this.self.effects.changed = true;
    // Whoever waits for us to lead, or counts us among its voters, must hear of it.
    this.announce();
  }

  private announce(): void {
    const vote = this.vote();
    for (const peer of this.self.links) this.self.send(peer, vote);
  }
}
