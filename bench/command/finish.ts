/** The end of every command: warnings, record, report, history. */
import { relative } from 'node:path';
import { median } from '../measure/statistics.ts';
import { change, plusMinus, textTable, time, whole } from '../report/format.ts';
import {
  appendHistory,
  comparable,
  readHistory,
  saveRecord,
  summarize,
  type LoadRecord,
  type RunRecord,
} from '../report/record.ts';
import { saveReport } from '../report/save.ts';
import type { Run } from './run.ts';

/** Runs of the past that a new one is compared with. */
const pastRuns = 7;

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** The usual table of loads. */
export function printLoads(loads: readonly LoadRecord[]): void {
  const rows = loads.map((load) => {
    const { perSecond, spread, p50, p99, p999, max } = summarize(load);
    return [load.name, whole(perSecond), plusMinus(spread), time(p50), time(p99), time(p999), time(max)];
  });
  print(textTable({ head: ['load', 'per second', 'spread', 'p50', 'p99', 'p99.9', 'max'], rows }));
}

/** Saves everything and says where it is. */
export function finish(run: Run, record: RunRecord): void {
  run.progress.end();
  print(run.describe());
  for (const warning of record.warnings) print(`! ${warning}`);
  const path = saveRecord(record, run.options.outFolder);
  const here = relative(process.cwd(), path);
  const files = saveReport(record, path, run.options);
  print(`record ${here}.json, report ${here}.html${files}`);
  if (run.options.isStandard && Object.keys(record.headline).length > 0) compareWithHistory(run, record);
}

/** Says how a run compares with earlier ones on such a machine, and keeps its line. */
function compareWithHistory(run: Run, record: RunRecord): void {
  const past = comparable(record, readHistory()).slice(-pastRuns);
  if (past.length > 0) {
    for (const [name, value] of Object.entries(record.headline)) {
      const values = past.map(({ headline }) => headline[name] ?? 0).filter((one) => one > 0);
      if (values.length === 0) continue;
      const usual = median(values);
      const noise = (Math.max(...values) - Math.min(...values)) / 2 / usual;
      const against = `the median of the last ${values.length} runs on such a machine (${plusMinus(noise)})`;
      print(`${name}: ${change(value / usual)} against ${against}`);
    }
  }
  if (run.options.keepsHistory) appendHistory(record);
}
