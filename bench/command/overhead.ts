/**
 * `overhead`: what it costs that servers always measure themselves: the same servers with and without, in turn.
 *
 * Both are there all the time and rounds are short and many, so that a machine that changes favours nobody.
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
  readonly found: Costed[];
}

export async function runOverhead(options: Options): Promise<void> {
  if (options.hosts !== null) throw new Error('overhead starts its own servers, without --hosts.');
  const rounds = options.rounds ?? 40;
  const timing = { measureMs: (options.seconds ?? 1.5) * 1000, warmMs: (options.warm ?? 0.3) * 1000 };
  const run = new Run('overhead', options, rounds * 2 * (timing.measureMs + timing.warmMs + 100) + 12_000);
  const { workload } = options;
  const sides: Side[] = [];
  try {
    sides.push(await open(options, 'measuring nothing', mute), await open(options, 'as it is'));
    // The first rounds are those of code that is not compiled yet.
    for (let round = -1; round < rounds; round++) {
      run.progress.step(round < 0 ? 'warming up' : `round ${round + 1} of ${rounds}`);
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
        const costs = await costed(run, side, timing);
        if (round >= 0) side.found.push(costs);
      }
    }
  } finally {
    for (const { generators, target } of sides) {
      await generators.close();
      await target.close();
    }
  }
  const name = describeWorkload(workload);
  const records = sides.map(({ target, found }): LoadRecord => {
    return { name, target: target.label, workload, rounds: found.map(({ round }) => round) };
  });
  run.progress.step('measuring the pieces');
  const pieces = await measureMicro(timing.measureMs, 'metrics');
  const table = overheadTable(sides);
  const sentence = calculated(sides[1]!, pieces);
  const record = run.record(records, {}, { table, sentence });
  run.progress.end();
  print(`\n${name}\n\n${textTable(table)}\n${sentence}`);
  finish(run, record);
}

async function open(options: Options, label: string, preload?: string): Promise<Side> {
  const { size, dataFolder, settings, workload, generators: processes } = options;
  const target = await startZabra({ size, dataFolder, settings, label, ...(preload === undefined ? {} : { preload }) });
  const { protocol, hosts } = target;
  return { target, generators: await Generators.open({ protocol, hosts, workload, processes }), found: [] };
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

function overheadTable([without, measuring]: readonly Side[]): Table {
  const row = (what: string, pick: (one: Costed) => number, show: (value: number) => string): string[] => {
    const [a, b] = [without!.found.map(pick), measuring!.found.map(pick)];
    const { ratio, low, high } = comparePairs(a, b);
    return [what, show(median(a)), show(median(b)), change(ratio), `${change(low)} to ${change(high)}`];
  };
  return {
    head: ['', 'measuring nothing', 'as it is', 'change', '95 % of it'],
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
function calculated({ target, found }: Side, pieces: readonly MicroResult[]): string {
  const costOf = (name: string): number => pieces.find((piece) => piece.name === name)!.nsPerOperation;
  const [request, batch] = [costOf(requestMetric), costOf(batchMetric)];
  const size = median(found.map(({ batchTxns }) => batchTxns).filter((count) => count !== null));
  const cpuUs = median(found.map(({ cpuUs: us }) => us));
  const ns = request + (target.servers.length * batch) / Math.max(1, size);
  const share = cpuUs > 0 ? ns / 10 / cpuUs : 0;
  const costs = `${request.toFixed(1)} ns for a request, ${Math.round(batch)} ns for a batch of ${whole(size)}`;
  return `calculated: ${costs} on each server: ${ns.toFixed(1)} ns of ${cpuUs.toFixed(2)} µs, ${share.toFixed(2)} %`;
}
