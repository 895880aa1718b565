/** What a client has to wait while something else goes on, and how much of that is the machine's fault. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { RawClient } from './raw-client.ts';
import type { ServerProcess } from './server-process.ts';

export interface Waits {
  /** Of single requests, ms, sorted. */
  readonly ms: readonly number[];
  /**
   * How much longer the server took than on a machine with a core for each who wants one: the time it
   * ran and the time it could have run but found no free core, by the time it ran.
   */
  readonly slowdown: number;
}

/** The wait at a part of all requests, as 0.99. */
export function waitAt(waits: Waits, part: number): number {
  return waits.ms[Math.floor((waits.ms.length - 1) * part)] ?? 0;
}

export function figures(waits: Waits): string {
  const at = (part: number): string => waitAt(waits, part).toFixed(1);
  const machine = `the server's core shared by ${waits.slowdown.toFixed(1)}`;
  return `${waits.ms.length} requests, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms; ${machine}`;
}

/** Sets and gets `path`, one after the other, until `end` resolves (and at least once). */
export async function waitsUntil(
  end: Promise<unknown>,
  client: RawClient,
  path: string,
  server: ServerProcess,
): Promise<Waits> {
  let ended = false;
  const done = end.finally(() => (ended = true));
  const before = await processorMs(server);
  const ms: number[] = [];
  do {
    for (const ask of [() => client.set(path, String(ms.length)), () => client.get(path)]) {
      const start = performance.now();
      assert.equal((await ask())?.err, 0);
      ms.push(performance.now() - start);
    }
  } while (!ended);
  await done;
  const after = await processorMs(server);
  const slowdown = 1 + (after.waited - before.waited) / Math.max(after.ran - before.ran, 1);
  return { ms: ms.toSorted((a, b) => a - b), slowdown };
}

/** Of the server's main thread since it began; 0 where the system does not tell. */
async function processorMs({ pid }: ServerProcess): Promise<{ ran: number; waited: number }> {
  const text = await readFile(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').catch(() => '0 0');
  const [ran = 0, waited = 0] = text.split(' ').map((nanoseconds) => Number(nanoseconds) / 1e6);
  return { ran, waited };
}

export async function residentMiB({ pid }: ServerProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Math.round(Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024);
}
