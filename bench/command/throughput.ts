/** `throughput`: a matrix of sessions, requests in flight, payload and share of reads. */
import { canonicalWorkload, describeWorkload, type Workload } from '../load/workload.ts';
import { summarize, type LoadRecord } from '../report/record.ts';
import { finish, printLoads } from './finish.ts';
import type { Options } from './options.ts';
import { Run } from './run.ts';
import { openTarget } from './target.ts';

const defaults = { sessions: [1, 30, 300], window: [1, 32, 256], bytes: [100, 1024], reads: [0, 90] };
/** More in flight than this only measures queues. */
const inFlightMax = 20_000;

export async function runThroughput(options: Options): Promise<void> {
  const { lists } = options;
  const workloads: Workload[] = [];
  for (const bytes of lists.bytes ?? defaults.bytes)
    for (const reads of lists.reads ?? defaults.reads)
      for (const sessions of lists.sessions ?? defaults.sessions)
        for (const window of lists.window ?? defaults.window)
          if (sessions * window <= inFlightMax || sessions === lists.sessions?.[0])
            workloads.push({ ...options.workload, bytes, sessions, window, mix: mixOf(reads, options) });
  if (workloads.length === 0)
    throw new Error(`throughput has nothing to measure: a list is empty, or all have over ${inFlightMax} in flight.`);
  const rounds = options.rounds ?? 1;
  const measureMs = (options.seconds ?? 2) * 1000;
  const warmMs = (options.warm ?? 1) * 1000;
  const run = new Run('throughput', options, workloads.length * rounds * (measureMs + warmMs + 400) + 3000);
  const target = await openTarget(run, options);
  const loads: LoadRecord[] = workloads.map((workload) => ({
    name: describeWorkload(workload),
    target: target.label,
    workload,
    rounds: [],
  }));
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [n, load] of loads.entries()) {
        run.progress.step(`${n + 1} of ${loads.length}: ${load.name}`);
        const measured = await run.round(target, load.workload, { warmMs, measureMs });
        loads[n] = { ...load, rounds: [...load.rounds, measured.round] };
      }
    }
  } finally {
    await target.close();
  }
  const best = Math.max(...loads.map((load) => summarize(load).perSecond));
  const record = run.record(loads, { bestPerSecond: Math.round(best) });
  run.progress.end();
  printLoads(loads);
  finish(run, record);
}

function mixOf(reads: number, { workload }: Options): Workload['mix'] {
  // Another mix than the canonical one is taken as it is.
  if (workload.mix !== canonicalWorkload.mix) return workload.mix;
  if (reads >= 100) return { get: 1 };
  return reads <= 0 ? { set: 1 } : { get: reads, set: 100 - reads };
}
