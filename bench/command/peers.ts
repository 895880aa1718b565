/** `peers`: the same loads, generator and disk for Zabra, Apache ZooKeeper and etcd, and who is how far ahead. */
import { play } from '../failover/play.ts';
import { scenarios } from '../failover/scenarios.ts';
import { canonicalWorkload, standardLoads, type Workload } from '../load/workload.ts';
import { median } from '../measure/statistics.ts';
import { textTable, whole } from '../report/format.ts';
import { p99Table, ratioTable, type PeersDetails } from '../report/peers-page.ts';
import type { LoadRecord } from '../report/record.ts';
import { etcd, zookeeper, type Peer } from '../target/peers.ts';
import type { Target } from '../target/target.ts';
import { startZabra } from '../target/zabra.ts';
import { finish, print } from './finish.ts';
import type { Options } from './options.ts';
import { Run } from './run.ts';
import { playVersus, recordsOf } from './versus.ts';

const loads: readonly Workload[] = [
  ...standardLoads,
  { ...canonicalWorkload, window: 100, bytes: 1024, mix: { get: 1 } },
];
const failoverRounds = 3;

export async function runPeers(options: Options): Promise<void> {
  const rounds = options.rounds ?? 3;
  const measureMs = (options.seconds ?? 4) * 1000;
  const warmMs = (options.warm ?? 2) * 1000;
  const workloads = options.hasOwnWorkload ? [options.workload] : loads;
  const present = choosePeers(options.peers).filter((peer) => {
    const problem = peer.missing();
    if (problem !== null) print(`${peer.label} is left out: ${problem}`);
    return problem === null;
  });
  const expected = workloads.length * rounds * (1 + present.length) * (measureMs + warmMs + 500) + 40_000;
  const run = new Run('peers', options, expected);
  const { records, labels } = await measureLoads(run, options, present, workloads, { rounds, warmMs, measureMs });
  const gaps = new Map<string, number[]>();
  // A load of one's own is all that is asked for then. etcd's writes carry no version to verify them by.
  const killed = options.hasOwnWorkload ? [] : ['zabra', ...(present.includes(zookeeper) ? [zookeeper.label] : [])];
  for (let round = 0; round < failoverRounds; round++) {
    // As with loads, who comes first alternates.
    for (const label of round % 2 === 0 ? killed : killed.toReversed()) {
      run.progress.step(`leader killed, ${label}, ${round + 1} of ${failoverRounds}`);
      gaps.set(label, [...(gaps.get(label) ?? []), await measureGap(run, options, label)]);
    }
  }
  const details: PeersDetails = { labels, gaps: Object.fromEntries(gaps) };
  const record = run.record(records, {}, { ...details });
  run.progress.end();
  print(`\n${textTable(ratioTable(records, labels))}`);
  print(`p99\n${textTable(p99Table(records, labels))}`);
  for (const [label, all] of gaps)
    print(`leader killed, longest time without an acknowledged write: ${label} ${median(all)} ms (${all.join(', ')})`);
  finish(run, record);
}

const peers: readonly Peer[] = [zookeeper, etcd];

/** @throws Error with one sentence for a name that is none of theirs */
export function choosePeers(names: readonly string[] | null): readonly Peer[] {
  const labels = peers.map(({ label }) => label);
  const unknown = names?.find((name) => !labels.includes(name));
  if (unknown !== undefined) throw new Error(`--peer knows ${labels.join(', ')}, not "${unknown}".`);
  return peers.filter(({ label }) => names === null || names.includes(label));
}

async function measureLoads(
  run: Run,
  { size, dataFolder, settings }: Options,
  present: readonly Peer[],
  workloads: readonly Workload[],
  timing: Parameters<typeof playVersus>[3],
): Promise<{ records: LoadRecord[]; labels: string[] }> {
  const targets: Target[] = [];
  try {
    run.progress.step('starting the servers');
    targets.push(await startZabra({ size, dataFolder, settings }));
    for (const peer of present) targets.push(await peer.start({ size, dataFolder }));
    const bouts = await playVersus(run, targets, workloads, timing);
    return { records: recordsOf(bouts, targets), labels: targets.map(({ label }) => label) };
  } finally {
    for (const target of targets) await target.close();
  }
}

/** ms without an acknowledged write. */
async function measureGap(run: Run, options: Options, label: string): Promise<number> {
  const { size, dataFolder, settings, generators } = options;
  const own = label === 'zabra';
  const scenario = scenarios.find(({ name }) => name === 'leader-killed')!;
  const { gap, outcome } = await play(scenario, {
    start: () => (own ? startZabra({ size, dataFolder, settings }) : zookeeper.start({ size, dataFolder })),
    sessions: 30,
    window: 8,
    bytes: 100,
    processes: generators,
    onProgress: (operations) => run.progress.detail(`${whole(operations)} writes`),
  });
  if (outcome.violationCount > 0) run.warn(`${label}, leader killed: ${outcome.violations.join('; ')}`);
  return gap.ms;
}
