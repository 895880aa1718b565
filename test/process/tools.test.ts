/** The commands that look at data folders and ensembles, run as an operator runs them. */
import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from '../../engine/client/index.ts';
import { jsonLines, runCommand, type CommandRun } from '../support/command.ts';
import { freePorts } from '../support/ports.ts';
import { ProcessEnsemble } from '../support/server-process.ts';
import { until } from '../support/until.ts';

let ensemble: ProcessEnsemble;
let folder: string;
let client: Client;
before(async () => {
  ensemble = await ProcessEnsemble.start(1, ['snapCount=300', 'preAllocSize=64']);
  await ensemble.serving();
  folder = join(ensemble.servers[0]!.dataDir, 'zabra-1');
  client = await Client.connect(ensemble.connectString);
  await client.create('/app', 'config');
  await client.create('/app/blob', Buffer.from([0, 255, 128]));
  await client.create('/app/e-', null, { ephemeral: true, sequential: true });
  for (let n = 0; n < 10; n++) await Promise.all(Array.from({ length: 100 }, () => client.setData('/app', `v${n}`)));
  await until('snapshot', 10_000, () => snapshots().length > 0);
});
after(async () => {
  // Its server is gone first: nothing has to be told to anybody.
  await ensemble.close();
  await client.close();
});

const snapshots = (): string[] => readdirSync(folder).filter((name) => /^snapshot\.[0-9a-f]{14}$/.test(name));
const firstLog = (): string => readdirSync(folder).find((name) => /^log\.\d+$/.test(name))!;

const zabra = (...args: string[]): Promise<CommandRun> => runCommand(args);

test('status: a table; an ensemble with a server that is away is a failure', async () => {
  const server = ensemble.connectString;
  const up = await zabra('status', server);
  assert.equal(up.code, 0);
  assert.match(
    up.out,
    /^SERVER +MODE +EPOCH +ZXID +LATENCY ms .*VERSION\n127\.0\.0\.1:\d+ +standalone +\d +0x\d[0-9a-f]{8} /,
  );
  const [port] = await freePorts(1);
  const down = await zabra('status', '--json', `${server},127.0.0.1:${port}`);
  assert.equal(down.code, 1);
  const [states] = jsonLines(down.out) as unknown as [{ problem: string | null; connections?: number }[]];
  assert.deepEqual([states[0]!.problem, states[0]!.connections! >= 1], [null, true]);
  assert.match(states[1]!.problem!, /^unreachable: connect ECONNREFUSED/);
});

test('log dump: every txn, in text and in JSON', async () => {
  const file = join(folder, firstLog());
  const text = await zabra('log', 'dump', file);
  assert.equal(text.code, 0, text.err);
  assert.match(text.out, /^segment 1 of server 1, after zxid 0x0\n/);
  assert.match(text.out, /^ {2}0x\w+ session 0x\w+ cxid 1 server 1 create path=\/app kind=persistent .*data="config"/m);
  const lines = jsonLines((await zabra('log', 'dump', '--json', file)).out);
  const end = lines.at(-1)!;
  const txns = lines.slice(1, -1);
  assert.equal(txns.length, end['txns']);
  assert.deepEqual(
    txns.slice(0, 4).map(({ type, path, data, dataBase64 }) => [type, path, data ?? dataBase64 ?? null]),
    [
      ['createSession', undefined, null],
      ['create', '/app', 'config'],
      ['create', '/app/blob', 'AP+A'],
      ['create', '/app/e-0000000001', null],
    ],
  );
});

test('snapshot dump: sessions and znodes, in text and in JSON', async () => {
  const file = join(folder, snapshots()[0]!);
  const text = await zabra('snapshot', 'dump', file);
  assert.equal(text.code, 0, text.err);
  assert.match(
    text.out,
    /^snapshot at zxid 0x\w+: 1 sessions, 7 nodes\nsession 0x\w+ timeout \d+ ms, 1 ephemeral nodes\n\/ /,
  );
  const lines = jsonLines((await zabra('snapshot', 'dump', '--json', file)).out);
  const nodes = lines.filter(({ path }) => path !== undefined);
  assert.deepEqual(
    nodes.map(({ path }) => path),
    ['/', '/app', '/app/blob', '/app/e-0000000001', '/zookeeper', '/zookeeper/config', '/zookeeper/quota'],
  );
  assert.deepEqual([nodes[2]!['dataBase64'], nodes[3]!['kind'], nodes[1]!['children']], ['AP+A', 'ephemeral', 2]);
});

test('verify: says who holds a folder, and afterwards that it is whole, or what is not', async () => {
  const [server] = ensemble.servers;
  const held = await zabra('verify', server!.dataDir);
  assert.equal(held.code, 0, held.out);
  assert.match(held.out, new RegExp(`^${folder}\nprocess ${server!.pid} holds this folder`));
  await server!.kill();
  const whole = await zabra('verify', server!.dataDir);
  assert.equal(whole.code, 0, whole.out);
  assert.match(whole.out, /snapshot\.\w+ +whole .*\n +state +whole .*\n +log\.0000000001 +whole .*no damage\n$/s);

  const path = join(folder, firstLog());
  copyFileSync(path, `${path}.kept`);
  const bytes = readFileSync(path);
  bytes[1000]! ^= 1;
  writeFileSync(path, bytes);
  const damaged = await zabra('verify', server!.dataDir);
  assert.equal(damaged.code, 1);
  assert.match(damaged.out, /log\.0000000001 +damage +is damaged at offset \d+/);
  assert.match(damaged.out, /finding/);
  const [verdict] = jsonLines((await zabra('verify', '--json', folder)).out);
  assert.ok(JSON.stringify(verdict!['findings']).includes('"kind":"damage"'));
  copyFileSync(`${path}.kept`, path);
  const mended = await zabra('verify', server!.dataDir);
  assert.equal(mended.code, 0, mended.out);
  server!.start();
  await server!.serving();
});

test('what cannot be looked at is one sentence and exit code 2', async () => {
  const runs: [string[], RegExp][] = [
    [['verify'], /zabra verify needs a data folder/],
    [['verify', '/nowhere/at/all'], /there is no folder \/nowhere\/at\/all\./],
    [['verify', ensemble.folder], /holds no data of Zabra/],
    [['log', 'dump', join(folder, 'state')], /is no log segment/],
    [['log', 'print', 'x'], /zabra log knows one command: zabra log dump FILE\./],
    [['snapshot', 'dump', join(folder, firstLog())], /is no whole snapshot: its header is damaged\./],
    [['snapshot', 'dump', '/nowhere'], /ENOENT/],
    [['status'], /zabra status needs one argument/],
    [['status', 'a:b'], /"a:b" in the connect string/],
    [['status', '--nonsense', 'a'], /nonsense/],
  ];
  const ended = await Promise.all(runs.map(([args]) => zabra(...args)));
  for (const [index, [args, sentence]] of runs.entries()) {
    const { code, err } = ended[index]!;
    assert.equal(code, 2, args.join(' '));
    assert.match(err, sentence);
    assert.doesNotMatch(err, /\n {4}at /, 'no stack for an operator');
  }
});
