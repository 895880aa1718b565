/**
 * What a fault did to the clients, from a timeline of acknowledged writes with one count per millisecond.
 *
 *   fault ─ detect ─► looking ─ elect ─► a leader ─ synchronize ─► serving ─ first commit ─► ─ ack ─► client
 *
 * The inner points come from the journals of the servers, the outer ones from the clients.
 */
import type { ServerProcess } from '../target/process.ts';

/** ms after the start of the timeline. */
export interface Gap {
  /** The last write that was acknowledged before it, and the first one after it. */
  readonly from: number;
  readonly to: number;
  readonly ms: number;
}

/** The longest stretch without an acknowledgement that ends after `since`; `until` bounds the search. */
export function longestGap(timeline: ArrayLike<number>, since: number, until: number): Gap {
  let best: Gap = { from: since, to: since, ms: 0 };
  let last = -1;
  for (let at = 0; at < Math.min(until, timeline.length); at++) {
    if (!(timeline[at]! > 0)) continue;
    if (last >= 0 && at > since && at - last > best.ms) best = { from: last, to: at, ms: at - last };
    last = at;
  }
  // Nothing came any more.
  if (last >= 0 && until - last > best.ms) best = { from: last, to: until, ms: until - last };
  return best;
}

/** The longest gap that is usual: before anything went wrong. */
export function usualGap(timeline: ArrayLike<number>, from: number, until: number): number {
  return longestGap(Array.from(timeline).slice(from, until), 0, until - from).ms;
}

/** A line of a server's journal. */
export interface JournalEvent {
  readonly server: number;
  /** Wall clock, ms. */
  readonly at: number;
  readonly event: string;
  readonly role: string;
  /** The line as it is. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export function readJournal({ id, log }: Pick<ServerProcess, 'id' | 'log'>): JournalEvent[] {
  const events: JournalEvent[] = [];
  for (const line of log.split('\n')) {
    // Other servers print what they like.
    if (!line.startsWith('{') || !line.endsWith('}')) continue;
    const fields = JSON.parse(line) as { time?: string; msg?: string; role?: string };
    const { time, msg, role } = fields;
    if (time !== undefined && msg !== undefined)
      events.push({ server: id, at: Date.parse(time), event: msg, role: role ?? '', fields });
  }
  return events;
}

/** ms each, in order; they add up to the whole from the fault to the first acknowledgement. */
export interface Split {
  readonly detect: number;
  readonly elect: number;
  readonly synchronize: number;
  readonly firstCommit: number;
  readonly firstAck: number;
}

export const splitNames: readonly (keyof Split)[] = ['detect', 'elect', 'synchronize', 'firstCommit', 'firstAck'];

/**
 * Splits the time from a fault of the leader to the first acknowledgement of the next one. That need not be the
 * end of the longest gap: once a failover is quick, that may be any hiccup after it.
 *
 * @param fault wall clock, ms
 * @param lost the server that the fault hit
 * @param ackSince when the first acknowledgement at or after a time came; null: none did
 * @returns null where the journals do not tell all of it, as those of other servers
 */
export function splitGap(
  events: readonly JournalEvent[],
  fault: number,
  lost: number,
  ackSince: (at: number) => number | null,
): Split | null {
  const others = events.filter(({ server, at }) => server !== lost && at >= fault).sort((a, b) => a.at - b.at);
  const looking = others.find(({ event, role }) => event === 'role' && role === 'looking');
  const serving = others.find(({ event, role }) => event === 'serving clients' && role === 'leading');
  const leader = serving?.server;
  const leading = others.find(({ event, role, server }) => event === 'role' && role === 'leading' && server === leader);
  const committed = others.find(({ event, server }) => event === 'first commit' && server === leader);
  if (looking === undefined || leading === undefined || serving === undefined || committed === undefined) return null;
  const ack = ackSince(serving.at);
  if (ack === null) return null;
  const points = [fault, looking.at, leading.at, serving.at, Math.min(committed.at, ack), ack];
  const step = (n: number): number => Math.max(0, Math.round(points[n + 1]! - points[n]!));
  return { detect: step(0), elect: step(1), synchronize: step(2), firstCommit: step(3), firstAck: step(4) };
}
