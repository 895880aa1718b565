/** Runs a target in a thread, and ends it when it hangs or takes too much memory. */
import { Worker } from 'node:worker_threads';
import type { Failure, Report, Share } from './worker.ts';

/** Case after case takes a millisecond or less; one that takes this long never ends, ms. */
const hangMs = 20_000;
const heapMiBMax = 384;
/** Resident memory of the process, whose targets keep nothing. */
const residentMiBMax = 1500;
const watchMs = 200;

export interface RunOptions {
  readonly target: string;
  readonly from: number;
  readonly cases: number;
  readonly ms: number;
}

export interface RunResult extends Report {
  readonly target: string;
  readonly ms: number;
}

export function runTarget({ target, from, cases, ms }: RunOptions): Promise<RunResult> {
  const at = new SharedArrayBuffer(8);
  const present = new Float64Array(at).fill(from);
  const started = performance.now();
  const share: Share = { target, from, cases, ms, at };
  const worker = new Worker(new URL('worker.js', import.meta.url), {
    workerData: share,
    resourceLimits: { maxOldGenerationSizeMb: heapMiBMax },
  });
  return new Promise((resolve) => {
    let seen = { seed: -1, at: started };
    const end = (report: Report): void => {
      clearInterval(watch);
      void worker.terminate();
      resolve({ ...report, target, ms: performance.now() - started });
    };
    const fail = (message: string): void => {
      const failure: Failure = { seed: present[0]!, message, input: [] };
      end({ cases: present[0]! - from, outcomes: {}, failure });
    };
    const watch = setInterval(() => {
      const now = performance.now();
      if (present[0] !== seen.seed) seen = { seed: present[0]!, at: now };
      const residentMiB = process.memoryUsage.rss() / 2 ** 20;
      if (residentMiB > residentMiBMax) fail(`${Math.round(residentMiB)} MiB are resident`);
      else if (now - seen.at > hangMs) fail(`has not come to an end after ${hangMs / 1000} s`);
    }, watchMs);
    worker.on('message', end);
    worker.on('error', (error: Error) => fail(error.stack ?? error.message));
  });
}
