/**
 * Fast leader election: looking servers tell each other whom they would follow until a quorum agrees.
 *
 *   own history, links ─┐
 *                       ├─► choice: the best that stands and that we can reach ─► vote to everybody
 *   votes of the peers ─┘
 *
 * It only finds a good candidate fast; safety comes from discovery, where epochs are promised on
 * disk. Order of candidates and rounds are those of ZooKeeper's FastLeaderElection; the rest differs,
 * since a link reports its end at once and each server knows which voters it can reach:
 *  - a vote tells the voter's own history and its choice, so nobody passes on what others claimed,
 *    and a candidate that died or that we cannot reach is never chosen;
 *  - whoever reaches no quorum does not stand, so a server behind a bad link cannot bind the votes
 *    of the others;
 *  - when every reachable voter agrees there is nobody to wait for, so the election ends at once
 *    (ZooKeeper always waits 200 ms more);
 *  - votes are sent at changes and when a link comes up, not repeated on a timer;
 *  - a server that finds a leading peer joins it; if that peer does not lead any more, discovery fails.
 */
import { epochMax } from '../../base/zxid.ts';
import type { Vote } from './messages.ts';
import { isBetter, type Self } from './self.ts';

/**
 * Rounds. Of two that are this far apart the later one is wrong, and whoever took it over could soon count no further:
 * all meet in the earlier one.
 */
const farFrom = 2 ** 32;

export class Election {
  private readonly self: Self;
  round: number;
  /** The server we would follow; 0: nobody stands. */
  private choice = 0;
  /** Latest vote of each other voter: of this round, or that of one which has decided already. */
  private readonly votes = new Map<number, Vote>();
  /** When the quorum for the present choice was first seen; -1: there is none. */
  private quorumSince = -1;
  /** False until the disk is drained: before that our own history is not known to be durable. */
  started = false;

  /** What each connected peer said last: a vote cast before we looked is not sent again. */
  private readonly said: ReadonlyMap<number, Vote>;

  constructor(self: Self, round: number, said: ReadonlyMap<number, Vote>) {
    this.self = self;
    this.said = said;
    this.round = round;
    // Even a server that cannot stand yet must tell that it leads or follows no more.
    if (!self.drained) this.announce();
    this.tryStart();
  }

  /** Enters the election once everything this server would claim to have is on its disk. */
  tryStart(): void {
    if (this.started || !this.self.drained) return;
    this.started = true;
    this.choose(true);
    for (const [peer, vote] of this.said) this.onVote(peer, vote);
  }

  /** The vote to show to a peer. */
  vote(): Vote {
    const { state, lastLogged } = this.self;
    const { round, choice } = this;
    return { kind: 'vote', round, state: 'looking', leader: choice, epoch: state.currentEpoch, zxid: lastLogged };
  }

  onVote(from: number, vote: Vote): void {
    if (!this.started || !this.self.isVoter || !this.self.isVoterId(from)) return;
    // It has not heard yet that we lead no more: its choice of now may be another.
    if (vote.state !== 'looking' && vote.leader === this.self.id) return;
    let isNewRound = false;
    if (vote.state === 'looking') {
      if (vote.round > this.round + farFrom) return;
      if (vote.round < this.round && vote.round >= this.round - farFrom) {
        this.self.send(from, this.vote());
        return;
      }
      isNewRound = vote.round !== this.round;
      if (isNewRound) {
        this.round = vote.round;
        this.votes.clear();
        this.quorumSince = -1;
      }
    }
    // Who decided in another round may just not have heard yet that its leader looks again.
    if (vote.round === this.round) this.votes.set(from, vote);
    else this.votes.delete(from);
    this.choose(isNewRound);
  }

  /** A link came up or went down: candidates may come or go, we may be one of them. */
  onLink(peer: number, up: boolean): void {
    if (!up) this.votes.delete(peer);
    if (this.started) this.choose(false);
  }

  /** The elected leader, once there is one; 0 before. */
  winner(): number {
    const { isVoter, options, quorum, links, now } = this.self;
    if (!this.started || !isVoter || this.choice === 0) return 0;
    let agreeing = 1;
    let waitingFor = 0;
    for (const voter of options.voters) {
      if (voter === options.id) continue;
      if (this.votes.get(voter)?.leader === this.choice) agreeing++;
      else if (links.has(voter)) waitingFor++;
    }
    if (agreeing < quorum) {
      this.quorumSince = -1;
      return 0;
    }
    if (this.quorumSince === -1) this.quorumSince = now;
    if (waitingFor > 0 && now - this.quorumSince < options.electionWaitMs) return 0;
    return this.choice;
  }

  /** The best of those that stand: they look, in this round, and choose themselves. */
  private choose(mustAnnounce: boolean): void {
    const { state, lastLogged, id, isVoter, quorum } = this.self;
    // Who has promised the last epoch, were it to a liar, could propose none: it would fail at each try.
    const stands = isVoter && state.acceptedEpoch < epochMax && this.self.reachableVoters() >= quorum;
    let best = { epoch: stands ? state.currentEpoch : -1, zxid: lastLogged, id: stands ? id : 0 };
    for (const [peer, { state: doing, leader, epoch, zxid }] of this.votes) {
      const theirs = { epoch, zxid, id: peer };
      if (doing === 'looking' && leader === peer && isBetter(theirs, best)) best = theirs;
    }
    const isNew = best.id !== this.choice;
    this.choice = best.id;
    if (isNew) this.quorumSince = -1;
    if (isNew || mustAnnounce) this.announce();
  }

  private announce(): void {
    const vote = this.vote();
    for (const peer of this.self.links) this.self.send(peer, vote);
  }
}
