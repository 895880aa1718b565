/** What the parts of `scale` share: servers, loads on them, their memory. */
import { sharedNow } from '../load/protocol.ts';
import { Generators, type Timing } from '../load/generators.ts';
import { canonicalWorkload, type Workload } from '../load/workload.ts';
import type { Run, RoundResult } from '../command/run.ts';
import type { Target } from '../target/target.ts';
import { startZabra } from '../target/zabra.ts';

/** Requests in flight over all sessions, whatever their number. */
export const inFlight = 240;
/** Less growth than this is the heap's own coming and going. */
const growthMin = 64 * 1024 * 1024;
const countMin = 1000;
export const fillTimeoutMs = 600_000;

export interface ScaleRow {
  readonly count: number;
  /** Of the server that has most, bytes. */
  readonly residentBytes: number;
  /** By which it grew for each; null: too little to tell. */
  readonly bytesEach: number | null;
  readonly writesPerSecond: number;
  readonly p99Us: number;
}

export class Stage {
  readonly run: Run;
  readonly timing: { readonly warmMs: number; readonly measureMs: number };

  constructor(run: Run) {
    const { warm, seconds } = run.options;
    this.run = run;
    this.timing = { warmMs: (warm ?? 1) * 1000, measureMs: (seconds ?? 5) * 1000 };
  }

  async withServers<T>(settings: readonly string[], use: (target: Target) => Promise<T>): Promise<T> {
    const { size, dataFolder, settings: given } = this.run.options;
    const target = await startZabra({ size, dataFolder, settings: [...settings, ...given] });
    try {
      return await use(target);
    } finally {
      await target.close();
    }
  }

  /** What a server takes that has worked a little, so that growth is not that of its heap finding its size. */
  async baseline(target: Target): Promise<number> {
    await fill(target, 0, 1, canonicalWorkload.bytes);
    await this.load(target, { keys: 1 });
    return memoryOf(target);
  }

  /** A load on keys that are there. */
  load(target: Target, change: Partial<Workload>): Promise<RoundResult> {
    const workload = { ...canonicalWorkload, window: inFlight / canonicalWorkload.sessions, ...change };
    return this.withLoad(target, workload, (measure) => measure(this.timing));
  }

  /** Opens generators for a load, which may then be measured several times. */
  async withLoad<T>(
    target: Target,
    workload: Workload,
    use: (measure: (timing: Timing) => Promise<RoundResult>) => Promise<T>,
  ): Promise<T> {
    const { protocol, hosts } = target;
    const processes = this.run.options.generators;
    const generators = await Generators.open({ protocol, hosts, workload, processes, hasKeys: true });
    try {
      return await use((timing) => this.run.measure(target, generators, workload, timing));
    } finally {
      await generators.close();
    }
  }
}

/** Makes the keys from `from` to `to`; returns the seconds it took. */
export async function fill({ protocol, hosts }: Target, from: number, to: number, bytes: number): Promise<number> {
  const started = sharedNow();
  const workload = { ...canonicalWorkload, sessions: 1, window: 1, keys: to, bytes };
  const options = { protocol, hosts, workload, processes: 1, keysFrom: from, prepareMs: fillTimeoutMs };
  const generators = await Generators.open(options);
  await generators.close();
  return (sharedNow() - started) / 1000;
}

/** Resident memory of the server that has most. */
export function memoryOf({ servers }: Target): number {
  return Math.max(...servers.map(({ residentBytes }) => residentBytes));
}

export function eachOf(growth: number, count: number): number | null {
  return growth < growthMin || count < countMin ? null : growth / count;
}
