/** `import { Server, Ensemble } from 'zabra'`: servers inside a program, which they let end. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ensemble, OptionError, Server, type StartOptions } from 'zabra';
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

test('an ensemble of no servers is refused', async () => {
  for (const servers of [0, -1, 1.5, 256]) await assert.rejects(Ensemble.start({ servers }), { field: 'servers' });
});

test('a program that closes its ensemble ends by itself', async () => {
  const program = `
    import { Ensemble } from 'zabra';
    const ensemble = await Ensemble.start({ settings: { logLevel: 'silent', snapCount: 2 } });
    process.stdout.write(String(ensemble.servers.length));
    await ensemble.close();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: root, stdio: 'pipe' });
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  assert.deepEqual([code, output], [0, '3']);
});
