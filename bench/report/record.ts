/**
 * What is kept of a run: everything that is needed to compare it, and to say where it does not compare.
 *
 *   results/<time>-<command>.json      the record          results/<time>-<command>.html      the report
 *   bench/history.ndjson               one line per run without flags, in the repository
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GeneratorUse, Measured } from '../load/generators.ts';
import type { Workload } from '../load/workload.ts';
import type { HistogramData } from '../measure/histogram.ts';
import { machineKey, projectFolder, type Disk, type Machine, type Revision } from '../measure/machine.ts';
import { median, spread } from '../measure/statistics.ts';

export const recordFormat = 1;
export const historyFile = join(projectFolder, 'bench', 'history.ndjson');
export const resultsFolder = join(projectFolder, 'bench', 'results');

/** µs */
export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** One measured stretch of a load. */
export interface Round extends Percentiles {
  readonly perSecond: number;
  readonly writesPerSecond: number;
  readonly readsPerSecond: number;
  readonly errors: Readonly<Record<number, number>>;
  readonly lost: number;
  readonly unanswered: number;
  /** Open loop, µs: p99 of what a closed loop would have seen, and of how late requests went. */
  readonly serviceP99: number;
  readonly lagP99: number;
  readonly generator: GeneratorUse;
  readonly latency: HistogramData;
  /** Acknowledged writes in each 10 ms of the measured stretch. */
  readonly timeline: readonly number[];
}

export interface LoadRecord {
  readonly name: string;
  readonly target: string;
  readonly workload: Workload;
  readonly rounds: readonly Round[];
}

export interface RunRecord {
  readonly format: typeof recordFormat;
  readonly command: string;
  readonly at: string;
  readonly revision: Revision;
  readonly machine: Machine;
  /** Share of this machine's processor time that a hypervisor gave to others meanwhile. */
  readonly stolen?: number;
  /** null where the servers run elsewhere. */
  readonly disk: Disk | null;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly warnings: readonly string[];
  /** Medians over the rounds of each load, and their spread. */
  readonly summaries: readonly (Summary & Pick<LoadRecord, 'name' | 'target'>)[];
  readonly loads: readonly LoadRecord[];
  readonly headline: Readonly<Record<string, number>>;
  /** What only this command knows. */
  readonly details: Readonly<Record<string, unknown>>;
}

const timelineStepMs = 10;

/** @param warmMs how much of the timeline came before the measured stretch */
export function toRound(measured: Measured, warmMs: number): Round {
  const { latency } = measured;
  const steps = Math.round((measured.seconds * 1000) / timelineStepMs);
  const timeline = Array.from({ length: steps }, (_, step) => {
    const from = warmMs + step * timelineStepMs;
    return measured.timeline.subarray(from, from + timelineStepMs).reduce((sum, count) => sum + count, 0);
  });
  return {
    perSecond: measured.perSecond,
    writesPerSecond: measured.writesPerSecond,
    readsPerSecond: measured.readsPerSecond,
    p50: latency.quantile(0.5),
    p90: latency.quantile(0.9),
    p99: latency.quantile(0.99),
    p999: latency.quantile(0.999),
    max: latency.max,
    errors: measured.errors,
    lost: measured.lost,
    unanswered: measured.unanswered,
    serviceP99: measured.service.quantile(0.99),
    lagP99: measured.lag.quantile(0.99),
    generator: measured.generator,
    latency: latency.data(),
    timeline,
  };
}

export interface Summary extends Percentiles {
  readonly perSecond: number;
  readonly spread: number;
  readonly usPerOperation: number;
  readonly failures: number;
}

/** Medians over the rounds of a load. */
export function summarize({ rounds }: Pick<LoadRecord, 'rounds'>): Summary {
  const middle = (pick: (round: Round) => number): number => median(rounds.map(pick));
  return {
    perSecond: middle((round) => round.perSecond),
    spread: spread(rounds.map((round) => round.perSecond)),
    p50: middle((round) => round.p50),
    p90: middle((round) => round.p90),
    p99: middle((round) => round.p99),
    p999: middle((round) => round.p999),
    max: Math.max(...rounds.map((round) => round.max)),
    usPerOperation: middle((round) => round.generator.usPerOperation),
    failures: rounds.reduce((sum, { errors, lost, unanswered }) => sum + total(errors) + lost + unanswered, 0),
  };
}

function total(errors: Readonly<Record<number, number>>): number {
  return Object.values(errors).reduce((sum, count) => sum + count, 0);
}

/** Writes the record; returns its path without the extension. */
export function saveRecord(record: RunRecord, folder: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${record.at.replace(/[:.]/g, '-')}-${record.command}`);
  writeFileSync(`${path}.json`, `${JSON.stringify(record)}\n`);
  return path;
}

/**
 * Reads a record.
 *
 * @throws Error with one sentence when it is none, or of a later format
 */
export function readRecord(path: string): RunRecord {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`${path} is no record of the bench: ${(error as Error).message}.`, { cause: error });
  }
  const { format, loads } = (value ?? {}) as Partial<RunRecord>;
  if (format !== recordFormat || !Array.isArray(loads))
    throw new Error(`${path} is no record of format ${recordFormat}: ${JSON.stringify(format)}.`);
  return value as RunRecord;
}

/** One line of history.ndjson. */
export interface HistoryLine {
  readonly at: string;
  readonly command: string;
  readonly commit: string;
  readonly dirty: boolean;
  readonly machine: string;
  readonly load1: number;
  readonly stolen?: number | undefined;
  readonly fsyncP50Us: number;
  readonly headline: Readonly<Record<string, number>>;
}

export function historyLine({ at, command, revision, machine, stolen, disk, headline }: RunRecord): HistoryLine {
  return {
    at,
    command,
    ...revision,
    machine: machineKey(machine),
    load1: machine.load1,
    stolen,
    fsyncP50Us: disk?.fsyncP50Us ?? 0,
    headline,
  };
}

export function readHistory(file = historyFile): HistoryLine[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as HistoryLine);
}

export function appendHistory(record: RunRecord, file = historyFile): void {
  appendFileSync(file, `${JSON.stringify(historyLine(record))}\n`);
}

/** Earlier runs of the same command on the same kind of machine, newest last. */
export function comparable(record: RunRecord, history: readonly HistoryLine[]): HistoryLine[] {
  const own = machineKey(record.machine);
  return history.filter(({ command, machine }) => command === record.command && machine === own);
}
