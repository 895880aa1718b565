/**
 * The generator processes of a run, and what they measured added up.
 *
 *   open ─► every session connected, keys made ─► run, run, … ─► close
 */
import { fork, type ChildProcess } from 'node:child_process';
import { Histogram } from '../measure/histogram.ts';
import type { LoadResult, LoadSpec, Protocol } from './load.ts';
import type { Preparation } from './prepare.ts';
import { sharedNow, type Order, type Report, type SourceSpec, type Verified } from './protocol.ts';
import type { KeyLedger } from './verify.ts';
import type { Workload } from './workload.ts';

const childFile = new URL('generator.js', import.meta.url);
/** Between the order to run and the start: enough for every process to have heard of it, ms. */
const leadMs = 30;
/** From this share of a core on a generator, not the servers, may be what limits. */
const saturatedCpu = 0.85;
const saturatedLoop = 0.97;

export interface GeneratorOptions {
  readonly protocol: Protocol;
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly workload: Workload;
  readonly processes: number;
  readonly source?: SourceSpec;
  readonly sessionTimeoutMs?: number;
  /** The keys are there, with data of this size. */
  readonly hasKeys?: boolean;
  /** Only keys from here on are to be made, and none of them is there. */
  readonly keysFrom?: number;
  /** ms that connecting, and that making the keys, may take. */
  readonly openMs?: number;
  readonly prepareMs?: number;
}

export interface Timing {
  readonly warmMs: number;
  readonly measureMs: number;
  /** Operations per second in all; 0: closed loop. Default: the workload's. */
  readonly rate?: number;
  readonly schedule?: Float64Array;
  readonly onProgress?: (operations: number) => void;
  /** Told the shared clock's time at which everything begins. */
  readonly onStart?: (startAt: number) => void;
}

/** What all generators together measured in one stretch. */
export interface Measured {
  readonly seconds: number;
  readonly operations: number;
  readonly perSecond: number;
  readonly writesPerSecond: number;
  readonly readsPerSecond: number;
  /** µs; with what was never answered, as old as it was at the end. */
  readonly latency: Histogram;
  readonly writeLatency: Histogram;
  readonly readLatency: Histogram;
  readonly service: Histogram;
  readonly lag: Histogram;
  readonly errors: Readonly<Record<number, number>>;
  readonly lost: number;
  readonly reconnects: number;
  readonly events: number;
  readonly malformed: number;
  readonly unanswered: number;
  readonly timeline: Float64Array;
  readonly longestGapMs: number;
  readonly generator: GeneratorUse;
  /** When the stretch began, by the shared clock. */
  readonly startAt: number;
  readonly verified: Verified | null;
}

export interface GeneratorUse {
  /** µs of CPU time for each operation. */
  readonly usPerOperation: number;
  /** Of the busiest process: share of a core, and of the time its event loop had something to do. */
  readonly cpu: number;
  readonly busy: number;
  /** 'saturated': figures are a lower bound of what the servers can do; 'starved': others took the processor. */
  readonly verdict: 'fine' | 'saturated' | 'starved';
}

export class Generators {
  readonly #children: readonly Child[];

  private constructor(children: readonly Child[]) {
    this.#children = children;
  }

  /**
   * Starts the processes and connects all sessions.
   *
   * @throws Error with one sentence when that fails
   */
  static async open(options: GeneratorOptions): Promise<Generators> {
    const { workload, processes, protocol, hosts, source = { kind: 'mix' } } = options;
    const { openMs = 30_000, prepareMs = 120_000 } = options;
    const count = Math.max(1, Math.min(processes, workload.sessions));
    const run = String(Math.floor(Math.random() * 1e6)).padStart(6, '0');
    const children: Child[] = [];
    try {
      for (let n = 0, first = 0; n < count; n++) {
        const sessions = Math.floor(((n + 1) * workload.sessions) / count) - first;
        const spec: LoadSpec = {
          protocol,
          hosts,
          workload: { ...workload, sessions },
          firstSession: first,
          seed: 1000 + n,
          run,
          sessionTimeoutMs: options.sessionTimeoutMs ?? 10_000,
        };
        const child = new Child();
        children.push(child);
        // The first one makes what all of them need.
        const preparation = n === 0 ? preparationOf(options) : null;
        await child.ask({ kind: 'open', spec, source, preparation, openMs, prepareMs }, 'ready');
        first += sessions;
      }
    } catch (error) {
      for (const child of children) child.kill();
      throw error;
    }
    return new Generators(children);
  }

  async run(timing: Timing): Promise<Measured> {
    const { warmMs, measureMs, rate = 0, schedule, onProgress } = timing;
    const startAt = sharedNow() + leadMs;
    timing.onStart?.(startAt);
    const done = this.#children.map(() => 0);
    const reports = await Promise.all(
      this.#children.map((child, n) => {
        child.onProgress = (operations) => {
          done[n] = operations;
          onProgress?.(done.reduce((sum, count) => sum + count, 0));
        };
        const order: Order = {
          kind: 'run',
          startAt,
          warmMs,
          measureMs,
          rate: rate / this.#children.length,
          ...(schedule === undefined ? {} : { schedule }),
        };
        return child.ask(order, 'result');
      }),
    );
    return combine(
      reports.map(({ result }) => result),
      reports.map(({ verified }) => verified),
      startAt,
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.close()));
  }
}

