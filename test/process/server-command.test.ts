/** `zabra server FILE`: one server from a zoo.cfg, in every role, and one sentence when it cannot start. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { freePorts } from '../support/ports.ts';
import { RawClient } from '../support/raw-client.ts';
import { commandFile, CommandProcess, isAlive, ProcessEnsemble, word } from '../support/server-process.ts';
import { until } from '../support/until.ts';

const folder = mkdtempSync(join(tmpdir(), 'zabra-server-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, ...lines: string[]): string {
  const file = join(folder, name);
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

async function refuses(reason: string, ...args: string[]): Promise<void> {
  const command = new CommandProcess(['server', ...args]);
  assert.equal(await command.exited, 1, command.output);
  const said = command.output.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
  assert.deepEqual(said, [`zabra: ${reason}`]);
}

test('standalone: serves, names unknown keys in one line, stops cleanly at SIGTERM', async () => {
  const [port] = await freePorts(1);
  const dataDir = join(folder, 'standalone');
  const file = write('zoo.cfg', `dataDir=${dataDir}`, `clientPort=${port}`, 'admin.enableServer=false', 'what=ever');
  for (const err of [0, -110]) {
    const command = new CommandProcess(['server', file]);
    await until('service', 15_000, async () => (await word(port!, 'srvr')).includes('Mode: standalone'));
    const client = await RawClient.connect(port!);
    assert.equal((await client.create('/kept'))?.err, err, 'the second start finds what the first one wrote');
    const warnings = command.output.split('\n').filter((line) => line.includes('"warn"'));
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /"keys":"what"/);
    command.child.kill('SIGTERM');
    assert.equal(await command.exited, 0, command.output);
    await client.ended();
  }
});

test('a server whose parent was gone before it had started ends by itself', async () => {
  const [port] = await freePorts(1);
  const file = write(
    'orphan.cfg',
    `dataDir=${join(folder, 'orphan')}`,
    `clientPort=${port}`,
    'admin.enableServer=false',
  );
  const parent = `
    const options = { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] };
    const args = ['server', ${JSON.stringify(file)}];
    const child = require('node:child_process').fork(${JSON.stringify(commandFile)}, args, options);
    process.stdout.write(String(child.pid), () => process.kill(process.pid, 'SIGKILL'));`;
  const pid = Number(spawnSync(process.execPath, ['-e', parent], { encoding: 'utf8' }).stdout);
  assert.ok(pid > 0);
  await until('end of the server', 15_000, () => !isAlive(pid));
});

test('an observer serves and forwards, and its death costs no quorum', async () => {
  const ensemble = await ProcessEnsemble.start(3, [], 2);
  try {
    await ensemble.serving();
    const [voter, observer, other] = ensemble.servers;
    assert.deepEqual(
      [await voter!.mode(), await observer!.mode(), await other!.mode()],
      ['leader', 'observer', 'observer'],
    );
    const client = await RawClient.connect(observer!.clientPort);
    assert.equal((await client.create('/through-an-observer'))?.err, 0);
    await Promise.all([observer!.kill(), other!.kill()]);
    const direct = await RawClient.connect(voter!.clientPort);
    assert.equal((await direct.get('/through-an-observer'))?.err, 0);
    assert.equal((await direct.create('/alone'))?.err, 0);
    observer!.start();
    assert.equal(await observer!.serving(), 'observer');
    const back = await RawClient.connect(observer!.clientPort, { session: client.info });
    await back.sync();
    assert.equal((await back.get('/alone'))?.err, 0);
  } finally {
    await ensemble.close();
  }
});

test('one sentence: what is wrong with the file, and where', async () => {
  const dataDir = join(folder, 'never');
  await refuses(`${join(folder, 'absent')} does not exist: name a zoo.cfg.`, join(folder, 'absent'));
  await refuses('zabra server needs exactly one argument, the path of a zoo.cfg.');
  const soon = write('soon.cfg', `dataDir=${dataDir}`, '# ticks', 'tickTime=soon');
  await refuses(`${soon}:3: tickTime must be a whole number, not "soon".`, soon);
  const range = write('range.cfg', `dataDir=${dataDir}`, 'jute.maxbuffer=1');
  await refuses(`${range}:2: jute.maxbuffer must be a whole number from 1024 to 67108864, not 1.`, range);
  const members = write('members.cfg', `dataDir=${dataDir}`, 'server.1=127.0.0.1:1:2');
  await refuses(
    `${join(dataDir, 'myid')} does not exist: write this server's number (the N of its server.N line) into it.`,
    members,
  );
});

test('one sentence: a client port that is taken', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => holder.once('listening', resolve));
  const { port } = holder.address() as { port: number };
  const file = write(
    'taken.cfg',
    `dataDir=${join(folder, 'taken')}`,
    `clientPort=${port}`,
    'clientPortAddress=127.0.0.1',
  );
  await refuses(`the client port 127.0.0.1:${port} is taken by another process.`, file);
  holder.close();
});
