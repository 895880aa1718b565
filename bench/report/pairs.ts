/** Two sides load by load: who won, or that nobody did. */
import { compare, comparePairs, median, significance, type Verdict } from '../measure/statistics.ts';
import { change, time, whole, type Table } from './format.ts';
import type { LoadRecord, Round } from './record.ts';

/** One load on both sides. */
export interface Pair {
  readonly name: string;
  /** At a fixed rate: its latency says something that its throughput does not. */
  readonly isOpen: boolean;
  readonly a: readonly Round[];
  readonly b: readonly Round[];
}

/** The loads that both sides have; where a side has several targets, those of the same one. */
export function pairsOf(a: readonly LoadRecord[], b: readonly LoadRecord[]): Pair[] {
  const several = [a, b].some((side) => new Set(side.map(({ target }) => target)).size > 1);
  return a.flatMap(({ name: load, target, workload, rounds }) => {
    const other = b.find((one) => one.name === load && (!several || one.target === target));
    const name = several ? `${load}, ${target}` : load;
    return other === undefined ? [] : [{ name, isOpen: workload.rate > 0, a: rounds, b: other.rounds }];
  });
}

/** Says who won, or that nobody did. */
export function judge({ winner, enoughRounds, roundsNeeded }: Verdict): string {
  if (winner !== null) return winner === 'a' ? 'A wins' : 'B wins';
  return enoughRounds ? 'no difference' : `too few rounds: ${roundsNeeded} needed`;
}

const measures = [
  ['per second', 'perSecond', 'higher', whole],
  ['p99', 'p99', 'lower', time],
] as const;

/**
 * p99 of a closed loop is its throughput again and names no winner. With more rows one of them differs by chance
 * more often, so each must be surer.
 *
 * @param inTurn round by round, one side next to the other
 */
export function pairTable(pairs: readonly Pair[], inTurn: boolean): Table {
  const judged = pairs.reduce((sum, { isOpen }) => sum + (isOpen ? measures.length : 1), 0);
  const rows = pairs.flatMap(({ name, isOpen, a, b }) =>
    measures.map(([what, field, better, format]) => {
      const [mine, theirs] = [a.map((round) => round[field]), b.map((round) => round[field])];
      const verdict = (inTurn ? comparePairs : compare)(mine, theirs, better, significance / judged);
      const range = `${change(verdict.low)} to ${change(verdict.high)}`;
      const [left, right] = [format(median(mine)), format(median(theirs))];
      return [
        `${name}: ${what}`,
        left,
        right,
        change(verdict.ratio),
        range,
        isOpen || field !== 'p99' ? judge(verdict) : '-',
      ];
    }),
  );
  return { head: ['load', 'A', 'B', 'B against A', '95 % of it', 'verdict'], rows };
}
