/**
 * Looks for settings that are better than the defaults, within a budget of measurements.
 *
 *   explore   the defaults, and each setting alone at each of its values
 *   combine   the best values together, then small changes of the best candidates
 *   confirm   the best candidate and the defaults, in turn, until the budget is used up
 *
 * A single measurement proves nothing on a shared machine, so the winner of the search is only a
 * candidate: it is recommended if it beats the defaults in rounds of its own.
 */
import type { Prng } from '../../engine/base/prng.ts';
import { comparePairs, median, type Verdict } from '../measure/statistics.ts';

export type Space = Readonly<Record<string, readonly number[]>>;
/** Values that differ from the defaults; none: the defaults. */
export type Candidate = Readonly<Record<string, number>>;

export interface Outcome {
  readonly perSecond: number;
  readonly p99Us: number;
}

export interface Tried {
  readonly candidate: Candidate;
  readonly outcomes: readonly Outcome[];
}

export interface Found {
  readonly tried: readonly Tried[];
  readonly defaults: Tried;
  readonly best: Tried;
  /** Throughput of the best candidate (b) against the defaults (a), by rounds that were measured in turn. */
  readonly verdict: Verdict | null;
  /** Medians of these rounds. */
  readonly confirmed: { readonly defaults: Outcome; readonly candidate: Outcome } | null;
  /** Throughput of the defaults as a share of the best. */
  readonly defaultsReach: number;
}

export interface Goal {
  /** Measurements in all. */
  readonly budget: number;
  /** Share of the time that is used up: measurements take longer than was thought, or confirming less. */
  readonly spent?: () => number;
  /** µs that p99 may be; Infinity: whatever it takes. */
  readonly p99MaxUs: number;
}

/** Share of the budget that goes to the last stage. */
const confirmShare = 0.35;
const confirmRoundsMin = 1;
const confirmRoundsMax = 50;

export type SearchStage = 'explore' | 'combine' | 'confirm';
/** The candidates that are confirmed are measured again and again, so what they need may be kept. */
type Measure = (candidate: Candidate, stage: SearchStage) => Promise<Outcome>;

export async function search(
  space: Space,
  goal: Goal,
  measure: Measure,
  random: Prng,
  onStep: (stage: SearchStage, candidate: Candidate) => void = () => {},
): Promise<Found> {
  const book = new Map<string, { candidate: Candidate; outcomes: Outcome[] }>();
  let left = goal.budget;
  const tryOut = async (stage: SearchStage, candidate: Candidate): Promise<Outcome> => {
    onStep(stage, candidate);
    left--;
    const outcome = await measure(candidate, stage);
    const name = nameOf(candidate);
    const entry = book.get(name) ?? { candidate, outcomes: [] };
    entry.outcomes.push(outcome);
    book.set(name, entry);
    return outcome;
  };
  const confirmRounds = Math.max(confirmRoundsMin, Math.floor((goal.budget * confirmShare) / 2));
  const reserve = 2 * confirmRounds;
  const { spent = () => 0 } = goal;
  const mayExplore = (): boolean => left > reserve && spent() < 1 - confirmShare;
  const ranked = (): Tried[] => [...book.values()].sort((a, b) => score(b.outcomes, goal) - score(a.outcomes, goal));

  await tryOut('explore', {});
  for (const candidate of singles(space)) if (mayExplore() || book.size === 1) await tryOut('explore', candidate);
  if (mayExplore()) await tryOut('combine', combined(space, [...book.values()], goal));
  while (mayExplore()) await tryOut('combine', mutate(ranked()[random.below(3)]?.candidate ?? {}, space, random));

  const rivals = ranked().filter(({ candidate }) => nameOf(candidate) !== nameOf({}));
  const best = rivals[0]?.candidate ?? {};
  const mine: Outcome[] = [];
  const theirs: Outcome[] = [];
  const mayConfirm = (): boolean => {
    if (goal.spent === undefined) return left >= 2;
    return mine.length < confirmRoundsMin || (mine.length < confirmRoundsMax && goal.spent() < 1);
  };
  for (let round = 0; mayConfirm() && rivals.length > 0; round++) {
    // Who goes first alternates, so that a machine that slows down favours nobody.
    for (const who of round % 2 === 0 ? ['defaults', 'best'] : ['best', 'defaults']) {
      if (who === 'defaults') theirs.push(await tryOut('confirm', {}));
      else mine.push(await tryOut('confirm', best));
    }
  }
  return conclude([...book.values()], best, theirs, mine, goal);
}

