/**
 * One run: servers, clients and faults from a seed; safety under faults, then liveness of a quorum.
 */
import { Checks } from './checks.ts';
import { SimClient } from './client.ts';
import { Faults } from './faults.ts';
import { Network } from './network.ts';
import type { SimOptions } from './options.ts';
import { SimServer } from './process.ts';
import { Violation, World } from './world.ts';

export interface RunResult {
  readonly options: SimOptions;
  readonly hash: string;
  readonly violation: Violation | null;
  readonly lines: readonly string[];
  readonly figures: Figures;
}

/** What was done, summed over runs. */
export interface Figures {
  runs: number;
  simulatedMs: number;
  events: number;
  txns: number;
  commands: number;
  operations: number;
  acknowledged: number;
  watchEvents: number;
  elections: number;
  crashes: number;
  pauses: number;
  partitions: number;
  linkBreaks: number;
  tornWrites: number;
  corruptions: number;
  wipes: number;
  diskErrors: number;
  checks: Record<string, number>;
}

/** How long the world is looked at between two questions whether it has converged. */
const stepMs = 100;

export function run(options: SimOptions, keepsLines = false): RunResult {
  const world = new World(options.seed, keepsLines);
  const checks = new Checks(world, options);
  const servers = Array.from({ length: options.servers }, (_, index) => new SimServer(index, world, options, checks));
  const network = new Network(world, { ...options, peerTimeoutMs: options.tickTime * 5 }, servers, checks);
  for (const server of servers) server.network = network;
  const clients = Array.from(
    { length: options.clients },
    (_, index) => new SimClient(index + 1, world, options, servers, checks),
  );
  const faults = new Faults(world, options, servers, network, clients, checks);
  checks.onWrite.push(() => faults.acknowledged());
  let violation: Violation | null = null;
  try {
    for (const server of servers) world.after(world.between(0, 50), () => server.start());
    world.runUntil(options.safetyMs);
    live(world, options, checks, faults, clients);
  } catch (error) {
    // Whatever else is thrown is a server that fails where it must not.
    violation = error instanceof Violation ? error : new Violation('crash', (error as Error).stack ?? String(error));
    world.trace(`VIOLATION ${violation.message}`);
  }
  return {
    options,
    hash: world.hash,
    violation,
    lines: world.lastLines(2000),
    figures: figuresOf(world, checks, servers, network, faults),
  };
}

/** A healed quorum must elect, serve every client and converge, whatever state it was left in. */
function live(world: World, options: SimOptions, checks: Checks, faults: Faults, clients: readonly SimClient[]): void {
  const core = faults.healCore();
  const written = new Set<SimClient>();
  checks.onWrite.push((client) => void written.add(client));
  const end = world.now + options.livenessMs;
  step(
    world,
    end,
    'serve every client',
    () => clients.every((client) => written.has(client)),
    () => {
      const roles = core.map(({ id, server }) => `${id}: ${server?.role ?? 'down'} ${server?.core.phase ?? ''}`);
      return `${clients.filter((client) => !written.has(client)).length} clients wait (${roles.join(', ')})`;
    },
  );
  for (const client of clients) client.stop();
  for (const server of core) server.proposes = false;
  const hasAll = (server: SimServer): boolean =>
    server.running && server.server!.serving && checks.sequence.position(server) === checks.txns.length;
  const isDone = (): boolean =>
    core.every((server) => hasAll(server) && (server.machine?.pending ?? 0) === 0) &&
    clients.every((client) => client.pending.length === 0);
  step(world, end, 'converge', isDone, () => {
    const positions = core.map((server) => {
      const waiting = server.machine?.pending ?? 0;
      return `${server.id}: ${checks.sequence.position(server)}, ${waiting} proposals wait`;
    });
    return `${checks.txns.length} txns were committed, applied ${positions.join(', ')}`;
  });
  checks.ended(core);
}

function step(world: World, end: number, goal: string, isDone: () => boolean, state: () => string): void {
  while (!isDone()) {
    if (world.now >= end) throw new Violation('liveness', `the healed quorum does not ${goal}: ${state()}`);
    world.runUntil(world.now + stepMs);
  }
}

function figuresOf(
  world: World,
  checks: Checks,
  servers: readonly SimServer[],
  network: Network,
  faults: Faults,
): Figures {
  const { counts } = faults;
  const sum = (of: (server: SimServer) => number): number => servers.reduce((total, each) => total + of(each), 0);
  return {
    runs: 1,
    simulatedMs: world.now,
    events: world.events,
    txns: checks.txns.length,
    commands: checks.machines.commands,
    operations: checks.fifo.checks,
    acknowledged: checks.acknowledged.writes,
    watchEvents: checks.watches.fired,
    elections: checks.leaders.elections,
    crashes: counts.crash + counts.crashAll * servers.length,
    pauses: counts.pause,
    partitions: network.partitions,
    linkBreaks: network.breaks,
    tornWrites: sum(({ disk }) => disk.tornWrites),
    corruptions: sum(({ disk }) => disk.corruptions),
    wipes: counts.wipe,
    diskErrors: counts.fsyncError + counts.diskFull,
    checks: Object.fromEntries(checks.all.map((checker) => [checker.name, checker.checks])),
  };
}
