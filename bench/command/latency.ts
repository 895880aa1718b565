/**
 * `latency`: open loop at shares of the measured peak.
 *
 * The peak comes from a closed loop with everything in flight; each rate is then held whatever the
 * servers do, and a request counts from when it was due.
 */
import { describeWorkload, type Workload } from '../load/workload.ts';
import { median } from '../measure/statistics.ts';
import { plusMinus, textTable, time, whole } from '../report/format.ts';
import { summarize, type LoadRecord, type Round } from '../report/record.ts';
import { finish, print } from './finish.ts';
import type { Options } from './options.ts';
import { Run } from './run.ts';
import { openTarget } from './target.ts';

const shares = [0.25, 0.5, 0.75, 0.9];
/** Requests of each session that may wait before the generator itself holds them back. */
const waitingMax = 4096;

export async function runLatency(options: Options): Promise<void> {
  const rounds = options.rounds ?? 2;
  const measureMs = (options.seconds ?? 5) * 1000;
  const warmMs = (options.warm ?? 1) * 1000;
  const { workload } = options;
  const run = new Run('latency', options, (shares.length + 1) * rounds * (measureMs + warmMs + 500) + 3000);
  const target = await openTarget(run, options);
  const peaks: Round[] = [];
  const open = shares.map((): Round[] => []);
  const rates = shares.map((): number[] => []);
  const closed: Workload = { ...workload, rate: 0 };
  const patient: Workload = { ...closed, window: Math.max(workload.window, waitingMax) };
  try {
    for (let round = 0; round < rounds; round++) {
      run.progress.step(`round ${round + 1} of ${rounds}: the peak, ${describeWorkload(closed)}`);
      peaks.push((await run.round(target, closed, { warmMs, measureMs })).round);
      const peak = workload.rate > 0 ? workload.rate : median(peaks.map(({ perSecond }) => perSecond));
      for (const [n, share] of shares.entries()) {
        const rate = Math.max(1, peak * share);
        run.progress.step(`round ${round + 1} of ${rounds}: ${Math.round(share * 100)} % of the peak`);
        rates[n]!.push(rate);
        open[n]!.push((await run.round(target, patient, { warmMs, measureMs, rate })).round);
      }
    }
  } finally {
    await target.close();
  }
  const loads: LoadRecord[] = [
    { name: `peak: ${describeWorkload(closed)}`, target: target.label, workload: closed, rounds: peaks },
    ...shares.map((share, n) => ({
      // Without the rate, which no other run has, so that runs can be compared.
      name: `${Math.round(share * 100)} % of the peak`,
      target: target.label,
      workload: { ...patient, rate: median(rates[n]!) },
      rounds: open[n]!,
    })),
  ];
  const peakPerSecond = Math.round(summarize(loads[0]!).perSecond);
  const record = run.record(loads, { peakPerSecond, p99Us: summarize(loads[2]!).p99 });
  run.progress.end();
  print(`\npeak ${whole(peakPerSecond)}/s (${plusMinus(summarize(loads[0]!).spread)}), ${describeWorkload(closed)}\n`);
  printRates(loads.slice(1));
  finish(run, record);
}

function printRates(loads: readonly LoadRecord[]): void {
  const rows = loads.map((load) => {
    const { perSecond, p50, p90, p99, p999, max } = summarize(load);
    return [load.name, whole(load.workload.rate), whole(perSecond), ...[p50, p90, p99, p999, max].map(time)];
  });
  print(textTable({ head: ['load', 'due/s', 'served/s', 'p50', 'p90', 'p99', 'p99.9', 'max'], rows }));
}
