/**
 * Fast leader election: looking servers tell each other their best candidate until a quorum agrees.
 *
 * It only finds a good candidate fast; safety comes from discovery, where epochs are promised on
 * disk. Rules follow ZooKeeper's FastLeaderElection with three differences, all possible because a
 * link reports its end at once and each server knows which voters it can reach:
 *  - when every reachable voter agrees there is nobody to wait for, so the election ends at once
 *    (ZooKeeper always waits 200 ms more);
 *  - votes are sent at changes and when a link comes up, not repeated on a timer;
 *  - a server that finds a leading peer joins it; if that peer does not lead any more, discovery fails.
 */
import type { Vote } from './messages.ts';
import { isBetter, type Self } from './self.ts';

interface Candidate {
  readonly id: number;
  readonly epoch: number;
  readonly zxid: number;
}

export class Election {
  readonly #self: Self;
  round: number;
  #own: Candidate = { id: 0, epoch: 0, zxid: 0 };
  #choice: Candidate = this.#own;
  /** Latest vote of each other voter that looks in this round. */
  readonly #votes = new Map<number, Candidate>();
  /** When the quorum for the present choice was first seen; -1: there is none. */
  #quorumSince = -1;
  /** False until the disk is drained: before that our own zxid is not known to be durable. */
  #started = false;

  /** What each connected peer said last: a vote cast before we looked is not sent again. */
  readonly #said: ReadonlyMap<number, Vote>;

  constructor(self: Self, round: number, said: ReadonlyMap<number, Vote>) {
    this.#self = self;
    this.#said = said;
    this.round = round;
    this.tryStart();
  }

  /** Enters the election once everything this server would claim to have is on its disk. */
  tryStart(): void {
    if (this.#started || !this.#self.drained) return;
    this.#started = true;
    const { state, lastLogged, id, isVoter } = this.#self;
    this.#own = { id: isVoter ? id : 0, epoch: state.currentEpoch, zxid: lastLogged };
    this.#choose(this.#own);
    for (const [peer, vote] of this.#said) if (vote.state === 'looking') this.onVote(peer, vote);
  }

  get started(): boolean {
    return this.#started;
  }

  /** The vote to show to a peer. */
  vote(): Vote {
    const { id, epoch, zxid } = this.#choice;
    return { kind: 'vote', round: this.round, state: 'looking', leader: id, epoch, zxid };
  }

  /** Takes the vote of another looking server. */
  onVote(from: number, vote: Vote): void {
    if (!this.#started || !this.#self.isVoter || !this.#self.isVoterId(from) || vote.leader === 0) return;
    if (vote.round < this.round) {
      this.#self.send(from, this.vote());
      return;
    }
    const theirs: Candidate = { id: vote.leader, epoch: vote.epoch, zxid: vote.zxid };
    if (vote.round > this.round) {
      this.round = vote.round;
      this.#votes.clear();
      this.#votes.set(from, theirs);
      this.#choose(isBetter(theirs, this.#own) ? theirs : this.#own);
      return;
    }
    this.#votes.set(from, theirs);
    if (isBetter(theirs, this.#choice)) this.#choose(theirs);
  }

  onLinkDown(peer: number): void {
    this.#votes.delete(peer);
  }

  /** The elected leader, once there is one; 0 before. */
  winner(): number {
    const { isVoter, options, quorum, links, now } = this.#self;
    if (!this.#started || !isVoter) return 0;
    let agreeing = 1;
    let waitingFor = 0;
    for (const voter of options.voters) {
      if (voter === options.id) continue;
      const vote = this.#votes.get(voter);
      if (vote !== undefined && vote.id === this.#choice.id) agreeing++;
      else if (links.has(voter)) waitingFor++;
    }
    if (agreeing < quorum) {
      this.#quorumSince = -1;
      return 0;
    }
    if (this.#quorumSince === -1) this.#quorumSince = now;
    if (waitingFor > 0 && now - this.#quorumSince < options.electionWaitMs) return 0;
    return this.#choice.id;
  }

  #choose(candidate: Candidate): void {
    this.#choice = candidate;
    this.#quorumSince = -1;
    const vote = this.vote();
    for (const peer of this.#self.links) this.#self.send(peer, vote);
  }
}
