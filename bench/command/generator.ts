/** `generator`: what the load generator itself costs, against a server that only pretends. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { canonicalWorkload, describeWorkload, type Workload } from '../load/workload.ts';
import { textTable, whole } from '../report/format.ts';
import type { LoadRecord } from '../report/record.ts';
import { hostsTarget } from '../target/target.ts';
import { finish, print } from './finish.ts';
import type { Options } from './options.ts';
import { Run } from './run.ts';

const serverFile = fileURLToPath(new URL('../load/null-server-main.js', import.meta.url));
const loads: readonly Workload[] = [
  canonicalWorkload,
  { ...canonicalWorkload, window: 100, bytes: 1024 },
  { ...canonicalWorkload, window: 100, bytes: 1024, mix: { get: 1 } },
  {
    ...canonicalWorkload,
    window: 100,
    mix: { get: 80, set: 10, create: 5, delete: 5 },
    distribution: { kind: 'zipf', exponent: 0.99 },
  },
  { ...canonicalWorkload, window: 1 },
];

export async function runGenerator(options: Options): Promise<void> {
  const measureMs = (options.seconds ?? 3) * 1000;
  // The generator's code must have been compiled.
  const warmMs = (options.warm ?? 2) * 1000;
  const workloads = options.hasOwnWorkload ? [options.workload] : loads;
  const run = new Run('generator', options, workloads.length * (measureMs + warmMs + 500));
  const server = fork(serverFile, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  try {
    const port = await new Promise<number>((resolve) => server.once('message', (message) => resolve(Number(message))));
    const target = { ...hostsTarget([{ host: '127.0.0.1', port }]), label: 'a server that only pretends' };
    const records: LoadRecord[] = [];
    for (const workload of workloads) {
      run.progress.step(describeWorkload(workload));
      const { round } = await run.round(target, workload, { warmMs, measureMs, rate: workload.rate });
      records.push({ name: describeWorkload(workload), target: target.label, workload, rounds: [round] });
    }
    const record = run.record(records, { usPerOperation: records[0]!.rounds[0]!.generator.usPerOperation });
    run.progress.end();
    const rows = records.map(({ name, rounds: [round] }) => {
      const { perSecond, generator } = round!;
      return [name, whole(perSecond), generator.usPerOperation.toFixed(2), `${Math.round(generator.cpu * 100)} %`];
    });
    print(`\n${textTable({ head: ['load', 'per second', 'µs of CPU each', 'of a core'], rows })}`);
    finish(run, record);
  } finally {
    server.kill();
  }
}
