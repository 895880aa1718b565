/** Runs the micro benchmarks in a process of their own. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { MicroResult } from './main.ts';

const child = fileURLToPath(new URL('main.js', import.meta.url));
/** What is made while memory is counted must fit. */
const youngGenerationMiB = 128;

/** @param prefix of the names of the pieces that are wanted */
export function measureMicro(timeMs: number, prefix = ''): Promise<MicroResult[]> {
  const young = [`--max-semi-space-size=${youngGenerationMiB}`, `--min-semi-space-size=${youngGenerationMiB}`];
  const args = ['--expose-gc', ...young, child, String(timeMs), prefix];
  return new Promise((resolve, reject) => {
    const running = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    running.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
    running.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(output) as MicroResult[]);
      else reject(new Error(`the micro benchmarks ended with code ${code}.`));
    });
  });
}
