/** `zabra shell` as scripts and people use it. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { after, before, test } from 'node:test';
import { jsonLines, runCommand, type CommandRun } from '../support/command.ts';
import { freePorts } from '../support/ports.ts';
import { commandFile, ProcessEnsemble } from '../support/server-process.ts';
import { until } from '../support/until.ts';

let ensemble: ProcessEnsemble;
before(async () => {
  ensemble = await ProcessEnsemble.start(1);
  await ensemble.serving();
});
after(() => ensemble.close());

const shell = (...words: string[]): Promise<CommandRun> =>
  runCommand(['shell', '-server', ensemble.connectString, ...words]);
const script = (lines: readonly string[], ...options: string[]): Promise<CommandRun> =>
  runCommand(['shell', '-server', ensemble.connectString, ...options], `${lines.join('\n')}\n`);

test('one command: its output, and exit codes that scripts can rely on', async () => {
  const made = await shell('create', '/one', 'two words');
  assert.deepEqual(made, { code: 0, out: 'Created /one\n', err: '' });
  const runs: [string[], number, RegExp][] = [
    [['get', '/one'], 0, /^two words\n$/],
    [['--json', 'get', '/one'], 0, /^\{"path":"\/one","data":"two words","stat":\{"czxid":"0x/],
    [['get', '/gone'], 1, /^Node does not exist: \/gone\n$/],
    [['--json', 'get', '/gone'], 1, /^\{"error":"noNode","path":"\/gone","message":"Node does not exist: \/gone"\}\n$/],
    [['get'], 1, /^get \[-s\] \[-w\] path\n$/],
    [['frobnicate'], 127, /^Command not found: frobnicate/],
    [['get', 'one'], 1, /^Path must start with \/ character\n$/],
  ];
  const ended = await Promise.all(runs.map(([words]) => shell(...words)));
  for (const [index, [words, code, said]] of runs.entries()) {
    const run = ended[index]!;
    assert.equal(run.code, code, words.join(' '));
    assert.match(code === 0 ? run.out : run.err, said);
    assert.equal(code === 0 ? run.err : run.out, '', 'errors go to stderr, all else to stdout');
  }
});

test('a server that is not there, and options that make no sense', async () => {
  const [port] = await freePorts(1);
  const toNobody = ['-server', `127.0.0.1:${port}`, '-timeout', '1000'];
  const [away, awayJson, wrong, option] = await Promise.all([
    runCommand(['shell', ...toNobody, 'ls', '/']),
    runCommand(['shell', ...toNobody, '--json', 'ls', '/']),
    runCommand(['shell', '-server', 'a:b', 'ls', '/']),
    runCommand(['shell', '-nonsense']),
  ]);
  assert.equal(away.code, 1);
  assert.match(away.err, /^zabra: no session with 127\.0\.0\.1:\d+ within 1000 ms: connect ECONNREFUSED/);
  assert.equal(awayJson.code, 1);
  assert.equal((JSON.parse(awayJson.err) as { error: string }).error, 'connectionLoss');
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /^zabra: "a:b" in the connect string "a:b" is no host:port\.\n$/);
  assert.match(option.err, /^zabra: zabra shell has no option -nonsense\.\n$/);
});

test('a script of all commands; its exit code is that of the last one', async () => {
  const { code, out, err } = await script([
    'create /s data',
    'create -e /s/e x',
    'create -s /s/s- y',
    'ls /s',
    'ls -R /s',
    'set /s new',
    'set -v 7 /s newer',
    'delete /s',
    'getAcl /s',
    'setAcl /s world:anyone:cdrwa,auth::r',
    'addauth digest ann:secret',
    'setAcl /s world:anyone:cdrwa,auth::r',
    'getAcl /s',
    'getEphemerals',
    'getAllChildrenNumber /s',
    'whoami',
    'sync /s',
    'addWatch /s',
    'set /s watched',
    'removewatches /s',
    'setquota -n 100 /s',
    'listquota /s',
    'setquota -b 1000 /s/e',
    'delquota -n /s',
    'delquota /s',
    'listquota /s',
    'stat /s/e',
    'deleteall /s',
    'stat /s',
    'close',
    'ls /',
    `connect ${ensemble.connectString}`,
    'redo 3',
    'history',
    'quit',
    'ls /never',
  ]);
  assert.equal(code, 0, err);
  assert.equal(
    out.replaceAll(/= 0x[0-9a-f]+|= \w{3} \w{3} .*/g, '= …').replace(/^0 - create[^]*/m, 'history\n'),
    [
      'Created /s',
      'Created /s/e',
      'Created /s/s-0000000001',
      '[e, s-0000000001]',
      '/s',
      '/s/e',
      '/s/s-0000000001',
      "'world,'anyone",
      ': cdrwa',
      "'world,'anyone",
      ': cdrwa',
      `'digest,'ann:${createHash('sha1').update('ann:secret').digest('base64')}`,
      ': r',
      '[/s/e]',
      '2',
      'Auth scheme: User',
      'ip: 127.0.0.1',
      'digest: ann',
      'Sync is OK',
      '',
      'WATCHER::',
      '',
      'WatchedEvent state:SyncConnected type:NodeDataChanged path:/s',
      '',
      'WATCHER::',
      '',
      'WatchedEvent state:SyncConnected type:PersistentWatchRemoved path:/s',
      'absolute path is /zookeeper/quota/s/zookeeper_limits',
      'Output quota for /s count=100,bytes=-1=;byteHardLimit=-1;countHardLimit=-1',
      'Output stat for /s count=3,bytes=9',
      ...['cZxid', 'ctime', 'mZxid', 'mtime', 'pZxid'].map((name) => `${name} = …`),
      ...['cversion', 'dataVersion', 'aclVersion'].map((name) => `${name} = 0`),
      'ephemeralOwner = …',
      'dataLength = 1',
      'numChildren = 0',
      'history',
      '',
    ].join('\n'),
  );
  assert.deepEqual(err.trimEnd().split('\n'), [
    'version No is not valid : /s',
    'Node not empty: /s',
    'Acl is not valid : /s',
    '/s/e has a parent /s which has a quota',
    'absolute path is /zookeeper/quota/s/zookeeper_limits',
    'quota for /s does not exist.',
    'Node does not exist: /s',
    'Not connected',
    'Node does not exist: /s',
  ]);
  assert.match(out, /\n33 - history\n$/);
  assert.equal((await script(['create /last', 'get /gone'])).code, 1);
});

