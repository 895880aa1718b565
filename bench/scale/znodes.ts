/** One ensemble that grows: at each size it is loaded, takes snapshots under load, and a server is restarted. */
import { readJournal } from '../failover/gap.ts';
import { Histogram } from '../measure/histogram.ts';
import { canonicalWorkload } from '../load/workload.ts';
import type { ServerProcess } from '../target/process.ts';
import type { Target } from '../target/target.ts';
import { poll } from '../target/words.ts';
import { eachOf, fill, fillTimeoutMs, memoryOf, type ScaleRow, type Stage } from './stage.ts';

/**
 * A snapshot is due when the log has grown by some times the state, which takes writes of some size; the rate is
 * one that the servers hold easily, so that what shows in p99 is the snapshot.
 */
const snapshotLoad = { sessions: 30, window: 1024, bytes: 1024 } as const;
const snapshotRate = 10_000;
const stretchMsMax = 2500;
const stretchesMax = 24;
/** Stretches of each kind that are enough. */
const stretchesEnough = 3;

export interface ZnodesRow extends ScaleRow {
  readonly fillSeconds: number;
  readonly restartMs: number;
  readonly snapshots: SnapshotEffect;
}

/** null: none was due in the time. */
export interface SnapshotEffect {
  readonly ms: number | null;
  readonly bytes: number | null;
  /** Of writes at a fixed rate: in stretches without a snapshot on any server, and in those with one. */
  readonly calmP99Us: number | null;
  readonly p99Us: number | null;
}

export function scaleZnodes(stage: Stage, counts: readonly number[]): Promise<ZnodesRow[]> {
  const { run } = stage;
  const { bytes } = run.options.workload;
  return stage.withServers(['snapCount=50000'], async (target) => {
    const rows: ZnodesRow[] = [];
    const empty = await stage.baseline(target);
    let from = 1;
    for (const count of counts) {
      run.progress.step(`${count} znodes: making them`);
      const fillSeconds = await fill(target, from, count, bytes);
      from = count;
      const residentBytes = memoryOf(target);
      run.progress.step(`${count} znodes: writing`);
      const { round } = await stage.load(target, { keys: count, bytes });
      run.progress.step(`${count} znodes: snapshots`);
      const snapshots = await underSnapshots(stage, target, count);
      run.progress.step(`${count} znodes: restarting a server`);
      rows.push({
        count,
        fillSeconds,
        residentBytes,
        bytesEach: eachOf(residentBytes - empty, count),
        writesPerSecond: round.perSecond,
        p99Us: round.p99,
        restartMs: await restart(target),
        snapshots,
      });
    }
    return rows;
  });
}

/** Goes on until there were enough stretches with a snapshot, and without. */
async function underSnapshots(stage: Stage, target: Target, count: number): Promise<SnapshotEffect> {
  const calm: Histogram[] = [];
  const busy: Histogram[] = [];
  const began = Date.now();
  const measureMs = Math.min(stretchMsMax, stage.timing.measureMs);
  const workload = { ...canonicalWorkload, ...snapshotLoad, keys: Math.min(count, canonicalWorkload.keys) };
  await stage.withLoad(target, workload, async (measure) => {
    // The first one is not counted: it begins with nothing in flight and code that is not compiled.
    await measure({ warmMs: 0, measureMs, rate: snapshotRate });
    for (let n = 0; n < stretchesMax && (calm.length < stretchesEnough || busy.length < stretchesEnough); n++) {
      const from = Date.now();
      const { round } = await measure({ warmMs: 0, measureMs, rate: snapshotRate });
      const found = snapshotsOf(target).some(({ begin, end }) => begin < Date.now() && end > from);
      (found ? busy : calm).push(Histogram.from(round.latency));
    }
  });
  const seen = snapshotsOf(target).filter(({ end }) => end >= began);
  const largest = (values: readonly number[]): number | null => (values.length === 0 ? null : Math.max(...values));
  return {
    ms: largest(seen.map(({ begin, end }) => end - begin)),
    bytes: largest(seen.map(({ bytes }) => bytes)),
    calmP99Us: p99Of(calm),
    p99Us: p99Of(busy),
  };
}

function p99Of(histograms: readonly Histogram[]): number | null {
  if (histograms.length === 0) return null;
  const all = new Histogram();
  for (const histogram of histograms) all.add(histogram.data());
  return all.quantile(0.99);
}

function snapshotsOf({ servers }: Target): { begin: number; end: number; bytes: number }[] {
  return servers.flatMap((server: ServerProcess) =>
    readJournal(server)
      .filter(({ event }) => event === 'snapshot')
      .map(({ at, fields }) => ({
        begin: at - Number(fields['ms']),
        end: at,
        bytes: Number(fields['bytes']),
      })),
  );
}

/** Stops the last server and starts it again; ms until it serves. */
async function restart(target: Target): Promise<number> {
  const server = target.servers.at(-1)!;
  await server.end('SIGTERM');
  const started = performance.now();
  server.start();
  await poll('the server does not serve again', server, () => target.modeOf(target.hosts.at(-1)!), fillTimeoutMs);
  return performance.now() - started;
}
