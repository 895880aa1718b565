/** `tune`: finds out whether other settings would be better here, for a workload and a bound on p99. */
import { Prng } from '../../engine/base/prng.ts';
import { describeWorkload } from '../load/workload.ts';
import { plusMinus, time, whole } from '../report/format.ts';
import { spread } from '../measure/statistics.ts';
import { boundOf, gainOf, type TuneDetails } from '../report/tune-page.ts';
import type { Timing } from '../load/generators.ts';
import type { Target } from '../target/target.ts';
import { startZabra } from '../target/zabra.ts';
import {
  nameOf,
  paretoFront,
  search,
  type Candidate,
  type Found,
  type Outcome,
  type SearchStage,
  type Space,
} from '../tune/search.ts';
import { finish, print } from './finish.ts';
import type { Options } from './options.ts';
import { Run } from './run.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

/**
 * Keys of zoo.cfg and values to try besides the default. There is no linger, no grouping of fsyncs and
 * no coalescing of forwarded requests to set: all of them follow the load by themselves.
 */
export const space: Space = {
  'zabra.batchBytesMax': [64 * KiB, 128 * KiB, 512 * KiB, 2 * MiB],
  'zabra.batchTxnsMax': [256, 1024, 16_384],
  'zabra.batchesInFlightMax': [1, 2, 4, 64],
  'zabra.bytesInFlightMax': [1 * MiB, 8 * MiB, 128 * MiB],
};

const budgetSeconds = 300;
/** The defaults and one candidate, once to try and once in turn. */
const budgetMin = 4;
/** Beyond the measured time: start of the ensemble, connecting, its end; ms. */
const setupMs = 1500;

export async function runTune(options: Options): Promise<void> {
  const measureMs = (options.seconds ?? 3) * 1000;
  const warmMs = (options.warm ?? 1) * 1000;
  const seconds = options.budget ?? budgetSeconds;
  const budget = Math.max(budgetMin, Math.floor((seconds * 1000) / (measureMs + warmMs + setupMs)));
  const { workload, bound } = options;
  const run = new Run('tune', options, seconds * 1000);
  let count = 0;
  const bench = new TuneBench(run, { warmMs, measureMs, rate: workload.rate });
  const began = performance.now();
  const spent = (): number => (performance.now() - began) / (seconds * 1000);
  const goal = { budget, spent, p99MaxUs: bound === null ? Infinity : bound * 1000 };
  let found: Found;
  try {
    found = await search(
      space,
      goal,
      (candidate, stage) => bench.measure(candidate, stage),
      new Prng(Date.now()),
      (stage, candidate) => run.progress.step(`${++count}, ${stage}: ${nameOf(candidate)}`),
    );
  } finally {
    await bench.close();
  }
  const points = paretoFront(found.tried);
  const details: TuneDetails = { workload: describeWorkload(workload), boundMs: bound, points, found };
  const record = run.record([], { defaultsReach: Math.round(found.defaultsReach * 1000) / 1000 }, { ...details });
  run.progress.end();
  printFound(details);
  finish(run, record);
}

/** Ensembles with the settings of candidates. */
class TuneBench {
  readonly #run: Run;
  readonly #timing: Timing;
  /** Those that are being confirmed stay, so that their rounds are close to each other. */
  readonly #kept = new Map<string, Target>();

  constructor(run: Run, timing: Timing) {
    this.#run = run;
    this.#timing = timing;
  }

  async measure(candidate: Candidate, stage: SearchStage): Promise<Outcome> {
    if (stage !== 'confirm') {
      const target = await this.#start(candidate);
      try {
        return await this.#round(target);
      } finally {
        await target.close();
      }
    }
    let target = this.#kept.get(nameOf(candidate));
    if (target === undefined) {
      target = await this.#start(candidate);
      this.#kept.set(nameOf(candidate), target);
      // Its code must have been compiled, as the other's.
      await this.#round(target);
    }
    return this.#round(target);
  }

  #start(candidate: Candidate): Promise<Target> {
    const { size, dataFolder, settings } = this.#run.options;
    return startZabra({ size, dataFolder, settings: [...settings, ...linesOf(candidate)] });
  }

  async #round(target: Target): Promise<Outcome> {
    const { round } = await this.#run.round(target, this.#run.options.workload, this.#timing);
    return { perSecond: round.perSecond, p99Us: round.p99 };
  }

  async close(): Promise<void> {
    for (const target of this.#kept.values()) await target.close();
  }
}

export function linesOf(candidate: Candidate): string[] {
  return Object.entries(candidate).map(([key, value]) => `${key}=${value}`);
}

function printFound(details: TuneDetails): void {
  const { found, points } = details;
  print(`\nPareto front, of ${points.length} settings tried:`);
  for (const { candidate, perSecond, p99Us } of points
    .filter(({ onFront }) => onFront)
    .sort((a, b) => a.p99Us - b.p99Us))
    print(`  ${whole(perSecond).padStart(9)}/s  p99 ${time(p99Us).padStart(8)}  ${nameOf(candidate)}`);
  const { within, problem } = boundOf(details);
  const lines = linesOf(found.best.candidate);
  if (lines.length === 0) {
    print(`\nRecommended${within}: the defaults. Nothing tried was better beyond the noise.`);
  } else {
    print(`\nRecommended for zoo.cfg${within}:`);
    for (const line of lines) print(`  ${line}`);
  }
  if (problem !== '') print(problem);
  const gain = gainOf(found);
  if (gain === '') return;
  const noise = plusMinus(spread(found.defaults.outcomes.map(({ perSecond }) => perSecond)));
  print(`${gain} The defaults alone vary by ${noise} and reach ${Math.round(found.defaultsReach * 100)} % of it.`);
}
