/**
 * kill -9 of programs whose servers replicate a state machine, while all of them propose.
 *
 * Afterwards the machines hold one history, what was told as carried out stands in it exactly once, what was
 * refused does not, and what a program proposed in one life stands there in that order.
 */
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { EnsembleMember } from 'zabra';
import type { News } from '../support/machine-program.ts';
import { freeMembers } from '../support/ports.ts';
import { until } from '../support/until.ts';

const program = fileURLToPath(new URL('../support/machine-program.js', import.meta.url));
const waitMs = 20_000;
const progressed = 300;
const folder = mkdtempSync(join(tmpdir(), 'zabra-machine-kill-'));
const outcomes = new Map<string, string>();

class Program {
  readonly #id: number;
  readonly #servers: readonly EnsembleMember[];
  #child!: ChildProcess;
  #lives = 0;
  /** Of the present life. */
  applied = 0;
  settled = false;
  lines: readonly string[] = [];

  constructor(id: number, servers: readonly EnsembleMember[]) {
    this.#id = id;
    this.#servers = servers;
  }

  start(): void {
    const [id, servers] = [this.#id, this.#servers];
    const small = { snapCount: 1000, segmentBytes: 65_536, historyBytesMax: 20_000 };
    const dataDir = join(folder, `server-${id}`);
    const settings = { id, servers, dataDir, clientPort: -1, logLevel: 'silent', tickTime: 200, ...small };
    const life = `${id}-${++this.#lives}`;
    this.#child = fork(program, [JSON.stringify({ ...settings, life })], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.applied = 0;
    this.#child.on('message', ({ name, outcome, lines, settled }: News) => {
      if (outcome === 'applied') this.applied++;
      if (name !== undefined) outcomes.set(name, outcome!);
      if (lines !== undefined) this.lines = lines;
      if (settled === true) this.settled = true;
    });
  }

  async kill(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }

  ask(message: 'stop' | 'lines'): void {
    this.#child.send(message);
  }
}

const programs: Program[] = [];
after(async () => {
  await Promise.all(programs.map((each) => each.kill()));
  rmSync(folder, { recursive: true, force: true });
});

/** Each of `some` was told of so many more commands that they are carried out. */
async function progress(some: readonly Program[]): Promise<void> {
  const goals = some.map(({ applied }) => applied + progressed);
  await until('progress', waitMs, () => some.every(({ applied }, n) => applied >= goals[n]!));
}

test('one history, nothing lost, nothing twice', async () => {
  const servers = await freeMembers(3);
  for (const { id } of servers) programs.push(new Program(id, servers));
  for (const each of programs) each.start();
  await progress(programs);
  // Whoever leads is among them twice: each alone, then two, then all.
  for (const victims of [[0], [1], [2], [0, 1], [0, 1, 2]].map((set) => set.map((n) => programs[n]!))) {
    await Promise.all(victims.map((each) => each.kill()));
    if (victims.length === 1) await progress(programs.filter((each) => !victims.includes(each)));
    for (const each of victims) each.start();
    await progress(programs);
  }
  for (const each of programs) each.ask('stop');
  await until('outcome of every proposal', waitMs, () => programs.every(({ settled }) => settled));
  await until('one length', waitMs, () => {
    for (const each of programs) each.ask('lines');
    return programs.every(({ lines }) => lines.length > 0 && lines.length === programs[0]!.lines.length);
  });
  const [{ lines }, ...others] = programs as [Program, Program, Program];
  for (const other of others) assert.deepEqual(other.lines, lines);

  assert.equal(new Set(lines).size, lines.length, 'nothing twice');
  const places = new Map(lines.map((name, place) => [name, place]));
  for (const [name, outcome] of outcomes) {
    assert.match(outcome, /^(applied|refused|unknown)$/, name);
    if (outcome !== 'unknown') assert.equal(places.has(name), outcome === 'applied', `${name} was ${outcome}`);
  }
  const last = new Map<string, number>();
  for (const name of lines) {
    const [life, number] = name.split('.') as [string, string];
    assert.ok(Number(number) > (last.get(life) ?? 0), `${name} in the order of its proposals`);
    last.set(life, Number(number));
  }
});
