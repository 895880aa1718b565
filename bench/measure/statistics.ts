/**
 * What may be said of a handful of noisy rounds: medians, their spread, and whether two sets differ.
 *
 * A winner is named only when the difference could hardly be chance (a permutation test of ranks) and is
 * larger than what nobody would notice. Rounds on a shared machine have
 * outliers, so ranks and medians, never means.
 */
import { Prng } from '../../engine/base/prng.ts';

/** Chance of a difference at least this large between equals, below which it counts as real. */
export const significance = 0.05;
/** Relative difference below which two sides count as equal, however certain it is. */
const noticeable = 0.02;
const exactRoundsMax = 10;
const samples = 20_000;
const resamples = 1000;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Half the distance from the smallest to the largest, as a share of the median: "± 6 %". */
export function spread(values: readonly number[]): number {
  const middle = median(values);
  return middle === 0 ? 0 : (Math.max(...values) - Math.min(...values)) / 2 / middle;
}

export interface Verdict {
  readonly winner: 'a' | 'b' | null;
  /** median(b) / median(a). */
  readonly ratio: number;
  /** Chance that equals would differ so much. */
  readonly chance: number;
  /** 95 % of what the ratio may be, from resampled rounds. */
  readonly low: number;
  readonly high: number;
  /** Whether any result could have been significant with so few rounds. */
  readonly enoughRounds: boolean;
  /** Of each side, without which none can be. */
  readonly roundsNeeded: number;
}

/** Compares rounds of two sides; `better` says which direction wins, `level` what counts as real. */
export function compare(
  a: readonly number[],
  b: readonly number[],
  better: 'higher' | 'lower' = 'higher',
  level = significance,
): Verdict {
  const ratio = median(b) / median(a);
  const chance = rankChance(a, b);
  const { low, high } = ratioInterval(a, b);
  const isReal = chance < level && Math.abs(ratio - 1) >= noticeable;
  const bWins = ratio > 1 === (better === 'higher');
  return {
    winner: isReal ? (bWins ? 'b' : 'a') : null,
    ratio,
    chance,
    low,
    high,
    enoughRounds: 2 / combinations(a.length + b.length, a.length) < level,
    roundsNeeded: leastOf((rounds) => 2 / combinations(2 * rounds, rounds) < level),
  };
}

/**
 * The same for rounds in turn: round i of one side ran next to round i of the other, so a machine that is
 * slower for a while slows both, and only what they are to each other counts (signed ranks of the ratios).
 */
export function comparePairs(
  a: readonly number[],
  b: readonly number[],
  better: 'higher' | 'lower' = 'higher',
  level = significance,
): Verdict {
  const logs = a.map((value, n) => Math.log(b[n]! / value)).filter(Number.isFinite);
  const isEnough = (rounds: number): boolean => 2 / 2 ** rounds < level;
  const roundsNeeded = leastOf(isEnough);
  if (logs.length === 0)
    return { winner: null, ratio: 1, chance: 1, low: 0, high: Infinity, enoughRounds: false, roundsNeeded };
  const ratio = Math.exp(median(logs));
  // Equals speak for neither side (Wilcoxon).
  const differences = logs.filter((log) => log !== 0);
  const chance = signChance(differences);
  const { low, high } = interval((random) => Math.exp(median(logs.map(() => random.pick(logs)))));
  const bWins = ratio > 1 === (better === 'higher');
  return {
    winner: chance < level && Math.abs(ratio - 1) >= noticeable ? (bWins ? 'b' : 'a') : null,
    ratio,
    chance,
    low,
    high,
    enoughRounds: isEnough(differences.length),
    roundsNeeded,
  };
}

function leastOf(isEnough: (rounds: number) => boolean): number {
  let rounds = 1;
  while (!isEnough(rounds)) rounds++;
  return rounds;
}

/** Two-sided: in how many of all choices of signs the ranks of the sizes add up to something as far from half. */
function signChance(differences: readonly number[]): number {
  const ranks = ranksOf(differences.map(Math.abs));
  const expected = sum(ranks) / 2;
  const positive = sum(ranks.filter((_, n) => differences[n]! > 0));
  const observed = Math.abs(positive - expected) - 1e-9;
  let ways = new Map([[0, 1]]);
  for (const rank of ranks) {
    const next = new Map(ways);
    for (const [total, share] of ways) next.set(total + rank, (next.get(total + rank) ?? 0) + share);
    ways = next;
  }
  let far = 0;
  for (const [total, count] of ways) if (Math.abs(total - expected) >= observed) far += count;
  return far / 2 ** ranks.length;
}

/** Two-sided permutation test of the rank sum: exact for a few rounds, sampled beyond. */
function rankChance(a: readonly number[], b: readonly number[]): number {
  const ranks = ranksOf([...a, ...b]);
  const expected = (a.length * (ranks.length + 1)) / 2;
  const observed = Math.abs(sum(ranks.slice(0, a.length)) - expected) - 1e-9;
  const far = (rankSum: number): boolean => Math.abs(rankSum - expected) >= observed;
  if (a.length <= exactRoundsMax && b.length <= exactRoundsMax) {
    const { hits, all } = countSubsets(ranks, a.length, far);
    return hits / all;
  }
  const random = new Prng(1);
  let hits = 0;
  for (let i = 0; i < samples; i++) {
    shuffle(ranks, random);
    if (far(sum(ranks.slice(0, a.length)))) hits++;
  }
  return hits / samples;
}

/** How many ways to choose `size` of the ranks there are, and of how many the sum passes `far`. */
function countSubsets(
  ranks: readonly number[],
  size: number,
  far: (rankSum: number) => boolean,
): { hits: number; all: number } {
  // Ranks are multiples of a half: the number of subsets by size and doubled sum, built up rank by rank.
  const ways: Map<number, number>[] = Array.from({ length: size + 1 }, () => new Map<number, number>());
  ways[0]!.set(0, 1);
  for (const rank of ranks) {
    for (let taken = size; taken > 0; taken--) {
      for (const [total, count] of ways[taken - 1]!) {
        const next = total + rank * 2;
        ways[taken]!.set(next, (ways[taken]!.get(next) ?? 0) + count);
      }
    }
  }
  let hits = 0;
  let all = 0;
  for (const [total, count] of ways[size]!) {
    all += count;
    if (far(total / 2)) hits += count;
  }
  return { hits, all };
}

/** 1 for the smallest; equals share the mean of their ranks. */
function ranksOf(values: readonly number[]): number[] {
  const sorted = [...values].sort((x, y) => x - y);
  return values.map((value) => (sorted.indexOf(value) + sorted.lastIndexOf(value)) / 2 + 1);
}

function ratioInterval(a: readonly number[], b: readonly number[]): { low: number; high: number } {
  const resample = (values: readonly number[], random: Prng): number[] => values.map(() => random.pick(values));
  return interval((random) => median(resample(b, random)) / median(resample(a, random)));
}

/** 95 % of what `draw` gives. */
function interval(draw: (random: Prng) => number): { low: number; high: number } {
  const random = new Prng(2);
  const drawn = Array.from({ length: resamples }, () => draw(random)).sort((x, y) => x - y);
  return { low: drawn[Math.floor(resamples * 0.025)]!, high: drawn[Math.floor(resamples * 0.975)]! };
}

function combinations(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i++) result = (result * (n - k + i)) / i;
  return result;
}

function shuffle(values: number[], random: Prng): void {
  for (let i = values.length - 1; i > 0; i--) {
    const other = random.below(i + 1);
    [values[i], values[other]] = [values[other]!, values[i]!];
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
