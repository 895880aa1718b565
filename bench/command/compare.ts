/**
 * `compare A B`: two records, or two revisions that run now, round by round in turn.
 *
 * A winner is named where the difference is larger than chance and than what anybody would notice; else
 * none is, whatever the medians say.
 */
import { canonicalWorkload, type Workload } from '../load/workload.ts';
import { machineKey, type Revision } from '../measure/machine.ts';
import { textTable } from '../report/format.ts';
import { pairsOf, pairTable, type Pair } from '../report/pairs.ts';
import { sidesOf, type CompareDetails } from '../report/peers-page.ts';
import { readRecord, type LoadRecord } from '../report/record.ts';
import { checkout } from '../target/checkout.ts';
import type { Target } from '../target/target.ts';
import { startZabra } from '../target/zabra.ts';
import { finish, print } from './finish.ts';
import type { Options } from './options.ts';
import { Run } from './run.ts';
import { playVersus, recordsOf } from './versus.ts';

const loads: readonly Workload[] = [
  canonicalWorkload,
  { ...canonicalWorkload, window: 1 },
  { ...canonicalWorkload, window: 100, bytes: 1024, mix: { get: 90, set: 10 } },
];

/** As many as let each row of the table have a winner, even if one of them is a little the other way. */
const roundsDefault = 8;

export async function runCompare(options: Options): Promise<void> {
  const [a, b, ...rest] = options.positionals;
  if (a === undefined || b === undefined || rest.length > 0)
    throw new Error('compare wants two records (.json), two git revisions or two built checkouts.');
  if (a.endsWith('.json') && b.endsWith('.json')) {
    compareRecords(a, b);
    return;
  }
  const rounds = options.rounds ?? roundsDefault;
  const measureMs = (options.seconds ?? 2) * 1000;
  const warmMs = (options.warm ?? 1) * 1000;
  const workloads = options.hasOwnWorkload ? [options.workload] : loads;
  const run = new Run('compare', options, workloads.length * rounds * 2 * (measureMs + warmMs + 500) + 40_000);
  const targets: Target[] = [];
  const revisions: Revision[] = [];
  let records: LoadRecord[];
  try {
    for (const [n, name] of [a, b].entries()) {
      run.progress.step(`building ${name}`);
      const { folder: project, revision } = checkout(name, options.dataFolder);
      revisions.push(revision);
      const { size, dataFolder, settings } = options;
      const label = a === b ? `${name} (${n + 1})` : name;
      targets.push(await startZabra({ size, dataFolder, settings, project, label }));
    }
    records = recordsOf(await playVersus(run, targets, workloads, { rounds, warmMs, measureMs }), targets);
  } finally {
    for (const target of targets) await target.close();
  }
  const [left, right] = [targets[0]!.label, targets[1]!.label];
  const of = (label: string): LoadRecord[] => records.filter(({ target }) => target === label);
  const details: CompareDetails = { sides: [left, right], revisions };
  const record = run.record(records, {}, { ...details });
  run.progress.end();
  printPairs(pairsOf(of(left), of(right)), sidesOf(details), true);
  finish(run, record);
}

function compareRecords(a: string, b: string): void {
  const [left, right] = [readRecord(a), readRecord(b)];
  if (machineKey(left.machine) !== machineKey(right.machine))
    print(`! measured on different machines: ${machineKey(left.machine)} and ${machineKey(right.machine)}`);
  const pairs = pairsOf(left.loads, right.loads);
  if (pairs.length === 0) throw new Error(`${a} and ${b} have no load in common.`);
  printPairs(pairs, [a, b], false);
  print('Records were not measured in turn: what the machine did in between is in the difference.');
}

function printPairs(pairs: readonly Pair[], [a, b]: readonly string[], inTurn: boolean): void {
  print(`\nA: ${a}\nB: ${b}\n`);
  print(textTable(pairTable(pairs, inTurn)));
}