function conclude(
  tried: readonly Tried[],
  best: Candidate,
  theirs: readonly Outcome[],
  mine: readonly Outcome[],
  goal: Goal,
): Found {
  const find = (candidate: Candidate): Tried => tried.find((one) => nameOf(one.candidate) === nameOf(candidate))!;
  const nothing = mine.length === 0;
  // The score only chooses: what is told are operations per second.
  const better = !nothing && comparePairs(theirs.map(scoreOf(goal)), mine.map(scoreOf(goal))).winner === 'b';
  const verdict = nothing ? null : comparePairs(theirs.map(perSecondOf), mine.map(perSecondOf));
  return {
    tried,
    defaults: find({}),
    best: better ? find(best) : find({}),
    verdict,
    confirmed: nothing ? null : { defaults: middleOf(theirs), candidate: middleOf(mine) },
    defaultsReach: verdict === null ? 1 : Math.min(1, 1 / verdict.ratio),
  };
}

function perSecondOf({ perSecond }: Outcome): number {
  return perSecond;
}

/** Medians. */
export function middleOf(outcomes: readonly Outcome[]): Outcome {
  return { perSecond: median(outcomes.map(perSecondOf)), p99Us: median(outcomes.map(({ p99Us }) => p99Us)) };
}

/** Throughput, and next to nothing beyond the bound of p99. */
function scoreOf({ p99MaxUs }: Goal): (outcome: Outcome) => number {
  return ({ perSecond, p99Us }) => (p99Us <= p99MaxUs ? perSecond : (perSecond * p99MaxUs) / p99Us / 10);
}

function score(outcomes: readonly Outcome[], goal: Goal): number {
  return median(outcomes.map(scoreOf(goal)));
}

function singles(space: Space): Candidate[] {
  return Object.entries(space).flatMap(([key, values]) => values.map((value) => ({ [key]: value })));
}

/** Of each setting the value that did best alone, where it did better than the defaults. */
function combined(space: Space, tried: readonly Tried[], goal: Goal): Candidate {
  const scoreFor = (candidate: Candidate): number => {
    const found = tried.find((one) => nameOf(one.candidate) === nameOf(candidate));
    return found === undefined ? 0 : score(found.outcomes, goal);
  };
  const result: Record<string, number> = {};
  for (const [key, values] of Object.entries(space)) {
    let best = scoreFor({});
    for (const value of values) {
      if (scoreFor({ [key]: value }) <= best) continue;
      best = scoreFor({ [key]: value });
      result[key] = value;
    }
  }
  return result;
}

/** Another value of one or two settings; the default is one of the choices. */
function mutate(candidate: Candidate, space: Space, random: Prng): Candidate {
  const result: Record<string, number> = { ...candidate };
  for (let changes = 1 + random.below(2); changes > 0; changes--) {
    const key = random.pick(Object.keys(space));
    const values = space[key]!;
    const choice = random.below(values.length + 1);
    if (choice === values.length) delete result[key];
    else result[key] = values[choice]!;
  }
  return result;
}

export function nameOf(candidate: Candidate): string {
  const keys = Object.keys(candidate).sort();
  return keys.length === 0 ? 'defaults' : keys.map((key) => `${key}=${candidate[key]}`).join(' ');
}

export interface Point {
  readonly candidate: Candidate;
  readonly perSecond: number;
  readonly p99Us: number;
  readonly onFront: boolean;
}

/** Medians of everything that was tried; on the front is what nothing beats in both. */
export function paretoFront(tried: readonly Tried[]): Point[] {
  const points = tried
    .map(({ candidate, outcomes }) => ({ candidate, ...middleOf(outcomes) }))
    // Where nothing was done in time, nothing was fast either.
    .filter(({ perSecond }) => perSecond > 0);
  return points.map(({ candidate, perSecond, p99Us }) => ({
    candidate,
    perSecond,
    p99Us,
    onFront: !points.some(
      (other) =>
        other.perSecond >= perSecond && other.p99Us <= p99Us && (other.perSecond > perSecond || other.p99Us < p99Us),
    ),
  }));
}
