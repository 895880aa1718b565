/** What words, commands and metrics have in common: facts about a server under ZooKeeper's names. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { freemem, hostname, release, totalmem, userInfo } from 'node:os';
import { join } from 'node:path';
import { isSameFolder } from '../io/data-folder.ts';
import type { Connection } from '../server/connection.ts';
import type { EnsembleMember } from '../server/options.ts';
import type { CoordinationServer } from '../server/server.ts';

/** The ZooKeeper release whose behaviour clients may expect comes first: parsers want `x.y.z-` there. */
export const version = '3.8.4-zabra-0.1.0, built on 2026-11-23 00:00 UTC';
export const notServing = 'This ZooKeeper instance is not currently serving requests';

/** ZooKeeper's word for what this server is. */
export function modeOf(server: CoordinationServer): string {
  if (isStandalone(server)) return 'standalone';
  if (server.readOnly) return 'read-only';
  switch (server.role) {
    case 'leading':
      return 'leader';
    case 'following':
      return 'follower';
    case 'observing':
      return 'observer';
    default:
      return 'looking';
  }
}

/** ZooKeeper's word for how far a server has come in its role. */
export function zabPhase(server: CoordinationServer): string {
  const { phase } = server.core;
  if (server.serving) return 'broadcast';
  if (phase === 'election') return 'election';
  return phase === 'discovery' || phase === 'waiting' || phase === 'joining' ? 'discovery' : 'synchronization';
}

export function isStandalone(server: CoordinationServer): boolean {
  return server.options.servers.length === 0;
}

export function memberOf(server: CoordinationServer, id: number): EnsembleMember | undefined {
  return server.options.servers.find((member) => member.id === id);
}

/** ZooKeeper counts its root twice, as "" and as "/". */
export function nodeCount(server: CoordinationServer): number {
  return server.tree.nodeCount + 1;
}

export function whole(ms: number): number {
  return Math.round(ms);
}

/** Up to four digits after the point, at least one, as Java prints it. */
export function decimal(value: number): string {
  const rounded = Math.round(value * 10_000) / 10_000;
  return Number.isInteger(rounded) ? `${rounded}.0` : String(rounded);
}

/** Bytes of data and of log on disk. */
export function folderSizes({ options }: CoordinationServer): { data: number; log: number } {
  const data = folderBytes(folderOf(options.dataDir));
  return {
    data,
    log: isSameFolder(options.dataLogDir, options.dataDir) ? data : folderBytes(folderOf(options.dataLogDir)),
  };
}

/** Where a server keeps its files within the folder that it was given. */
export function folderOf(dataDir: string): string {
  return join(dataDir, 'zabra-1');
}

function folderBytes(folder: string): number {
  return readdirSync(folder).reduce(
    (sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

/** What the system tells, or something else where it refuses. */
function orElse<T>(other: T, ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return other;
  }
}

/** Files that this process has open and may have open; -1 where the system does not tell. */
export function fileDescriptors(): { open: number; max: number } {
  if (process.platform !== 'linux') return { open: -1, max: -1 };
  // To count them takes one, and there may be none left.
  const limits = orElse('', () => readFileSync('/proc/self/limits', 'utf8'));
  const limit = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  const open = orElse(-1, () => readdirSync('/proc/self/fd').length);
  return { open, max: limit === undefined ? -1 : Number(limit) };
}

/** 0 while a connection has to wait, as a selection key without interest. */
export function interestOf(connection: Connection): number {
  return connection.paused || connection.phase === 'closing' ? 0 : 1;
}

export function averageLatencyOf({ latency }: Connection): number {
  return latency.count === 0 ? 0 : Math.floor(latency.sum / latency.count);
}

/** Wall clock, ms, of a moment of the monotonic clock. */
export function wallTime(now: number): number {
  return Math.round(performance.timeOrigin + now);
}

/** Key and value of each line of `envi`. */
export function environment(): readonly (readonly [string, string])[] {
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)}MB`;
  const { heapTotal, rss } = process.memoryUsage();
  // A user id without an entry in passwd, a working folder that was removed: both are usual in containers.
  const user = orElse<{ username: string; homedir: string }>({ username: '?', homedir: '?' }, () => userInfo());
  return [
    ['zookeeper.version', version],
    ['host.name', hostname()],
    ['node.version', process.version],
    ['node.path', process.execPath],
    ['os.name', process.platform === 'linux' ? 'Linux' : process.platform],
    ['os.arch', process.arch],
    ['os.version', release()],
    ['user.name', user.username],
    ['user.home', user.homedir],
    ['user.dir', orElse('?', () => process.cwd())],
    ['os.memory.free', megabytes(freemem())],
    ['os.memory.max', megabytes(totalmem())],
    ['os.memory.total', megabytes(totalmem())],
    ['process.memory.heap', megabytes(heapTotal)],
    ['process.memory.resident', megabytes(rss)],
  ];
}

/** Who watches which nodes. */
export interface WatchFacts {
  /** Paths by session, and sessions by path. */
  readonly bySession: ReadonlyMap<number, readonly string[]>;
  readonly byPath: ReadonlyMap<string, readonly number[]>;
  readonly count: number;
}

/** Watches on nodes: all that ZooKeeper's watch commands show; those on lists of children are in `watch_count`. */
export function nodeWatches({ clients }: CoordinationServer): WatchFacts {
  const { data, persistent, recursive } = clients.watches;
  const bySession = new Map<number, string[]>();
  const byPath = new Map<string, number[]>();
  let count = 0;
  for (const { id, session } of clients.connections) {
    const paths = new Set<string>();
    for (const table of [data, persistent, recursive])
      for (const path of table.connections().get(id) ?? []) paths.add(path);
    if (paths.size === 0) continue;
    bySession.set(session, [...paths]);
    count += paths.size;
    for (const path of paths) {
      const sessions = byPath.get(path);
      if (sessions === undefined) byPath.set(path, [session]);
      else sessions.push(session);
    }
  }
  return { bySession, byPath, count };
}

/** Paths of the ephemeral nodes of each session that has some. */
export function ephemerals({ tree }: CoordinationServer): Map<number, string[]> {
  const found = new Map<number, string[]>();
  for (const { id } of tree.sessions()) {
    const paths = tree.ephemerals(id).map((slot) => tree.path(slot));
    if (paths.length > 0) found.set(id, paths);
  }
  return found;
}

/** Sessions by the moment at which they expire, where this server watches over them: the leader. */
export function expiries(server: CoordinationServer): (readonly [number, readonly number[]])[] {
  return [...server.leading.expiries()].toSorted(([a], [b]) => a - b);
}
