/**
 * Has a real client, in a process of its own, do its scenarios against an ensemble and reports each one.
 *
 *   driver ─► pass NAME │ fail NAME: why        the result of a scenario
 *          ─► kill PORT                         kill -9 of the server at that client port; a line comes back
 *          ─► restart                           all servers run again and serve; a line comes back
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import type { ProcessEnsemble } from '../support/server-process.ts';

const driverMs = 120_000;
const outputMax = 16 * 1024;

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs the driver; each of `scenarios` is a subtest, which fails as well when the driver does not come to it. */
export async function conduct(
  t: TestContext,
  ensemble: ProcessEnsemble,
  command: Command,
  scenarios: readonly string[],
): Promise<void> {
  const { results, code, output } = await run(ensemble, command);
  for (const name of scenarios) {
    await t.test(name, () => {
      const result = results.get(name);
      assert.equal(result ?? `the driver ended with ${code} before`, passed, output);
    });
  }
  assert.equal(code, 0, output);
  assert.deepEqual([...results.keys()].toSorted(), scenarios.toSorted());
}

const passed = 'passed';

interface Run {
  /** `passed`, or why not, by scenario. */
  readonly results: ReadonlyMap<string, string>;
  readonly code: number | string;
  readonly output: string;
}

async function run(ensemble: ProcessEnsemble, { file, args, env }: Command): Promise<Run> {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const results = new Map<string, string>();
  let output = '';
  const timer = setTimeout(() => child.kill('SIGKILL'), driverMs);
  const note = (text: string): string => (output = (output + text).slice(-outputMax));
  child.stderr.on('data', (chunk: Buffer) => note(chunk.toString('utf8')));
  child.stdin.on('error', (error) => note(`${error.message}\n`));
  createInterface(child.stdout).on('line', (line) => {
    const [, word, name, why] = /^(pass|fail|kill|restart)(?: ([\w-]+))?(?:: (.*))?$/.exec(line) ?? [];
    if (word === 'pass') results.set(name!, passed);
    else if (word === 'fail') results.set(name!, why ?? 'failed');
    else if (word === 'kill') void killAt(ensemble, Number(name)).then(() => child.stdin.write('\n'));
    else if (word === 'restart') void restart(ensemble).then(() => child.stdin.write('\n'));
    else note(`${line}\n`);
  });
  const code = await new Promise<number | string>((resolve) =>
    child.once('close', (code, signal) => resolve(code ?? signal!)),
  );
  clearTimeout(timer);
  await restart(ensemble);
  return { results, code, output };
}

async function killAt(ensemble: ProcessEnsemble, port: number): Promise<void> {
  await ensemble.servers.find(({ clientPort }) => clientPort === port)!.kill();
}

async function restart(ensemble: ProcessEnsemble): Promise<void> {
  for (const server of ensemble.servers) if (!server.running) server.start();
  await ensemble.serving();
}
