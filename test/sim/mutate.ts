/** Plants each mutant in a copy of the built code and lets the simulator look for it. */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFlags } from '../support/flags.ts';
import { mutants, type Mutant } from './mutants.ts';

const dist = fileURLToPath(new URL('../..', import.meta.url));

const usage = `usage:
  npm run mutants                   all of them, two at a time; prints the table
  npm run mutants -- NAME…          some
  options: --seeds N (give up after so many, default 2000), --from S`;

/** A bug may keep a server busy for ever. */
const huntMsMax = 600_000;

/** What the search for a mutant came to. */
export interface Outcome {
  readonly mutant: Mutant;
  /** Runs needed, the failing one included; -1: not found. */
  readonly seeds: number;
  /** The invariant that broke, and the seed. */
  readonly checker: string;
  readonly seed: number;
}

/** The mutated text of the file. @throws Error when an edit does not fit the code exactly once */
export function mutated(mutant: Mutant): string {
  let text = readFileSync(join(dist, 'engine', mutant.file), 'utf8');
  for (const { find, replace } of [mutant, ...(mutant.also === undefined ? [] : [mutant.also])]) {
    const parts = text.split(find);
    if (parts.length !== 2) {
      throw new Error(`mutant ${mutant.name}: its text occurs ${parts.length - 1} times in ${mutant.file}, not once`);
    }
    text = parts.join(replace);
  }
  return text;
}

/** Runs seeds against the mutant until one fails. */
export function hunt(
  mutant: Mutant,
  from: number,
  count: number,
  command: readonly string[] = [join('test', 'sim', 'main.js')],
): Promise<Outcome> {
  const copy = join(dist, 'mutants', mutant.name);
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy, { recursive: true });
  for (const folder of ['engine', 'workers', join('test', 'sim'), join('test', 'support')]) {
    cpSync(join(dist, folder), join(copy, folder), { recursive: true });
  }
  writeFileSync(join(copy, 'engine', mutant.file), mutated(mutant));
  const [main, ...options] = command;
  return new Promise((resolve, reject) => {
    const args = [join(copy, main!), ...options, '--from', String(from), '--seeds', String(count), '--first'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: huntMsMax });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', reject);
    child.on('close', (_code, signal) => {
      rmSync(copy, { recursive: true, force: true });
      const [, seed, checker] = /^first failure: seed (\d+), (.*)$/m.exec(output) ?? [];
      if (seed !== undefined)
        resolve({ mutant, seeds: Number(seed) - from + 1, checker: checker!, seed: Number(seed) });
      else if (/^no failure/m.test(output)) resolve({ mutant, seeds: -1, checker: '', seed: -1 });
      else if (signal !== null) resolve({ mutant, seeds: count, checker: 'the run never ends', seed: -1 });
      else reject(new Error(`mutant ${mutant.name} ended with: ${output}`));
    });
  });
}

function row({ mutant, seeds, checker, seed }: Outcome): string {
  const found = seeds < 0 ? 'NOT FOUND' : `${String(seeds).padStart(5)} seeds   ${checker} (seed ${seed})`;
  return `${mutant.name.padEnd(36)}${mutant.issue.padEnd(26)}${found}`;
}

async function main(): Promise<void> {
  const flags = readFlags(usage, { seeds: 'number', from: 'number' }, true);
  const { positionals } = flags;
  const unknown = positionals.find((wanted) => !mutants.some(({ name }) => name === wanted));
  if (unknown !== undefined) throw new Error(`there is no mutant ${unknown}; they are in test/sim/mutants.ts`);
  const wanted = mutants.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const outcomes: Outcome[] = [];
  const queue = [...wanted];
  const next = async (): Promise<void> => {
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      const outcome = await hunt(mutant, flags.number('from', 1), flags.number('seeds', 2000));
      outcomes.push(outcome);
      process.stdout.write(`${row(outcome)}\n`);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, next));
  const found = outcomes.filter(({ seeds }) => seeds > 0);
  const needed = found.map(({ seeds }) => seeds).sort((a, b) => a - b);
  process.stdout.write(
    `\ncaught ${found.length} of ${outcomes.length}; seeds needed: median ${needed[needed.length >> 1] ?? '-'}, ` +
      `most ${needed.at(-1) ?? '-'}\n`,
  );
  process.exitCode = found.length === outcomes.length ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
