/**
 * Runs cases of one target in a thread of its own, so that one that never ends can be ended.
 *
 * Case n is drawn from seed n alone. Before each case its number is left in shared memory: whoever
 * watches knows where the thread stands.
 */
import { getHeapStatistics } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { Prng } from '../../engine/base/prng.ts';
import { shrink } from './shrink.ts';
import { targets } from './targets/index.ts';
import type { Input, Target } from './targets/target.ts';

export interface Share {
  readonly target: string;
  readonly from: number;
  readonly cases: number;
  readonly ms: number;
  /** Number of the present case. */
  readonly at: SharedArrayBuffer;
}

export interface Report {
  readonly cases: number;
  /** How often each outcome came. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly failure: Failure | null;
}

export interface Failure {
  /** -1: an input that was kept. */
  readonly seed: number;
  readonly message: string;
  /** The smallest input found that fails in the same way. */
  readonly input: readonly Uint8Array[];
}

/** However short the time: a busy machine must not turn a run into nothing. */
const casesMin = 20;
/** A case may take this much of a processor, ms, and does so again and again, or it is a failure. */
const slowMs = 500;
/** Buffers that one case may take, however soon it lets go of them. */
const buffersMiBMax = 64;

/** What is wrong with the way in which the input is handled, or its outcome. */
export function judge(target: Target, input: Input): { outcome: string; wrong: string } {
  try {
    const before = getHeapStatistics().external_memory;
    const { outcome, tookMs } = timed(target, input);
    const tookMiB = (getHeapStatistics().external_memory - before) / 2 ** 20;
    if (tookMiB > buffersMiBMax) return { outcome, wrong: `takes ${Math.round(tookMiB)} MiB at once` };
    if (tookMs < slowMs) return { outcome, wrong: '' };
    // The collector may have come along.
    const again = [1, 2, 3].map(() => timed(target, input).tookMs);
    return { outcome, wrong: Math.min(...again) < slowMs ? '' : `takes more than ${slowMs} ms` };
  } catch (error) {
    return { outcome: '', wrong: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

/** Time of the processor, since the machine may be busy with something else. */
function timed(target: Target, input: Input): { outcome: string; tookMs: number } {
  const before = process.cpuUsage();
  const outcome = target.run(input);
  const { user, system } = process.cpuUsage(before);
  return { outcome, tookMs: (user + system) / 1000 };
}

function work({ target: name, from, cases, ms, at }: Share): void {
  const endAt = performance.now() + ms;
  const target = targets.find((each) => each.name === name)!;
  const present = new Float64Array(at);
  const outcomes: Record<string, number> = {};
  let done = 0;
  let failure: Failure | null = null;
  for (; done < cases && failure === null && (done < casesMin || performance.now() < endAt); done++) {
    const seed = from + done;
    present[0] = seed;
    const input = target.draw(new Prng(seed));
    const { outcome, wrong } = judge(target, input);
    if (wrong !== '') {
      const smallest = shrink(input, (smaller) => firstLine(judge(target, smaller).wrong) === firstLine(wrong));
      failure = { seed, message: wrong, input: smallest.map((part) => Uint8Array.from(part)) };
    }
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
  parentPort!.postMessage({ cases: done, outcomes, failure } satisfies Report);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.replace(/\d+/g, 'N');
}

if (parentPort !== null) work(workerData as Share);
