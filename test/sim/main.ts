/** The simulator's command line; see README.md in this folder. */
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { readFlags } from '../support/flags.ts';
import { addFigures, noFigures, report } from './report.ts';
import { drawOptions } from './options.ts';
import { run, type Figures, type RunResult } from './run.ts';
import { shrink } from './shrink.ts';

const usage = `usage:
  npm run sim -- --seed S          replays one seed and prints its trace hash
  npm run sim -- --seeds N         runs N seeds (200) on all cores
  npm run sim -- --minutes M       runs seeds for M minutes
  options: --from S (first seed), --lines N (events shown of a failure), --threads T
           --first (one thread, stops at the first failure and prints one line of it)`;

interface Share {
  readonly from: number;
  readonly step: number;
  readonly count: number;
  readonly endAt: number;
}

interface Progress {
  readonly figures: Figures;
  /** Seed that failed, or -1. */
  readonly failed: number;
}

/** Seeds between two messages of a worker. */
const reportEvery = 20;

/** Everything about a failing run: options, the last events, and the smallest options that still fail. */
function explain({ options, violation, lines }: RunResult, count: number): void {
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  print(`\nseed ${options.seed} fails: ${violation!.message}\n`);
  print(`options: ${JSON.stringify(options)}\n`);
  print(`the last ${count} events:`);
  for (const line of lines.slice(-count)) print(line);
  print(`\n${shrink(options, violation!.checker)}`);
  print(`replay: npm run sim -- --seed ${options.seed}\n`);
}

function replay(seed: number, count: number): void {
  const result = run(drawOptions(seed), true);
  if (result.violation !== null) explain(result, count);
  report(result.figures, 0);
  process.stdout.write(`trace hash: ${result.hash}\n`);
  process.exitCode = result.violation === null ? 0 : 1;
}

function untilFirst(from: number, count: number): void {
  for (let seed = from; seed < from + count; seed++) {
    const { violation } = run(drawOptions(seed));
    if (violation === null) continue;
    process.stdout.write(`first failure: seed ${seed}, ${violation.checker}\n`);
    process.exitCode = 1;
    return;
  }
  process.stdout.write(`no failure in ${count} seeds\n`);
}

function work(share: Share): void {
  let figures = noFigures();
  let pending = 0;
  for (let i = 0; i < share.count && Date.now() < share.endAt; i++) {
    const seed = share.from + i * share.step;
    const result = run(drawOptions(seed));
    figures = addFigures(figures, result.figures);
    pending++;
    if (pending < reportEvery && result.violation === null) continue;
    const failed = result.violation === null ? -1 : seed;
    parentPort!.postMessage({ figures, failed } satisfies Progress);
    figures = noFigures();
    pending = 0;
  }
  parentPort!.postMessage({ figures, failed: -1 } satisfies Progress);
}

async function runMany(from: number, count: number, minutes: number, threads: number, lines: number): Promise<void> {
  const started = Date.now();
  const endAt = minutes > 0 ? started + minutes * 60_000 : Infinity;
  const failed: number[] = [];
  let total = noFigures();
  let printed = 0;
  const onProgress = (progress: Progress): void => {
    total = addFigures(total, progress.figures);
    if (progress.failed >= 0) {
      failed.push(progress.failed);
      if (failed.length === 1) explain(run(drawOptions(progress.failed), true), lines);
      else process.stdout.write(`seed ${progress.failed} fails too\n`);
    }
    if (Date.now() - printed < 5000) return;
    printed = Date.now();
    const seconds = (Date.now() - started) / 1000;
    process.stdout.write(`${total.runs} seeds in ${seconds.toFixed(0)} s, ${failed.length} failed\n`);
  };
  await Promise.all(
    Array.from({ length: threads }, (_, index) => {
      const share: Share = { from: from + index, step: threads, count: Math.ceil((count - index) / threads), endAt };
      return new Promise<void>((resolve, reject) => {
        const worker = new Worker(new URL(import.meta.url), { workerData: share });
        worker.on('message', onProgress);
        worker.on('error', reject);
        worker.on('exit', () => resolve());
      });
    }),
  );
  report(total, (Date.now() - started) / 1000);
  process.stdout.write(`violations: ${failed.length}${failed.length > 0 ? ` (seeds ${failed.join(', ')})` : ''}\n`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

if (isMainThread) {
  const flags = readFlags(usage, {
    seed: 'number',
    seeds: 'number',
    minutes: 'number',
    from: 'number',
    lines: 'number',
    threads: 'number',
    first: 'switch',
  });
  const lines = flags.number('lines', 60);
  if (flags.has('seed')) {
    replay(flags.number('seed', 0), lines);
  } else {
    const minutes = flags.number('minutes', 0);
    const count = flags.number('seeds', minutes > 0 ? Number.MAX_SAFE_INTEGER : 200);
    const threads = flags.number('threads', availableParallelism());
    const from = flags.number('from', 1);
    if (flags.has('first')) untilFirst(from, count);
    else await runMany(from, count, minutes, threads, lines);
  }
} else {
  work(workerData as Share);
}