function preparationOf({ workload, hasKeys, keysFrom }: GeneratorOptions): Preparation {
  const keys = hasKeys !== true;
  return { sessions: workload.sessions, keys, ...(keysFrom === undefined ? {} : { keysFrom }) };
}

class Child {
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  #waiting: { resolve: (report: Report) => void; reject: (error: Error) => void } | null = null;
  onProgress: (operations: number) => void = () => {};

  constructor() {
    this.#process = fork(childFile, { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#process.on('message', (report: Report) => this.#heard(report));
    this.#exited = new Promise((resolve) =>
      this.#process.once('exit', () => {
        this.#waiting?.reject(new Error('a load generator ended unexpectedly'));
        resolve();
      }),
    );
  }

  async ask<K extends 'ready' | 'result'>(order: Order, kind: K): Promise<Extract<Report, { kind: K }>> {
    const report = await new Promise<Report>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#process.send(order);
    });
    if (report.kind === 'failed') throw new Error(`the load generator failed: ${report.reason}`);
    if (report.kind !== kind) throw new Error(`the load generator answered ${report.kind} instead of ${kind}`);
    return report as Extract<Report, { kind: K }>;
  }

  #heard(report: Report): void {
    if (report.kind === 'progress') {
      this.onProgress(report.operations);
      return;
    }
    this.#waiting?.resolve(report);
    this.#waiting = null;
  }

  async close(): Promise<void> {
    this.#waiting = null;
    if (this.#process.connected) this.#process.send({ kind: 'close' } satisfies Order);
    await this.#exited;
  }

  kill(): void {
    this.#waiting = null;
    this.#process.kill('SIGKILL');
  }
}

function combine(results: readonly LoadResult[], verified: readonly (Verified | null)[], startAt: number): Measured {
  const total = (pick: (result: LoadResult) => number): number => results.reduce((sum, one) => sum + pick(one), 0);
  const most = (pick: (result: LoadResult) => number): number => Math.max(...results.map(pick));
  const merged = (...picks: ((result: LoadResult) => Parameters<Histogram['add']>[0])[]): Histogram => {
    const histogram = new Histogram();
    for (const result of results) for (const pick of picks) histogram.add(pick(result));
    return histogram;
  };
  const { seconds } = results[0]!;
  const unanswered = merged((one) => one.unanswered);
  const operations = total((one) => one.operations);
  const errors: Record<number, number> = {};
  for (const result of results)
    for (const [code, count] of Object.entries(result.errors))
      errors[Number(code)] = (errors[Number(code)] ?? 0) + count;
  const timeline = new Float64Array(most((one) => one.timeline.length));
  for (const result of results) for (const [at, count] of result.timeline.entries()) timeline[at]! += count;
  return {
    seconds,
    operations,
    perSecond: operations / seconds,
    writesPerSecond: total((one) => one.writes) / seconds,
    readsPerSecond: total((one) => one.reads) / seconds,
    latency: merged(
      (one) => one.writeLatency,
      (one) => one.readLatency,
      (one) => one.unanswered,
    ),
    writeLatency: merged((one) => one.writeLatency),
    readLatency: merged((one) => one.readLatency),
    service: merged((one) => one.service),
    lag: merged((one) => one.lag),
    errors,
    lost: total((one) => one.lost),
    reconnects: total((one) => one.reconnects),
    events: total((one) => one.events),
    malformed: total((one) => one.malformed),
    unanswered: unanswered.count,
    timeline,
    longestGapMs: most((one) => one.longestGapMs),
    generator: judge(results, operations, seconds),
    startAt,
    verified: mergeVerified(verified),
  };
}

function judge(results: readonly LoadResult[], operations: number, seconds: number): GeneratorUse {
  const cpu = Math.max(...results.map(({ cpuUs }) => cpuUs / 1e6 / seconds));
  const busy = Math.max(...results.map((result) => result.busy));
  const cpuUs = results.reduce((sum, result) => sum + result.cpuUs, 0);
  return {
    usPerOperation: operations === 0 ? 0 : cpuUs / operations,
    cpu,
    busy,
    verdict: cpu >= saturatedCpu ? 'saturated' : busy >= saturatedLoop ? 'starved' : 'fine',
  };
}

function mergeVerified(parts: readonly (Verified | null)[]): Verified | null {
  const found = parts.filter((part) => part !== null);
  if (found.length === 0) return null;
  const ledgers: KeyLedger[] = found.flatMap((part) => part.ledgers);
  return {
    ledgers,
    violations: found.flatMap((part) => part.violations),
    violationCount: found.reduce((sum, part) => sum + part.violationCount, 0),
  };
}
