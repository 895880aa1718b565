/** The fuzzer's command line; see README.md in this folder. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFlags } from '../support/flags.ts';
import { toText } from './corpus.ts';
import { liveTargets } from './live/index.ts';
import { runTarget, type RunResult } from './run.ts';
import { targets } from './targets/index.ts';

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function row({ target, cases, ms, outcomes, failure }: RunResult): string {
  const shares = Object.entries(outcomes)
    .filter(([outcome]) => outcome !== '')
    .toSorted(([, a], [, b]) => b - a)
    .map(([outcome, count]) => `${outcome} ${((100 * count) / cases).toFixed(1)} %`);
  const rate = Math.round(cases / (ms / 1000));
  const verdict = failure === null ? 'ok  ' : 'FAIL';
  const figures = `${String(cases).padStart(9)} cases  ${String(rate).padStart(6)}/s`;
  return `${verdict} ${target.padEnd(14)}${figures}  ${shares.join(', ')}`;
}

/** Keeps the input of a failure as a file that can be moved to the corpus. */
function explain({ target, failure }: RunResult): void {
  const { seed, message, input } = failure!;
  print(`\n${target}, case ${seed}: ${message}\n`);
  if (input.length > 0) {
    const path = join(mkdtempSync(join(tmpdir(), 'zabra-fuzz-')), `${target}-${seed}.hex`);
    writeFileSync(path, toText(message.split('\n', 1)[0]!, input));
    print(`input: ${path}`);
  }
  print(`replay: npm run fuzz -- --target ${target} --seed ${seed} --cases 1\n`);
}

const usage = `usage:
  npm run fuzz -- --minutes M           all targets, one after another, for M minutes (1) in all
  options: --target NAME (repeatable), --seed S (first case), --cases N (so many of each target)
  npm run fuzz -- --planted             looks for every bug of planted.ts; prints which ones are found`;

const flags = readFlags(usage, {
  minutes: 'number',
  seed: 'number',
  cases: 'number',
  planted: 'switch',
  target: 'texts',
});
if (flags.has('planted')) await huntAll();
else await fuzz();

/** Runs the fuzzer on each planted bug. */
async function huntAll(): Promise<void> {
  const { hunt, planted } = await import('./planted.ts');
  for (const mutant of planted) {
    const isFound = /^FAIL/m.test(await hunt(mutant));
    print(`${isFound ? 'found    ' : 'NOT FOUND'} nobody checks ${mutant.name} (${mutant.target})`);
    if (!isFound) process.exitCode = 1;
  }
}

async function fuzz(): Promise<void> {
  const names = [...targets, ...liveTargets].map(({ name }) => name);
  const wanted = flags.texts('target') ?? names;
  const unknown = wanted.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    process.stderr.write(`fuzz: there is no target ${unknown}; there are ${names.join(', ')}.\n`);
    process.exit(2);
  }
  const cases = flags.number('cases', Infinity);
  const minutes = flags.number('minutes', cases === Infinity ? 1 : Infinity);
  const from = flags.number('seed', Date.now() % 2 ** 31);
  print(`from seed ${from}`);
  for (const target of wanted) {
    const options = { from, cases, ms: (minutes * 60_000) / wanted.length };
    const live = liveTargets.find(({ name }) => name === target);
    const result = live === undefined ? await runTarget({ target, ...options }) : await live.run(options);
    print(row(result));
    if ('notes' in result) print(`     ${result.notes}`);
    if (result.failure === null) continue;
    explain(result);
    process.exitCode = 1;
  }
}
