/** More and more sessions, and more and more watches. */
import { Client } from '../../engine/client/index.ts';
import { canonicalWorkload } from '../load/workload.ts';
import { keyPath } from '../load/zookeeper-frames.ts';
import { eachOf, fill, inFlight, memoryOf, type ScaleRow, type Stage } from './stage.ts';

export interface WatchesRow extends ScaleRow {
  /** While znodes are written that are watched. */
  readonly watchedPerSecond: number;
  readonly watchedP99Us: number;
  readonly eventsPerSecond: number;
}

/** The same load over more and more sessions. */
export function scaleSessions(stage: Stage, counts: readonly number[]): Promise<ScaleRow[]> {
  const { keys, bytes } = canonicalWorkload;
  return stage.withServers([], async (target) => {
    const rows: ScaleRow[] = [];
    const empty = await stage.baseline(target);
    await fill(target, 1, keys, bytes);
    for (const count of counts) {
      stage.run.progress.step(`${count} sessions`);
      const workload = { ...canonicalWorkload, sessions: count, window: Math.max(1, Math.round(inFlight / count)) };
      const row = await stage.withLoad(target, workload, async (measure) => {
        const { round } = await measure(stage.timing);
        // While they are connected.
        const residentBytes = memoryOf(target);
        const bytesEach = eachOf(residentBytes - empty, count / target.servers.length);
        return { count, residentBytes, bytesEach, writesPerSecond: round.perSecond, p99Us: round.p99 };
      });
      rows.push(row);
    }
    return rows;
  });
}

/** Watches on the znodes behind those that are written, and then writes to all of them. */
export function scaleWatches(stage: Stage, counts: readonly number[]): Promise<WatchesRow[]> {
  const { keys, bytes } = canonicalWorkload;
  const most = Math.max(...counts);
  return stage.withServers([`zabra.sessionWatchesMax=${Math.max(1, most)}`], async (target) => {
    const rows: WatchesRow[] = [];
    await fill(target, 0, keys + most, bytes);
    await stage.load(target, {});
    const clients = await Promise.all(target.hosts.map(({ host, port }) => Client.connect(`${host}:${port}`)));
    let events = 0;
    let set = 0;
    const empty = memoryOf(target);
    for (const count of counts) {
      stage.run.progress.step(`${count} watches`);
      await watch(clients, keys + set, keys + count, () => events++);
      set = count;
      const { round } = await stage.load(target, {});
      const residentBytes = memoryOf(target);
      stage.run.progress.step(`${count} watches, and writes to what is watched`);
      events = 0;
      const { round: watched } = await stage.load(target, { keys: keys + count });
      const { warmMs, measureMs } = stage.timing;
      rows.push({
        count,
        residentBytes,
        bytesEach: count === 0 ? null : eachOf(residentBytes - empty, count / target.servers.length),
        writesPerSecond: round.perSecond,
        p99Us: round.p99,
        watchedPerSecond: watched.perSecond,
        watchedP99Us: watched.p99,
        eventsPerSecond: (events * 1000) / (warmMs + measureMs),
      });
    }
    await Promise.all(clients.map((client) => client.close()));
    return rows;
  });
}

/** Requests on their way at a time. */
const watchesAtOnce = 256;

/** Watches keys `from` to `to`, spread over the clients, for good. */
async function watch(clients: readonly Client[], from: number, to: number, onEvent: () => void): Promise<void> {
  for (let at = from; at < to; at += watchesAtOnce) {
    const part = Array.from({ length: Math.min(watchesAtOnce, to - at) }, (_, n) => at + n);
    await Promise.all(part.map((key) => clients[key % clients.length]!.addWatch(keyPath(key), onEvent)));
  }
}
