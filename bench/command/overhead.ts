/**
 * `overhead`: what it costs that servers always measure themselves: the same servers with and without, in turn.
 *
 * Both are there at once and rounds are short and many, so that a machine that changes favours nobody.
 * Besides throughput, the processor time of the servers for each operation is compared: it is less noisy. Where
 * that is not enough it is also calculated, from what the pieces cost alone and how often they run.
 */
import { fileURLToPath } from 'node:url';
import { Generators, type Timing } from '../load/generators.ts';
import { sharedNow } from '../load/protocol.ts';
import { describeWorkload } from '../load/workload.ts';
import { batchMetric, requestMetric } from '../micro/cases.ts';
import type { MicroResult } from '../micro/main.ts';
import { measureMicro } from '../micro/measure.ts';
import { comparePairs, median } from '../measure/statistics.ts';
import { change, textTable, whole, type Table } from '../report/format.ts';
import type { LoadRecord, Round } from '../report/record.ts';
import type { Target } from '../target/target.ts';
import { startZabra } from '../target/zabra.ts';
import { finish, print } from './finish.ts';
import type { Options } from './options.ts';
import { Run } from './run.ts';

const mute = fileURLToPath(new URL('../overhead/mute.js', import.meta.url));
const labels = ['measuring nothing', 'as it is'] as const;
/** Servers are started anew after so many: some processes are faster than others for as long as they run. */
const roundsOfStart = 20;

/** A round, and µs of the servers' processor time for each operation in it. */
interface Costed {
  readonly round: Round;
  readonly cpuUs: number;
  /** Writes in a batch; null: the servers do not tell. */
  readonly batchTxns: number | null;
}

interface Side {
  readonly target: Target;
  readonly generators: Generators;
}

export async function runOverhead(options: Options): Promise<void> {
  const rounds = options.rounds ?? 40;
  const timing = { measureMs: (options.seconds ?? 1.5) * 1000, warmMs: (options.warm ?? 0.3) * 1000 };
  const starts = Math.ceil(rounds / roundsOfStart);
  const run = new Run('overhead', options, (rounds + starts) * 2 * (timing.measureMs + timing.warmMs + 100) + 12_000);
  const { workload } = options;
  const costs = new Map(labels.map((label): [string, Costed[]] => [label, []]));
  let size = 0;
  for (let start = 0; start < starts; start++) {
    // In the same order as long as they run: who comes right after itself would find its caches warm.
    const sides = await openAll(options, start % 2 === 0 ? labels : labels.toReversed());
    try {
      const first = start * roundsOfStart;
      // The first round is that of code that is not compiled yet.
      for (let round = first - 1; round < Math.min(rounds, first + roundsOfStart); round++) {
        run.progress.step(round < first ? 'warming up' : `round ${round + 1} of ${rounds}`);
        for (const side of sides) {
          const cost = await costed(run, side, timing);
          if (round >= first) costs.get(side.target.label)!.push(cost);
        }
      }
      size = sides[0]!.target.servers.length;
    } finally {
      await closeAll(sides);
    }
  }
  const name = describeWorkload(workload);
  const records = [...costs].map(([target, found]): LoadRecord => {
    return { name, target, workload, rounds: found.map(({ round }) => round) };
  });
  run.progress.step('measuring the pieces');
  const pieces = await measureMicro(timing.measureMs, 'metrics');
  const [without, measuring] = [...costs.values()];
  const table = overheadTable(without!, measuring!);
  const sentence = calculated(size, measuring!, pieces);
  const record = run.record(records, {}, { table, sentence });
  run.progress.end();
  print(`\n${name}\n\n${textTable(table)}\n${sentence}`);
  finish(run, record);
}

async function openAll(options: Options, inOrder: readonly string[]): Promise<Side[]> {
  const sides: Side[] = [];
  try {
    for (const label of inOrder) sides.push(await open(options, label));
    return sides;
  } catch (error) {
    await closeAll(sides);
    throw error;
  }
}

async function closeAll(sides: readonly Side[]): Promise<void> {
  for (const { generators, target } of sides) {
    await generators.close();
    await target.close();
  }
}

async function open(options: Options, label: string): Promise<Side> {
  const { size, dataFolder, settings, workload, generators: processes } = options;
  const preload = label === labels[0] ? { preload: mute } : {};
  const target = await startZabra({ size, dataFolder, settings, label, ...preload });
  const { protocol, hosts } = target;
  return { target, generators: await Generators.open({ protocol, hosts, workload, processes }) };
}

async function costed(run: Run, { target, generators }: Side, timing: Timing): Promise<Costed> {
  const { warmMs, measureMs } = timing;
  const spent = (): number => target.servers.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  let seconds = 0;
  const onStart = (startAt: number): void => {
    const from = startAt - sharedNow() + warmMs;
    setTimeout(() => (seconds -= spent()), from);
    setTimeout(() => (seconds += spent()), from + measureMs);
  };
  const { round, observed } = await run.measure(target, generators, run.options.workload, { ...timing, onStart });
  const cpuUs = (seconds * 1e6) / (round.perSecond * (measureMs / 1000));
  return { round, cpuUs, batchTxns: observed?.batchTxns ?? null };
}

function overheadTable(without: readonly Costed[], measuring: readonly Costed[]): Table {
  const row = (what: string, pick: (one: Costed) => number, show: (value: number) => string): string[] => {
    const [a, b] = [without.map(pick), measuring.map(pick)];
    const { ratio, low, high } = comparePairs(a, b);
    return [what, show(median(a)), show(median(b)), change(ratio), `${change(low)} to ${change(high)}`];
  };
  return {
    head: ['', ...labels, 'change', '95 % of it'],
    rows: [
      row(
        'servers’ CPU, µs each',
        ({ cpuUs }) => cpuUs,
        (us) => us.toFixed(2),
      ),
      row('per second', ({ round }) => round.perSecond, whole),
    ],
  };
}

/** Requests are timed by the server that answers, batches followed on every server: at most as on the leader. */
function calculated(servers: number, found: readonly Costed[], pieces: readonly MicroResult[]): string {
  const costOf = (name: string): number => pieces.find((piece) => piece.name === name)!.nsPerOperation;
  const [request, batch] = [costOf(requestMetric), costOf(batchMetric)];
  const size = median(found.map(({ batchTxns }) => batchTxns).filter((count) => count !== null));
  const cpuUs = median(found.map(({ cpuUs: us }) => us));
  const ns = request + (servers * batch) / Math.max(1, size);
  const share = cpuUs > 0 ? ns / 10 / cpuUs : 0;
  const costs = `${request.toFixed(1)} ns for a request, ${Math.round(batch)} ns for a batch of ${whole(size)}`;
  return `calculated: ${costs} on each server: ${ns.toFixed(1)} ns of ${cpuUs.toFixed(2)} µs, ${share.toFixed(2)} %`;
}