test('JSON of a script: a value per command and event', async () => {
  const { out, err } = await script(
    ['create -s /j- "x y"', 'create /j', 'ls -w /j', 'create /j/k', 'ls -R /j', 'whoami', 'delete /gone'],
    '--json',
  );
  const lines = jsonLines(out);
  assert.match(String(lines[0]!['path']), /^\/j-\d{10}$/);
  assert.deepEqual(lines[2]!['children'], []);
  const rest = lines.slice(3);
  assert.deepEqual(
    rest.slice(0, 2).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
    [{ event: 'NodeChildrenChanged', path: '/j' }, { path: '/j/k' }],
  );
  assert.deepEqual(rest.slice(2), [
    { path: '/j', paths: ['/j', '/j/k'] },
    { ids: [{ scheme: 'ip', id: '127.0.0.1' }] },
  ]);
  assert.deepEqual(jsonLines(err), [{ error: 'noNode', path: '/gone', message: 'Node does not exist: /gone' }]);
  const own = jsonLines((await script(['history', 'help'], '--json')).out);
  assert.deepEqual(own[0], { history: [{ number: 0, line: 'history' }] });
  assert.equal((own[1]!['commands'] as { get: string }).get, '[-s] [-w] path');
});

const noTerminal = existsSync('/usr/bin/script')
  ? false
  : 'there is no terminal: the command script(1) is not installed';

/** A shell on a terminal of its own. */
function onTerminal(servers: string): ChildProcessByStdio<Writable, Readable, null> {
  const command = `${process.execPath} ${commandFile} shell -server ${servers}`;
  return spawn('/usr/bin/script', ['-qfec', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, TERM: 'xterm' },
  });
}

test(
  'a terminal: prompt, completion of commands and paths, history, events above the line',
  { skip: noTerminal },
  async () => {
    await shell('create', '/terminal');
    await shell('create', '/terminal/child', 'of the shell');
    const child = onTerminal(ensemble.connectString);
    let screen = '';
    child.stdout.on('data', (chunk: Buffer) => (screen += chunk.toString('utf8')));
    const ended = new Promise((resolve) => child.once('close', resolve));
    let seen = 0;
    const shows = (text: string): Promise<unknown> =>
      until(
        `"${text}" on the screen`,
        10_000,
        () => {
          const at = screen.indexOf(text, seen);
          if (at === -1) return false;
          seen = at + text.length;
          return true;
        },
        () => JSON.stringify(screen.slice(seen)),
      );
    try {
      await shows(`[zk: 127.0.0.1:${ensemble.ports[0]}(CONNECTED) 0] `);
      child.stdin.write('getAllC\t');
      await shows('hildrenNumber ');
      child.stdin.write('/term\t');
      await shows('inal');
      child.stdin.write('\r');
      await shows('\n1\r');
      child.stdin.write('get /terminal/c\t');
      await shows('hild');
      child.stdin.write('\r');
      await shows('of the shell');
      await shows('(CONNECTED) 2] ');
      // The line before comes back with the arrow up.
      child.stdin.write('\u001b[A');
      await shows('get /terminal/child');
      child.stdin.write('\r');
      await shows('of the shell');
      child.stdin.write('addWatch /terminal\r');
      await shows('(CONNECTED) 4] ');
      await shell('set', '/terminal', 'x');
      await shows('type:NodeDataChanged path:/terminal');
      await shows('(CONNECTED) 4] ');
      child.stdin.write('quit\r');
      assert.equal(await ended, 0);
    } finally {
      child.kill('SIGKILL');
    }
  },
);

test('a terminal: Ctrl-C ends a shell that waits for a server', { skip: noTerminal }, async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const child = onTerminal(`127.0.0.1:${(silent.address() as AddressInfo).port}`);
  const ended = new Promise((resolve) => child.once('close', resolve));
  const [socket] = (await once(silent, 'connection')) as [Socket];
  child.stdin.write('\u0003');
  assert.equal(await ended, 130);
  socket.destroy();
  silent.close();
});

test('a line that asks for itself again is refused, however it is written', async () => {
  const { code, err } = await script(['"redo" 0', "'redo' 1", 'ls /']);
  assert.equal(code, 0);
  assert.match(err, /no command 0 to run again[^]*no command 1 to run again/);
});
