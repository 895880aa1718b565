/** Whether a quorum can be had, and whether its promises settle what the history of an epoch is. */
import type { Progress } from './progress.ts';
import type { Self } from './self.ts';

/** Voters that are connected, this server included; in discovery without those that cannot promise its epoch. */
export function connected({ id, links, options }: Self, learners: ReadonlyMap<number, Progress>, all: boolean): number {
  let count = 1;
  for (const voter of options.voters)
    if (voter !== id && links.has(voter) && (all || learners.get(voter)?.refused !== true)) count++;
  return count;
}

/**
 * A quorum has promised the epoch, and one of it must know all that was ever committed.
 *
 * A server that never followed or led anybody may be a new one or one that lost its disk, and then it
 * would be the one that knew (ZOOKEEPER-261), also when it was getting its data back as it crashed. It
 * counts only where that makes no difference: when nobody of the quorum has data, as in a new ensemble,
 * or when every voter has been asked.
 */
export function knowsEverything({ state, lastLogged, options, quorum }: Self, learners: Iterable<Progress>): boolean {
  let promised = 1;
  let incomplete = state.currentEpoch === 0 ? 1 : 0;
  let empty = state.currentEpoch === 0 && lastLogged === 0 ? 1 : 0;
  for (const learner of learners) {
    if (learner.observer || learner.phase !== 'promised' || learner.refused) continue;
    promised++;
    if (learner.incomplete) incomplete++;
    if (learner.incomplete && learner.lastZxid === 0) empty++;
  }
  if (promised < quorum) return false;
  return promised - incomplete >= quorum || empty === promised || promised === options.voters.length;
}
