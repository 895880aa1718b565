/** Plays one scenario under load on a fresh ensemble, and tells what the clients saw of it. */
import { Client } from '../../engine/client/index.ts';
import { Generators, type Measured } from '../load/generators.ts';
import { sharedNow } from '../load/protocol.ts';
import { keysPerSession } from '../load/verify.ts';
import { canonicalWorkload, type Workload } from '../load/workload.ts';
import type { ServerProcess } from '../target/process.ts';
import type { Target } from '../target/target.ts';
import { findLeader, pause, poll, serving } from '../target/words.ts';
import { longestGap, readJournal, splitGap, usualGap, type Gap, type Split } from './gap.ts';
import type { Scenario } from './scenarios.ts';
import { verifyState, type Outcome } from './state.ts';

const warmMs = 1000;
/** Undisturbed load before the fault, to know what is usual. */
const calmMs = 1500;

export interface Mark {
  /** ms after the start of the timeline. */
  readonly at: number;
  readonly name: string;
}

export interface Played {
  readonly scenario: string;
  readonly gap: Gap;
  readonly usualGapMs: number;
  readonly split: Split | null;
  readonly marks: readonly Mark[];
  /** ms after the start of the timeline. */
  readonly faultAt: number;
  /** Acknowledged writes in each ms. */
  readonly timeline: readonly number[];
  readonly writesPerSecond: number;
  readonly lost: number;
  readonly reconnects: number;
  readonly p99Us: number;
  readonly maxUs: number;
  readonly outcome: Outcome;
}

export interface Cast {
  readonly start: (scenario: Scenario) => Promise<Target>;
  readonly sessions: number;
  readonly window: number;
  readonly bytes: number;
  readonly processes: number;
  readonly onProgress: (operations: number) => void;
}

export async function play(scenario: Scenario, cast: Cast): Promise<Played> {
  const target = await cast.start(scenario);
  try {
    if (scenario.znodes !== undefined) await fillTree(target, scenario.znodes);
    const workload: Workload = {
      ...canonicalWorkload,
      sessions: cast.sessions,
      window: cast.window,
      bytes: Math.max(8, cast.bytes),
      keys: cast.sessions * keysPerSession,
    };
    const { protocol, hosts } = target;
    const source = { kind: 'verify' } as const;
    const generators = await Generators.open({ protocol, hosts, workload, processes: cast.processes, source });
    try {
      return await underLoad(scenario, target, generators, cast);
    } finally {
      await generators.close();
    }
  } finally {
    for (const server of target.servers) server.signal('SIGCONT');
    await target.close();
  }
}

async function underLoad(
  scenario: Scenario,
  target: Target,
  generators: Generators,
  { onProgress }: Cast,
): Promise<Played> {
  const leader = await poll('no server leads', null, () => findLeader(target));
  const follower = target.servers.find((server) => server !== leader)!;
  const notes: { at: number; name: string }[] = [];
  const clockOffset = Date.now() - sharedNow();
  let faultAt = 0;
  const measureMs = calmMs + scenario.seconds * 1000;
  const running = generators.run({ warmMs, measureMs, onProgress });
  const acting = (async () => {
    await pause(warmMs + calmMs);
    faultAt = sharedNow();
    await scenario.run({ target, leader, follower, mark: (name) => notes.push({ at: sharedNow(), name }) });
  })();
  const [measured] = await Promise.all([running, acting]);
  for (const server of target.servers) if (!server.running) server.start();
  await serving(target);
  const outcome = await verifyState(measured.verified!, target.hosts);
  return describe(scenario, { measured, measureMs, faultAt, clockOffset, leader, target, notes, outcome });
}

interface Seen {
  readonly measured: Measured;
  readonly measureMs: number;
  /** By the clock that all processes share. */
  readonly faultAt: number;
  /** From that clock to the wall clock. */
  readonly clockOffset: number;
  readonly leader: ServerProcess;
  readonly target: Target;
  readonly notes: readonly Mark[];
  readonly outcome: Outcome;
}

function describe(scenario: Scenario, seen: Seen): Played {
  const { measured, measureMs, clockOffset, leader, target, notes, outcome } = seen;
  const { startAt } = measured;
  const timeline = Array.from(measured.timeline.subarray(0, warmMs + measureMs));
  const faultAt = seen.faultAt - startAt;
  const gap = longestGap(timeline, Math.floor(faultAt), timeline.length);
  const events = target.servers.flatMap(readJournal);
  const wallOfStart = startAt + clockOffset;
  const ackSince = (wall: number): number | null => {
    const first = Math.floor(wall - wallOfStart);
    const at = timeline.findIndex((count, ms) => ms >= first && count > 0);
    return at < 0 ? null : at + wallOfStart;
  };
  const split = scenario.hitsLeader ? splitGap(events, faultAt + wallOfStart, leader.id, ackSince) : null;
  const journaled = events
    .filter(({ event }) => event === 'snapshot' || event === 'snapshot from the leader')
    .map(({ at, event, server }) => ({ at: at - wallOfStart, name: `${event} (${server})` }))
    .filter(({ at }) => at > 0 && at < timeline.length);
  return {
    scenario: scenario.name,
    gap,
    usualGapMs: usualGap(timeline, warmMs, Math.floor(faultAt)),
    split,
    marks: [...notes.map(({ at, name }) => ({ at: at - startAt, name })), ...journaled].sort((a, b) => a.at - b.at),
    faultAt,
    timeline,
    writesPerSecond: measured.writesPerSecond,
    lost: measured.lost,
    reconnects: measured.reconnects,
    p99Us: measured.writeLatency.quantile(0.99),
    maxUs: measured.writeLatency.max,
    outcome,
  };
}

/** Gives the servers a state that is worth a snapshot. */
async function fillTree({ hosts }: Target, znodes: number): Promise<void> {
  const client = await Client.connect(hosts.map(({ host, port }) => `${host}:${port}`).join(','));
  try {
    const data = Buffer.alloc(1024, 'x');
    await client.create('/bench-state');
    const left = Array.from({ length: znodes }, (_, n) => n);
    const worker = async (): Promise<void> => {
      for (let n = left.pop(); n !== undefined; n = left.pop()) await client.create(`/bench-state/n${n}`, data);
    };
    await Promise.all(Array.from({ length: 128 }, worker));
  } finally {
    await client.close();
  }
}
