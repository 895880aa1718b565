/** `replay FILE`: makes the requests of a recording again, at their times (or `--speed` times as fast). */
import { Client } from '../../engine/client/index.ts';
import { Generators } from '../load/generators.ts';
import { inOrder, neededZnodes, readRecording, type RecordedOperation } from '../load/recording.ts';
import { toRound, type LoadRecord } from '../report/record.ts';
import type { Target } from '../target/target.ts';
import { finish, printLoads } from './finish.ts';
import type { Options } from './options.ts';
import { Run } from './run.ts';
import { openTarget } from './target.ts';

/** Requests of a session that may be in flight: a recording waits for nothing. */
const windowMax = 4096;

export async function runReplay(options: Options): Promise<void> {
  const [file] = options.positionals;
  if (file === undefined) throw new Error('replay wants the file of a recording.');
  const { operations, sessions } = inOrder(readRecording(file));
  if (operations.length === 0) throw new Error(`${file} holds no request.`);
  const schedule = Float64Array.from(operations, ([at]) => at / options.speed);
  const measureMs = schedule.at(-1)! + 1;
  const run = new Run('replay', options, measureMs + 5000);
  const target = await openTarget(run, options);
  try {
    run.progress.step('making the znodes that the recording finds');
    await makeZnodes(target, operations);
    run.progress.step(`${operations.length} requests of ${sessions} sessions`);
    const workload = { ...options.workload, sessions, window: windowMax, keys: 1, rate: 0 };
    const { protocol, hosts } = target;
    const source = { kind: 'replay', operations } as const;
    // One process: requests have an order over all sessions.
    const generators = await Generators.open({ protocol, hosts, workload, processes: 1, source, hasKeys: true });
    try {
      const measured = await run.stretch(target, generators, workload, { warmMs: 0, measureMs, schedule });
      const loads: LoadRecord[] = [{ name: file, target: target.label, workload, rounds: [toRound(measured, 0)] }];
      const record = run.record(loads, {}, { file, speed: options.speed });
      run.progress.end();
      printLoads(loads);
      finish(run, record);
    } finally {
      await generators.close();
    }
  } finally {
    await target.close();
  }
}

/** Makes the znodes that a recording needs. */
async function makeZnodes({ hosts }: Target, operations: readonly RecordedOperation[]): Promise<void> {
  const needed = neededZnodes(operations);
  const client = await Client.connect(hosts.map(({ host, port }) => `${host}:${port}`).join(','));
  try {
    for (const path of needed) if ((await client.exists(path)) === null) await client.create(path);
  } finally {
    await client.close();
  }
}
