/**
 * The micro benchmarks, in a process of their own: tinybench for the time, and for the memory a young
 * generation so large that nothing is collected while it is counted.
 *
 *   node --expose-gc --max-semi-space-size=… main.js MILLISECONDS [PREFIX]      one JSON value on stdout
 */
import { Bench } from 'tinybench';
import { cases, type Case } from './cases.ts';
import { Hop } from './hop.ts';

export interface MicroResult {
  readonly name: string;
  /** The median: what else ran meanwhile is not in it. */
  readonly nsPerOperation: number;
  /** Relative margin of error of the mean, percent. */
  readonly marginPercent: number;
  /** On the heap and beside it; null where threads make it unclear. */
  readonly bytesPerOperation: number | null;
}

const collect = (globalThis as { gc?: () => void }).gc;
/** About as many bytes may be made before the young generation is full. */
const roomBytes = 48 * 1024 * 1024;

/** @param prefix of the names of the cases that are wanted */
async function main(timeMs: number, prefix: string): Promise<void> {
  const all = cases().filter(({ name }) => name.startsWith(prefix));
  const hop = new Hop();
  const bench = new Bench({ time: timeMs, warmupTime: timeMs / 4 });
  for (const { name, run } of all) bench.add(name, run, { async: false });
  const hopName = 'worker hop: there and back';
  if (hopName.startsWith(prefix)) bench.add(hopName, () => hop.roundTrip(), { async: true });
  await bench.run();
  const results = bench.tasks.map((task): MicroResult => {
    const found = all.find(({ name }) => name === task.name);
    if (task.result.state !== 'completed') throw new Error(`${task.name} ended as ${task.result.state}`);
    const { p50, rme } = task.result.latency;
    const operations = found?.operations ?? 1;
    return {
      name: task.name,
      nsPerOperation: (p50 * 1e6) / operations,
      marginPercent: rme,
      bytesPerOperation: found === undefined ? null : bytesPerOperation(found),
    };
  });
  await hop.close();
  process.stdout.write(JSON.stringify(results));
}

/** The least of a few counts: others may have been making something too. */
function bytesPerOperation({ operations, run }: Case): number {
  run();
  const single = Math.max(64, allocatedBy(run, 1));
  const times = Math.max(1, Math.min(20, Math.floor(roomBytes / single)));
  const counts = Array.from({ length: 3 }, () => allocatedBy(run, times) / times / operations);
  return Math.max(0, Math.min(...counts));
}

function allocatedBy(run: () => void, times: number): number {
  collect?.();
  const before = process.memoryUsage();
  for (let i = 0; i < times; i++) run();
  const after = process.memoryUsage();
  return after.heapUsed - before.heapUsed + (after.external - before.external);
}

if (process.argv[1]?.endsWith('main.js') === true && process.argv[2] !== undefined)
  main(Number(process.argv[2]), process.argv[3] ?? '').then(
    () => process.exit(0),
    (error: Error) => {
      process.stderr.write(`${error.message}\n`);
      process.exit(1);
    },
  );
