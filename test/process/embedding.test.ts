/** `import { Server, Ensemble } from 'zabra'`: servers inside a program, which they let end. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ensemble, OptionError, Server, type StartOptions } from 'zabra';
import { ClientClosedError, ConnectionLossError } from 'zabra/client';
import { RawClient } from '../support/raw-client.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'zabra-embedding-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const quiet = { logLevel: 'silent' } as const;
const local = { clientPort: 0, clientPortAddress: '127.0.0.1', ...quiet } as const;

test('an ensemble in this process: one history, another leader when one is closed', async () => {
  const ensemble = await Ensemble.start({ settings: { ...quiet, tickTime: 200 } });
  const ports = ensemble.servers.map(({ clientPort }) => clientPort);
  assert.equal(ensemble.connectString, ports.map((port) => `127.0.0.1:${port}`).join(','));
  assert.deepEqual(ensemble.servers.map((server) => server.status().role).toSorted(), [
    'following',
    'following',
    'leading',
  ]);
  const writer = await RawClient.connect(ports[0]!);
  assert.equal((await writer.create('/embedded', 'x'))?.err, 0);
  const { leader } = ensemble;
  const survivor = ensemble.servers.find((server) => server !== leader)!;
  await leader!.close();
  const reader = await RawClient.connect(survivor.clientPort);
  await reader.sync();
  assert.equal((await reader.get('/embedded'))?.data, 'x');
  assert.ok(ensemble.leader !== null && ensemble.leader !== leader);
  const { dataDir } = ensemble.servers[0]!.options;
  assert.ok(existsSync(dataDir));
  await ensemble.close();
  assert.ok(!existsSync(dataDir), 'a temporary folder is removed');
  await assert.rejects(RawClient.open(ports[1]!), { code: 'ECONNREFUSED' });
});

test('data in a folder of its own outlives the ensemble', async () => {
  const dataDir = join(folder, 'kept');
  for (const err of [0, -110]) {
    const ensemble = await Ensemble.start({ dataDir, settings: quiet });
    const client = await RawClient.connect(ensemble.servers[0]!.clientPort);
    assert.equal((await client.create('/kept'))?.err, err);
    client.destroy();
    await ensemble.close();
  }
});

test('one server alone: ready, status, closed twice', async () => {
  const server = await Server.start({ dataDir: join(folder, 'alone'), ...local });
  await server.ready();
  const client = await RawClient.connect(server.clientPort);
  assert.equal((await client.create('/alone', '', 1))?.err, 0);
  assert.deepEqual(server.status(), {
    id: 1,
    role: 'leading',
    serving: true,
    leader: 1,
    epoch: 1,
    zxid: server.status().zxid,
    clients: 1,
    znodes: 5,
  });
  await Promise.all([server.close(), server.close()]);
  await client.ended();
});

test('a server that cannot start lets go of everything', async () => {
  const dataDir = join(folder, 'taken');
  const holder = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => holder.once('listening', resolve));
  const { port } = holder.address() as { port: number };
  await assert.rejects(Server.start({ dataDir, ...local, clientPort: port }), /^Error: the client port .* is taken/);
  holder.close();
  const server = await Server.start({ dataDir, ...local });
  await assert.rejects(Server.start({ dataDir, ...local }), /is in use by process/);
  await server.close();
});

test('a server that is closed before it serves says so to those that wait', async () => {
  const servers = [1, 2].map((id) => ({
    id,
    host: '127.0.0.1',
    quorumPort: 0,
    electionPort: 0,
    role: 'participant' as const,
    clientHost: null,
    clientPort: null,
  }));
  const server = await Server.start({ id: 1, servers, dataDir: join(folder, 'early'), ...local });
  const waiting = assert.rejects(server.ready(), /was closed before it served/);
  await server.close();
  await waiting;
});

const invalid: readonly (readonly [string, object])[] = [
  ['tickTime', { tickTime: 0 }],
  ['tickTime', { tickTime: 'fast' }],
  ['clientPort', { clientPort: 65_536 }],
  ['minSessionTimeout', { minSessionTimeout: 10, maxSessionTimeout: 5 }],
  ['fourLetterWords', { fourLetterWords: 'ruok' }],
  ['logLevel', { logLevel: 'loud' }],
  ['clientPortAddress', { clientPortAddress: 7 }],
  ['tickTim', { tickTim: 2000 }],
  ['dataDir', { dataDir: '' }],
  ['id', { id: 256 }],
  [
    'server.2',
    {
      id: 1,
      servers: [
        { id: 1, host: 'a', quorumPort: 1, role: 'participant' },
        { id: 2, host: 'a' },
      ],
    },
  ],
  ['id', { id: 3, servers: [{ id: 1, host: 'a', quorumPort: 1, role: 'participant' }] }],
  ['servers', { id: 1, servers: [{ id: 1, host: 'a', quorumPort: 1, role: 'observer' }] }],
];

for (const [field, options] of invalid)
  test(`refused, naming ${field}: ${JSON.stringify(options)}`, async () => {
    await assert.rejects(Server.start({ dataDir: folder, ...options } as StartOptions), (error: unknown) => {
      assert.ok(error instanceof OptionError);
      assert.equal(error.field, field);
      return error.message.startsWith(`${field} must be `);
    });
  });

test('an ensemble that cannot be is refused, and leaves no folder', async () => {
  const wrong: readonly (readonly [string, object])[] = [
    ...[0, -1, 1.5, 256, null].map((servers) => ['servers', { servers }] as const),
    ['size', { size: 3 }],
    ['dataDir', { dataDir: '' }],
    ['machine', { machine: {} }],
    ['settings', { settings: null }],
    ['settings.dataLogDir', { settings: { dataLogDir: folder } }],
    ['settings.id', { settings: { id: 4 } }],
    ['tickTime', { settings: { tickTime: -1 } }],
    ['maxCnxn', { settings: { maxCnxn: 1 } }],
  ];
  for (const [field, options] of wrong) {
    await assert.rejects(Ensemble.start(options), (error: unknown) => {
      assert.ok(error instanceof OptionError, String(error));
      assert.equal(error.field, field);
      return true;
    });
  }
});

test('a client within the process: the limits, the words and the end of any other', async () => {
  const limits = { maxClientCnxns: 2, connectionRequestsMax: 10, juteMaxBuffer: 4096 };
  const server = await Server.start({ dataDir: join(folder, 'within'), ...local, ...limits, clientPort: -1 });
  const client = await server.connect({ chroot: '/app' });
  assert.equal(await client.create('/', 'root'), '/');
  // Far more than may be under way at once.
  const paths = await Promise.all(
    Array.from({ length: 500 }, () => client.create('/n-', 'data', { sequential: true, ephemeral: true })),
  );
  assert.deepEqual(paths, paths.toSorted());
  assert.equal(server.core.refusals.connectionRequests > 0, true);
  assert.deepEqual(
    [...server.core.clients.connections].map(({ link }) => link.label),
    ['/127.0.0.1:0'],
  );
  await assert.rejects(client.setData('/', 'x'.repeat(5000)), ConnectionLossError);
  assert.equal((await client.getData('/')).data?.toString(), 'root', 'the session goes on');
  const second = await server.connect();
  assert.deepEqual(await second.getChildren('/'), ['zookeeper', 'app']);
  await assert.rejects(server.connect({ timeoutMs: 300 }), /no connection/);
  assert.ok(server.core.refusals.connectionsOfAddress > 0);
  await second.close();
  assert.equal((await client.getChildren('/')).length, 500);
  const watch = client.watch('/');
  await watch.ready;
  const waiting = watch.next();
  await server.close();
  assert.equal(client.state, 'closed');
  assert.deepEqual(await waiting, { done: true, value: undefined });
  await assert.rejects(client.exists('/'), ClientClosedError);
  await assert.rejects(server.connect(), /it is closed/);
});

test('a client of an ensemble within the process goes on at another server', async () => {
  const ensemble = await Ensemble.start({ settings: { ...quiet, tickTime: 200, clientPort: -1 } });
  const client = await ensemble.connect();
  assert.ok(await client.create('/mine', null, { ephemeral: true }));
  const { sessionId } = client;
  for (const chosen of ensemble.servers) assert.ok(await (await chosen.connect()).exists('/mine'));
  const server = ensemble.servers.find(({ options }) => options.id === client.server!.port)!;
  await server.close();
  await client.connected();
  assert.notEqual(client.server!.port, server.options.id);
  assert.equal(client.sessionId, sessionId);
  assert.equal((await client.exists('/mine'))!.ephemeralOwner, sessionId);
  await ensemble.close();
  assert.equal(client.state, 'closed');
});

test('role, epoch and readiness are told as they change', async () => {
  const ensemble = await Ensemble.start({ settings: { ...quiet, tickTime: 200 } });
  const leader = ensemble.leader!;
  const survivors = ensemble.servers.filter((server) => server !== leader);
  const told = survivors.map((server) => {
    const events: (readonly [string, unknown?])[] = [];
    server.on('role', (role) => events.push(['role', role]));
    server.on('epoch', (epoch) => events.push(['epoch', epoch]));
    server.on('ready', () => events.push(['ready']));
    server.on('suspended', () => events.push(['suspended']));
    server.on('closed', () => events.push(['closed']));
    return events;
  });
  const { epoch } = leader.status();
  await Promise.all([...survivors.map((server) => once(server, 'ready')), leader.close()]);
  for (const [index, survivor] of survivors.entries()) {
    const status = survivor.status();
    assert.deepEqual(
      told[index]!.toSorted(),
      [['epoch', status.epoch], ['ready'], ['role', status.role], ['role', 'looking'], ['suspended']].toSorted(),
    );
    assert.equal(told[index]!.at(-1)![0], 'ready');
    assert.ok(status.epoch > epoch);
  }
  const closed = Promise.all(survivors.map((server) => once(server, 'closed')));
  await ensemble.close();
  await closed;
  assert.ok(told.every((events) => events.at(-1)![0] === 'closed'));
});

test('the journal tells when a leader serves and when it has committed first', async () => {
  const lines: (readonly [string, unknown])[] = [];
  const info = (line: string, fields?: Readonly<Record<string, unknown>>): void =>
    void lines.push([line, fields?.['epoch']]);
  const journal = { info, warn: () => {}, error: () => {} };
  const server = await Server.start({ dataDir: join(folder, 'journal'), ...local, clientPort: -1, journal });
  const client = await server.connect();
  for (let n = 0; n < 3; n++) await client.create(`/n${n}`);
  await server.close();
  const told = lines.filter(([line]) => line === 'serving clients' || line === 'first commit');
  assert.deepEqual(told, [
    ['serving clients', 1],
    ['first commit', 1],
  ]);
});

/** Runs a program that imports from `zabra`; it has to end by itself. */
async function run(program: string): Promise<{ code: unknown; output: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: root, stdio: 'pipe' });
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  return { code, output };
}

