/**
 * Every knob of a run, drawn from its seed (swarm testing): each run has its own mix of faults, so
 * that rare combinations get their turn instead of one average weather.
 */
import { Prng } from '../../engine/base/prng.ts';

export interface SimOptions {
  readonly seed: number;
  readonly servers: number;
  readonly clients: number;
  /** ms of the phase with faults, and the most that healing may take afterwards. */
  readonly safetyMs: number;
  readonly livenessMs: number;

  // Servers.
  readonly tickTime: number;
  readonly electionWaitMs: number;
  readonly heartbeatMs: number;
  readonly snapCount: number;
  readonly historyBytesMax: number;
  readonly batchTxnsMax: number;
  readonly batchesInFlightMax: number;
  readonly leaderlessGraceMs: number;
  readonly segmentBytes: number;
  readonly containerCheckMs: number;

  // Network, ms.
  readonly latencyMs: number;
  readonly jitterMs: number;

  // Disk, ms.
  readonly fsyncMs: number;
  readonly slowFsyncChance: number;

  // Clients.
  readonly thinkMs: number;
  readonly pipeline: number;
  readonly keys: number;
  readonly sessionTimeoutMs: number;

  /** Mean ms between two faults; Infinity: none. */
  readonly faultEveryMs: number;
  /** Relative weights of the faults; 0 leaves one out. */
  readonly weights: Readonly<Record<FaultKind, number>>;
  /** A server that enters a phase of consensus (this one, or any) is crashed soon after, alone or with others. */
  readonly ambushChance: number;
  readonly ambushPhase: string;
  /** One of the servers is surprised this often whatever it enters, as by a machine that cannot stay up. */
  readonly frailty: number;
  /** A crash between two storage calls instead of at a moment of rest. */
  readonly midWriteChance: number;
  /** Un-synced sectors may be lost, torn or reordered at a crash; otherwise they are all lost. */
  readonly tearing: boolean;
  readonly clockDrift: number;
  /** Mean ms between two commands that a server's program proposes; 0: programs have no state machine. */
  readonly commandEveryMs: number;
}

export const faultKinds = [
  'crash',
  'crashAll',
  'pause',
  'partition',
  'isolate',
  'outpace',
  'bridge',
  'oneWay',
  'rivals',
  'breakLink',
  'breakClient',
  'slowDisk',
  'fsyncError',
  'diskFull',
  'clockJump',
  'wipe',
  'corrupt',
] as const;

/** Where consensus may be surprised. */
const phases = [
  'discovery',
  'synchronization',
  'broadcast',
  'joining',
  'promised',
  'synchronizing',
  'installing',
  'joined',
  'serving',
];

export type FaultKind = (typeof faultKinds)[number];

/** Draws the options of a run. */
export function drawOptions(seed: number): SimOptions {
  const prng = new Prng(seed ^ 0x5eed);
  const pick = <T>(...items: readonly T[]): T => prng.pick(items);
  const tickTime = pick(50, 100, 200);
  // Few kinds of faults leave one another room, many meet in ways that nobody thought of.
  const share = pick(0.1, 0.45, 0.45, 0.7);
  const weights = Object.fromEntries(
    faultKinds.map((kind) => [kind, prng.chance(share) ? pick(1, 2, 5) : 0]),
  ) as Record<FaultKind, number>;
  // Crashes and partitions are what consensus is about: they are rarely left out together.
  if (weights.crash === 0 && weights.partition === 0) weights[pick('crash', 'partition')] = 1;
  const ambushPhase = pick('any', 'any', ...phases);
  const latencyMs = pick(0.05, 0.5, 2, 10);
  const jitterMs = pick(0.05, 1, 5, 30);
  const fsyncMs = pick(0.1, 1, 5, 20);
  return {
    seed,
    servers: pick(3, 3, 3, 5),
    clients: pick(2, 3, 5),
    safetyMs: pick(4_000, 8_000, 12_000),
    livenessMs: 60_000,
    tickTime,
    electionWaitMs: pick(20, 100, 200),
    heartbeatMs: tickTime / 2,
    snapCount: pick(20, 50, 200, 100_000),
    historyBytesMax: pick(0, 500, 20_000, 1_000_000),
    batchTxnsMax: pick(1, 3, 100),
    batchesInFlightMax: pick(1, 2, 16),
    leaderlessGraceMs: pick(0, 300, 1000),
    segmentBytes: pick(4, 16, 64) * 1024,
    containerCheckMs: pick(50, 300, 2000),
    latencyMs,
    jitterMs,
    fsyncMs,
    slowFsyncChance: pick(0, 0, 0.01),
    thinkMs: pick(1, 5, 20),
    pipeline: pick(1, 3, 8),
    keys: pick(2, 5, 20),
    // A session must bear some dozen commits in a row, or every client starts anew for ever.
    sessionTimeoutMs: Math.max(tickTime * pick(4, 10, 40), 80 * (latencyMs + jitterMs + fsyncMs)),
    faultEveryMs: pick(150, 400, 1000, 3000),
    weights,
    ambushChance: pick(0, 0, 0.05, 0.2) * (ambushPhase === 'any' ? 1 : 4),
    ambushPhase,
    midWriteChance: pick(0, 0.3, 0.8),
    tearing: prng.chance(0.6),
    clockDrift: pick(0, 0, 0.01),
    frailty: pick(0, 0, 0, 0.3),
    commandEveryMs: pick(0, 20, 100),
  };
}
