/** zkCli.sh, ZooKeeper's own command line, unchanged: what an operator types works here too. */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { ProcessEnsemble, word, type ServerProcess } from '../support/server-process.ts';
import { until } from '../support/until.ts';

const script = '/usr/share/zookeeper/bin/zkCli.sh';
const skip = !existsSync(script) && 'zkCli.sh is not installed (Debian: zookeeper)';
const env = { ...process.env, CLIENT_JVMFLAGS: '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx128m' };
const answerMs = 20_000;
const connectedAgain = 'WatchedEvent state:SyncConnected type:None path:null';

/** A shell that takes commands on its stdin. */
class Shell {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly exited: Promise<number | null>;
  #output = '';

  constructor(servers: string) {
    this.#child = spawn(script, ['-server', servers], { env });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.on('data', (chunk: Buffer) => (this.#output += chunk.toString('utf8')));
    this.exited = new Promise((resolve) => this.#child.once('close', resolve));
  }

  /** Types a line and waits for all of `answers`; returns what was printed since. */
  async type(line: string, ...answers: readonly (string | RegExp)[]): Promise<string> {
    this.#output = '';
    this.#child.stdin.write(`${line}\n`);
    for (const answer of answers) await this.printed(answer);
    return this.#output;
  }

  async printed(answer: string | RegExp): Promise<void> {
    const matches = (): boolean =>
      typeof answer === 'string' ? this.#output.includes(answer) : answer.test(this.#output);
    await until(`"${answer}"`, answerMs, matches, () => this.#output);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

let ensemble: ProcessEnsemble;
let shell: Shell;

describe('zkCli.sh', { skip }, () => {
  before(async () => {
    ensemble = await ProcessEnsemble.start(3, ['4lw.commands.whitelist=*', 'extendedTypesEnabled=true']);
    await ensemble.serving();
    shell = new Shell(ensemble.connectString);
    await shell.printed(connectedAgain);
  });
  after(async () => {
    shell.kill();
    await ensemble.close();
  });

  test('nodes', async () => {
    await shell.type('create /cli hello', 'Created /cli');
    await shell.type('get -s /cli', 'hello', 'dataVersion = 0', 'dataLength = 5', 'numChildren = 0');
    await shell.type('set -v 0 -s /cli two', 'dataVersion = 1');
    await shell.type('set -v 0 /cli three', 'version No is not valid : /cli');
    await shell.type('create /cli again', 'Node already exists: /cli');
    await shell.type('get /none', 'Node does not exist: /none');
    await shell.type('create -e -s /cli/e-', 'Created /cli/e-0000000000');
    await shell.type('create -c /cli/container', 'Created /cli/container');
    await shell.type('create -t 60000 /cli/ttl x', 'Created /cli/ttl');
    await shell.type('ls /cli', '[container, e-0000000000, ttl]');
    await shell.type('ls -R /cli', /^\/cli\n\/cli\/container\n\/cli\/e-0000000000\n\/cli\/ttl$/m);
    await shell.type('stat /cli/e-0000000000', /ephemeralOwner = 0x[1-9a-f]/);
    await shell.type('delete /cli', 'Node not empty: /cli');
    await shell.type('getEphemerals /cli', '[/cli/e-0000000000]');
    await shell.type('getAllChildrenNumber /cli', '3');
    await shell.type('sync /cli', 'Sync is OK');
  });

  test('rights', async () => {
    await shell.type('addauth digest ann:secret');
    await shell.type('whoami', 'digest: ann', 'ip: 127.0.0.1');
    await shell.type('create /cli/mine x auth::cdrwa', 'Created /cli/mine');
    await shell.type('getAcl /cli/mine', /'digest,'ann:\S+\n: cdrwa/);
    await shell.type('setAcl -s /cli/mine world:anyone:r', 'aclVersion = 1');
    await shell.type('set /cli/mine y', /Insufficient permission : \/cli\/mine/);
    await shell.type('get /cli/mine', 'x');
  });

  test('watches', async () => {
    await shell.type('get -w /cli', 'two');
    await shell.type('set /cli four', 'WatchedEvent state:SyncConnected type:NodeDataChanged path:/cli');
    await shell.type('addWatch -m PERSISTENT_RECURSIVE /cli');
    await shell.type('create /cli/seen', 'WatchedEvent state:SyncConnected type:NodeCreated path:/cli/seen');
    await shell.type('delete /cli/seen', 'WatchedEvent state:SyncConnected type:NodeDeleted path:/cli/seen');
    await shell.type('removewatches /cli', 'WatchedEvent state:SyncConnected type:PersistentWatchRemoved path:/cli');
  });

  test('its server is killed: the next command goes to another, and the ephemeral node is still there', async () => {
    const server = await until('the server it is connected to', answerMs, () => serverOfShell());
    await Promise.all([server.kill(), shell.type('', connectedAgain)]);
    await shell.type('get /cli', 'four');
    await shell.type('ls /cli', 'e-0000000000');
    await shell.type('create /cli/after', 'Created /cli/after');
    server.start();
    await server.serving();
  });

  test('deleteall, and the end', async () => {
    await shell.type('deleteall /cli');
    await shell.type('ls /', '[zookeeper]');
    await shell.type('quit');
    assert.equal(await shell.exited, 0);
  });

  test('one command and its exit code', () => {
    const run = (...command: readonly string[]): number | null =>
      spawnSync(script, ['-server', ensemble.connectString, ...command], { env, timeout: answerMs }).status;
    assert.equal(run('create', '/once', 'x'), 0);
    assert.equal(run('get', '/absent'), 1);
  });
});

/** Who has a session beside the one that asks: the shell's, as nobody else is connected. */
async function serverOfShell(): Promise<ServerProcess | null> {
  for (const server of ensemble.servers)
    if (/sid=0x[1-9a-f]/.test(await word(server.clientPort, 'cons'))) return server;
  return null;
}