test('a program that closes its ensemble ends by itself', async () => {
  const result = await run(`
    import { Ensemble } from 'zabra';
    const ensemble = await Ensemble.start({ settings: { logLevel: 'silent', snapCount: 2 } });
    process.stdout.write(String(ensemble.servers.length));
    await ensemble.close();`);
  assert.deepEqual(result, { code: 0, output: '3' });
});

test('nothing is left after close: no handle, thread, file or folder, whoever was connected', async () => {
  const { code, output } = await run(`
    import assert from 'node:assert/strict';
    import { readdirSync, readlinkSync, existsSync } from 'node:fs';
    import { Ensemble } from 'zabra';
    import { Client } from 'zabra/client';
    const isLinux = existsSync('/proc/self/fd');
    const files = () => (isLinux ? readdirSync('/proc/self/fd') : [])
      .map((fd) => { try { return readlinkSync('/proc/self/fd/' + fd); } catch { return null; } })
      .filter((target) => target?.startsWith('/') && !target.startsWith('/proc') && !target.startsWith('/dev'));
    const threads = () => (isLinux ? readdirSync('/proc/self/task').length : 0);
    // This may run within an immediate, which counts as one until it ends.
    const resources = () => process.getActiveResourcesInfo().filter((name) => name !== 'Immediate').toSorted();
    const round = async () => {
      const settings = { logLevel: 'silent', snapCount: 2, adminPort: 0, metricsPort: 0 };
      const ensemble = await Ensemble.start({ settings });
      const within = await Promise.all([ensemble.connect(), ensemble.servers[1].connect(), ensemble.connect()]);
      const outside = await Client.connect(ensemble.connectString);
      await Promise.all([...within, outside].map((client, i) => client.create('/n' + i, 'x', { ephemeral: true })));
      within[0].watch('/');
      await within[2].close();
      const open = [ensemble.servers[0].options.dataDir, threads(), files().length];
      const unanswered = within[1].create('/unanswered').catch(() => null);
      await outside.close();
      await Promise.all([ensemble.close(), within[1].close(), unanswered]);
      return open;
    };
    await round();
    // Node's own threads and what is loaded once are there from now on.
    const before = { files: files(), threads: threads(), resources: resources() };
    const [dataDir, threadsThen, filesThen] = await round();
    assert.ok(!existsSync(dataDir));
    if (isLinux) assert.ok(threadsThen > before.threads && filesThen > before.files.length);
    assert.deepEqual({ files: files(), threads: threads(), resources: resources() }, before);
    process.stdout.write('clean');`);
  assert.deepEqual([code, output], [0, 'clean']);
});
