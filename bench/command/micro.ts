/** `micro`: ns and bytes for each operation of the pieces, in a process of its own. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { MicroResult } from '../micro/main.ts';
import { textTable } from '../report/format.ts';
import { microTable } from '../report/micro-page.ts';
import { finish, print } from './finish.ts';
import type { Options } from './options.ts';
import { Run } from './run.ts';

const child = fileURLToPath(new URL('../micro/main.js', import.meta.url));
/** MiB: what is made while memory is counted must fit. */
const youngGenerationMiB = 128;

export async function runMicro(options: Options): Promise<void> {
  const timeMs = (options.seconds ?? 1) * 1000;
  const run = new Run('micro', options, timeMs * 20);
  run.progress.step('measuring the pieces');
  const results = await measure(timeMs);
  const headline = Object.fromEntries(
    results.map(({ name, nsPerOperation }) => [name, Math.round(nsPerOperation * 10) / 10]),
  );
  const record = run.record([], headline, { results });
  run.progress.end();
  print(`\n${textTable(microTable(results))}`);
  finish(run, record);
}

function measure(timeMs: number): Promise<MicroResult[]> {
  return new Promise((resolve, reject) => {
    const flags = [
      '--expose-gc',
      `--max-semi-space-size=${youngGenerationMiB}`,
      `--min-semi-space-size=${youngGenerationMiB}`,
    ];
    const running = spawn(process.execPath, [...flags, child, String(timeMs)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    running.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
    running.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(output) as MicroResult[]);
      else reject(new Error(`the micro benchmarks ended with code ${code}.`));
    });
  });
}
