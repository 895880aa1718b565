/** `zabra ensemble`, which is `npm start`: what an operator sees, and what is left when it ends. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { freePorts, isFree } from '../support/ports.ts';
import { RawClient } from '../support/raw-client.ts';
import { CommandProcess, word, isAlive } from '../support/server-process.ts';
import { until } from '../support/until.ts';

const folder = mkdtempSync(join(tmpdir(), 'zabra-command-'));
let started: CommandProcess[] = [];

afterEach(async () => {
  for (const command of started) await command.kill('SIGTERM');
  started = [];
});
after(() => rmSync(folder, { recursive: true, force: true }));

function run(...args: string[]): CommandProcess {
  const command = new CommandProcess(['ensemble', ...args], folder);
  started.push(command);
  return command;
}

/** The first of `count` neighbouring ports that are free. */
async function neighbours(count: number): Promise<number> {
  return until('free neighbouring ports', 5000, async () => {
    const [first = 0, ...others] = await freePorts(count);
    return others.every((port, n) => port === first + n + 1) && first;
  });
}

/** Process numbers of the servers that the command has started, in order of their ids. */
function serverPids({ child }: CommandProcess): number[] {
  const processes = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n');
  const pids: number[] = [];
  for (const line of processes) {
    const [, pid, parent, id] = /^\s*(\d+)\s+(\d+)\s.*server-(\d+).zoo\.cfg$/.exec(line) ?? [];
    if (Number(parent) === child.pid) pids[Number(id) - 1] = Number(pid);
  }
  return pids;
}

async function allGone(pids: readonly number[], port: number, size: number): Promise<void> {
  await until('end of all servers', 10_000, () => !pids.some(isAlive));
  for (let n = 0; n < size; n++) assert.ok(await isFree(port + n));
}

test('starts three servers, finds all data again, stops all of them at Ctrl-C', async () => {
  const port = await neighbours(3);
  const hosts = [0, 1, 2].map((n) => `127.0.0.1:${port + n}`).join(',');
  const first = run('--port', String(port), '--data', 'three');
  await first.printed(`ready: ${hosts}`);
  await first.printed(': leading, ');
  assert.match(first.output, /^server [123]: leading, epoch 1, zxid 0x\d+, 0 clients, \d+ commits\/s$/m);
  const client = await RawClient.connect(port);
  assert.equal((await client.create('/kept', 'x'))?.err, 0);
  await client.close();
  await first.printed('admin: ');
  const admin = [...first.output.matchAll(/http:\/\/127\.0\.0\.1:\d+\/commands/g)].map(([url]) => url);
  const states = await Promise.all(admin.map(async (url) => (await fetch(`${url}/zabstate`)).json()));
  assert.deepEqual(
    states.map((state) => (state as { myid: number }).myid),
    [1, 2, 3],
    'each server has an admin port of its own',
  );
  const pids = serverPids(first);
  assert.equal(pids.length, 3);
  first.child.kill('SIGINT');
  assert.equal(await first.exited, 0, first.output);
  await allGone(pids, port, 3);

  const second = run('--port', String(port), '--data', 'three');
  await second.printed('ready: ');
  const reader = await RawClient.connect(port + 2);
  assert.equal((await reader.get('/kept'))?.data, 'x');
  reader.destroy();
});

test('a server that dies is shown and started again', async () => {
  const port = await neighbours(3);
  const command = run('--port', String(port), '--data', 'dies');
  await command.printed('ready: ');
  const victim = serverPids(command)[1]!;
  process.kill(victim, 'SIGKILL');
  await command.printed('server 2 ended (SIGKILL); starting it again');
  await command.printed('server 2: down');
  await until('server 2', 15_000, async () => (await word(port + 1, 'srvr')).includes('Mode: '));
  assert.notEqual(serverPids(command)[1], victim);
});

test('no server outlives a kill -9 of the command', async () => {
  const port = await neighbours(3);
  const command = run('--port', String(port), '--data', 'orphans');
  await command.printed('ready: ');
  const pids = serverPids(command);
  assert.equal(pids.length, 3);
  await command.kill('SIGKILL');
  await allGone(pids, port, 3);
});

/** It ends by itself, with 1 and one line. */
async function refuses(command: CommandProcess, reason: RegExp): Promise<void> {
  assert.equal(await command.exited, 1, command.output);
  const lines = command.output.trimEnd().split('\n');
  assert.match(lines.at(-1)!, reason);
}

test('one sentence: options that cannot be', async () => {
  await refuses(run('--size', '2'), /^zabra: --size must be 1, 3, 5, not "2"\.$/);
  await refuses(run('--port', '65535'), /^zabra: --port must be /);
  await refuses(run('--port', 'x'), /^zabra: --port must be /);
  await refuses(run('--colour'), /^zabra: .*--colour/);
});

test('one sentence: a port that is taken', async () => {
  const port = await neighbours(3);
  const holder = createServer().listen(port + 1, '127.0.0.1');
  await new Promise((resolve) => holder.once('listening', resolve));
  const command = run('--port', String(port), '--data', 'taken');
  await refuses(
    command,
    new RegExp(`^zabra: port ${port + 1} is taken by another process: choose others with --port\\.$`),
  );
  holder.close();
});

test('one sentence: a folder that cannot be written, or holds something else', async () => {
  const port = String(await neighbours(3));
  writeFileSync(join(folder, 'file'), '');
  await refuses(
    run('--port', port, '--data', 'file/below'),
    /^zabra: the data folder .* cannot be written .*--data\.$/,
  );
  await refuses(run('--port', port, '--data', '.'), /^zabra: the data folder .* holds something else: /);
});

test('a folder in which a start was cut short is as good as an empty one', async () => {
  mkdirSync(join(folder, 'cut'));
  for (const left of ['ensemble.json.new', 'lock.999999.1']) writeFileSync(join(folder, 'cut', left), '{');
  await run('--size', '1', '--port', String(await neighbours(1)), '--data', 'cut').printed('ready: ');
});

test('one sentence: the data folder of another ensemble, or of one that runs', async () => {
  const port = await neighbours(5);
  const one = run('--size', '1', '--port', String(port), '--data', 'one');
  await one.printed('ready: ');
  const others = ['--port', String(port + 1), '--data', 'one'];
  await refuses(
    run(...others),
    /^zabra: the data folder .* belongs to an ensemble of 1 server: start it with --size 1/,
  );
  const config = (): string => readFileSync(join(folder, 'one', 'server-1', 'zoo.cfg'), 'utf8');
  const before = config();
  await refuses(run('--size', '1', ...others), new RegExp(`^zabra: .*one is in use by process ${one.child.pid}: `));
  assert.equal(config(), before);
  assert.ok((await word(port, 'srvr')).includes('Mode: '), 'the one that runs is not disturbed');
  await one.kill('SIGINT');
  writeFileSync(join(folder, 'one', 'ensemble.json'), '{');
  await refuses(run('--size', '1', ...others), /^zabra: .*ensemble\.json is not the file that Zabra wrote: /);
});
