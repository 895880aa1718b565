/**
 * `npm run bench`: the canonical workload on a fresh ensemble of three processes, in under two minutes.
 *
 *   committed writes/s   30 sessions with 256 writes of 100 bytes in flight each
 *   p99                  of the same writes at half that rate, open loop
 */
import { canonicalWorkload, describeWorkload, standardLoads } from '../load/workload.ts';
import { median } from '../measure/statistics.ts';
import { time, whole } from '../report/format.ts';
import { summarize, type LoadRecord, type Round } from '../report/record.ts';
import type { Observed } from '../target/observer.ts';
import { finish, print, printLoads } from './finish.ts';
import type { Options } from './options.ts';
import { Run } from './run.ts';
import { openTarget } from './target.ts';

const half = 0.5;

export async function runCanonical(options: Options): Promise<void> {
  const rounds = options.rounds ?? 3;
  const measureMs = (options.seconds ?? 2.5) * 1000;
  const warmMs = (options.warm ?? 1) * 1000;
  const run = new Run('canonical', options, (standardLoads.length + 1) * rounds * (measureMs + warmMs + 400) + 3000);
  const target = await openTarget(run, options);
  const found = standardLoads.map((): Round[] => []);
  const atHalf: Round[] = [];
  let observed: Observed | null = null;
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [n, workload] of standardLoads.entries()) {
        run.progress.step(`round ${round + 1} of ${rounds}: ${describeWorkload(workload)}`);
        const measured = await run.round(target, workload, { warmMs, measureMs });
        found[n]!.push(measured.round);
        if (n === 0) observed ??= measured.observed;
      }
      const rate = Math.max(1, half * median(found[0]!.map(({ perSecond }) => perSecond)));
      run.progress.step(`round ${round + 1} of ${rounds}: half the peak, open loop`);
      atHalf.push((await run.round(target, canonicalWorkload, { warmMs, measureMs, rate })).round);
    }
  } finally {
    await target.close();
  }
  const records: LoadRecord[] = standardLoads.map((workload, n) => ({
    name: describeWorkload(workload),
    target: target.label,
    workload,
    rounds: found[n]!,
  }));
  const peak = summarize(records[0]!);
  const open: LoadRecord = {
    name: 'the first at half its rate, open loop',
    target: target.label,
    workload: { ...canonicalWorkload, rate: peak.perSecond * half },
    rounds: atHalf,
  };
  records.splice(1, 0, open);
  const { p99 } = summarize(open);
  const record = run.record(records, { writesPerSecond: Math.round(peak.perSecond), p99Us: p99 }, { observed });
  run.progress.end();
  print(`\n  ${whole(peak.perSecond)} committed writes/s      p99 ${time(p99)} at half that rate\n`);
  printLoads(records);
  finish(run, record);
}
