/**
 * The fuzzer's command line; see README.md in this folder.
 *
 *   npm run fuzz -- --minutes M           all targets, one after another, for M minutes in all
 *   options: --target NAME (repeatable), --seed S (first case), --cases N (so many of each target)
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { toText } from './corpus.ts';
import { runTarget, type RunResult } from './run.ts';
import { targets } from './targets/index.ts';

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function number(text: string | undefined, fallback: number, name: string): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  process.stderr.write(`fuzz: --${name} must be a number, not ${text}.\n`);
  process.exit(2);
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

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    cases: { type: 'string' },
    target: { type: 'string', multiple: true },
  },
});
const wanted = values.target ?? targets.map(({ name }) => name);
const unknown = wanted.find((name) => !targets.some((target) => target.name === name));
if (unknown !== undefined) {
  process.stderr.write(
    `fuzz: there is no target ${unknown}; there are ${targets.map(({ name }) => name).join(', ')}.\n`,
  );
  process.exit(2);
}
const cases = number(values.cases, Infinity, 'cases');
const minutes = number(values.minutes, cases === Infinity ? 1 : Infinity, 'minutes');
const from = number(values.seed, Date.now() % 2 ** 31, 'seed');
print(`from seed ${from}`);
for (const target of wanted) {
  const result = await runTarget({ target, from, cases, ms: (minutes * 60_000) / wanted.length });
  print(row(result));
  if (result.failure === null) continue;
  explain(result);
  process.exitCode = 1;
}
