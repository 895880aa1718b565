/** kazoo, the Python client, unchanged: what programs do with it works here as with ZooKeeper. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ProcessEnsemble } from '../support/server-process.ts';

const driver = fileURLToPath(new URL('../../../test/compat/kazoo_driver.py', import.meta.url));
const scenarioMs = 60_000;
const python = ['/usr/bin/python3', 'python3'].find(
  (command) => spawnSync(command, ['-c', 'import kazoo']).status === 0,
);
const skip = python === undefined && 'kazoo is not installed (Debian: python3-kazoo)';

const scenarios = [
  'nodes',
  'sequences',
  'ephemerals',
  'acls',
  'watches',
  'transactions',
  'locks',
  'elections',
  'recipes',
  'words',
  'reconnects',
] as const;

let ensemble: ProcessEnsemble;

before(async () => {
  if (skip !== false) return;
  ensemble = await ProcessEnsemble.start(3, ['4lw.commands.whitelist=*']);
  await ensemble.serving();
});
after(() => ensemble?.close());

/** Runs the driver; kills and later restarts the server that it names. */
async function run(scenario: string): Promise<{ code: number | null; errors: string }> {
  const child = spawn(python!, [driver, scenario, ensemble.connectString], { stdio: ['pipe', 'pipe', 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), scenarioMs);
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString('utf8')));
  createInterface(child.stdout).on('line', (line) => {
    const port = Number(/^kill (\d+)$/.exec(line)?.[1]);
    const server = ensemble.servers.find(({ clientPort }) => clientPort === port);
    if (server !== undefined) void server.kill().then(() => child.stdin.write('\n'));
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  for (const server of ensemble.servers) if (!server.running) server.start();
  await ensemble.serving();
  return { code, errors };
}

for (const scenario of scenarios)
  test(`kazoo: ${scenario}`, { skip }, async () => {
    const { code, errors } = await run(scenario);
    assert.equal(code, 0, errors);
  });
