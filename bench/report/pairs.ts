/** Two sides load by load: who won, or that nobody did. */
import { compare, comparePairs, median, type Verdict } from '../measure/statistics.ts';
import { change, time, whole, type Table } from './format.ts';
import type { LoadRecord, Round } from './record.ts';

/** One load on both sides. */
export interface Pair {
  readonly name: string;
  readonly a: readonly Round[];
  readonly b: readonly Round[];
}

/** The loads that both sides have. */
export function pairsOf(a: readonly LoadRecord[], b: readonly LoadRecord[]): Pair[] {
  return a.flatMap(({ name, rounds }) => {
    const other = b.find((load) => load.name === name);
    return other === undefined ? [] : [{ name, a: rounds, b: other.rounds }];
  });
}

/** Says who won, or that nobody did. */
export function judge({ winner, enoughRounds }: Verdict): string {
  if (winner !== null) return winner === 'a' ? 'A wins' : 'B wins';
  return enoughRounds ? 'no difference' : 'too few rounds';
}

const measures = [
  ['per second', 'perSecond', 'higher', whole],
  ['p99', 'p99', 'lower', time],
] as const;

/** @param inTurn round by round, one side next to the other */
export function pairTable(pairs: readonly Pair[], inTurn: boolean): Table {
  const rows = pairs.flatMap(({ name, a, b }) =>
    measures.map(([what, field, better, format]) => {
      const [mine, theirs] = [a.map((round) => round[field]), b.map((round) => round[field])];
      const verdict = (inTurn ? comparePairs : compare)(mine, theirs, better);
      const range = `${change(verdict.low)} to ${change(verdict.high)}`;
      const [left, right] = [format(median(mine)), format(median(theirs))];
      return [`${name}: ${what}`, left, right, change(verdict.ratio), range, judge(verdict)];
    }),
  );
  return { head: ['load', 'A', 'B', 'B against A', '95 % of it', 'verdict'], rows };
}
