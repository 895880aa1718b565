/** Real clients on a server cut off from the quorum: they read, and go back to read-write by themselves. */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { RawClient } from '../support/raw-client.ts';
import { ProcessEnsemble, word } from '../support/server-process.ts';
import { until } from '../support/until.ts';

const kazooDriver = fileURLToPath(new URL('../../../test/compat/kazoo_read_only.py', import.meta.url));
const zkCli = '/usr/share/zookeeper/bin/zkCli.sh';
const stepMs = 40_000;
const python = ['/usr/bin/python3', 'python3'].find(
  (command) => spawnSync(command, ['-c', 'import kazoo']).status === 0,
);
const withoutKazoo = python === undefined && 'kazoo is not installed (Debian: python3-kazoo)';
const withoutJava =
  (!existsSync(zkCli) || spawnSync('java', ['-version']).status !== 0) &&
  'zkCli.sh or Java is not installed (Debian: zookeeper)';

let ensemble: ProcessEnsemble;

before(async () => {
  ensemble = await ProcessEnsemble.start(3, ['readonlymode.enabled=true', 'zabra.leaderlessGraceMs=300']);
  await ensemble.serving();
  const client = await RawClient.connect(ensemble.ports[0]!);
  await client.create('/kept', 'value');
  await client.close();
});
after(() => ensemble.close());

async function cutOff(): Promise<void> {
  await Promise.all(ensemble.servers.slice(1).map((server) => server.kill()));
  await until('read-only mode', stepMs, async () => (await word(ensemble.ports[0]!, 'isro')) === 'ro');
}

async function heal(): Promise<void> {
  for (const server of ensemble.servers.slice(1)) server.start();
  await ensemble.serving();
}

/** A program that is talked to line by line. */
class Talk {
  readonly child: ChildProcess;
  output = '';

  constructor(command: string, args: readonly string[]) {
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.on('data', (chunk: Buffer) => (this.output += chunk.toString('utf8')));
  }

  say(line: string): void {
    this.child.stdin!.write(`${line}\n`);
  }

  async hears(expected: RegExp): Promise<void> {
    await until(
      `${expected}`,
      stepMs,
      () => expected.test(this.output) || (this.child.exitCode !== null && assert.fail(this.output)),
      () => this.output,
    );
  }
}

test('kazoo with read_only=True', { skip: withoutKazoo }, async (t) => {
  await cutOff();
  const kazoo = new Talk(python!, [kazooDriver, ensemble.connectString]);
  t.after(() => kazoo.child.kill('SIGKILL'));
  await kazoo.hears(/^ro$/m);
  await heal();
  kazoo.say('');
  await kazoo.hears(/^rw$/m);
});

test('the Java client with canBeReadOnly (zkCli.sh -r)', { skip: withoutJava }, async (t) => {
  await cutOff();
  const java = new Talk('bash', [zkCli, '-r', '-server', ensemble.connectString]);
  t.after(() => java.child.kill('SIGKILL'));
  await java.hears(/WatchedEvent state:ConnectedReadOnly/);
  java.say('get /kept');
  await java.hears(/^value$/m);
  java.say('create /refused 1');
  await java.hears(/Not a read-only call/);
  await heal();
  await java.hears(/WatchedEvent state:SyncConnected/);
  java.say('create /written-by-java 1');
  await java.hears(/^Created \/written-by-java$/m);
  java.say('quit');
});
