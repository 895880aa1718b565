/** What comes in over HTTP: the commands of ZooKeeper's AdminServer, and whatever else a network brings. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { HttpEndpoint } from '../../../engine/admin/http.ts';
import { Ensemble, Server } from '../../../engine/index.ts';
import type { Journal } from '../../../engine/server/ports.ts';
import { RawClient } from '../../support/raw-client.ts';

const folder = mkdtempSync(join(tmpdir(), 'zabra-http-'));
const host = '127.0.0.1';
const settings = {
  clientPort: 0,
  clientPortAddress: host,
  adminPort: 0,
  adminAddress: host,
  logLevel: 'silent',
  preAllocSize: 64,
  tickTime: 2000,
} as const;
let server: Server;

before(async () => {
  server = await Server.start({ ...settings, dataDir: join(folder, 'one') });
  await server.ready();
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

function ask(path: string, port = server.adminPort, method = 'GET', body = ''): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asked = request({ host, port, path, method, agent: false }, (reply) => {
      let text = '';
      reply.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      reply.on('end', () =>
        resolve({ status: reply.statusCode ?? 0, type: reply.headers['content-type'] ?? '', text }),
      );
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

type Json = Record<string, unknown>;

async function command(name: string, port = server.adminPort): Promise<Json> {
  const { status, type, text } = await ask(`/commands/${name}`, port);
  assert.deepEqual([status, type], [200, 'application/json'], name);
  return JSON.parse(text) as Json;
}

/** A connection that says what it is told; resolves with all that comes back once it ends. */
async function raw(...said: readonly (string | Buffer)[]): Promise<string> {
  const socket = connect(server.adminPort, host);
  socket.on('error', () => {});
  for (const part of said) socket.write(part);
  return all(socket);
}

async function all(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString('latin1');
}

test('the index names all commands, and each of them answers under its name', async () => {
  for (const path of ['/commands', '/commands/']) {
    const { status, text } = await ask(path);
    assert.equal(status, 200);
    const names = [...text.matchAll(/<a href="\/commands\/(\w+)">\1<\/a>/g)].map(([, name]) => name!);
    assert.equal(names.length, 26, "as many as ZooKeeper 3.8's");
    for (const name of names) {
      const answer = await command(name);
      assert.equal(answer['command'], name);
      if (!['leader', 'set_trace_mask'].includes(name)) assert.equal(answer['error'], null, name);
    }
  }
});

test('what is no command, as ZooKeeper says it', async () => {
  const unknown = await command('nope');
  assert.deepEqual(unknown, { command: 'nope', error: 'Unknown command: nope' });
  assert.deepEqual(await command('__proto__'), { command: '__proto__', error: 'Unknown command: __proto__' });
  assert.deepEqual(await command('leader'), { command: 'leader', error: 'server is not initialized' });
  for (const path of ['/', '/command', '/commandsX', '/metrics', '//', '/%', '*'])
    assert.equal((await ask(path)).status, 404, path);
});

test('HEAD has no body; nothing but GET and HEAD is done', async () => {
  const head = await ask('/commands/ruok', server.adminPort, 'HEAD');
  assert.deepEqual([head.status, head.type, head.text], [200, 'application/json', '']);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'])
    assert.equal((await ask('/commands/srst', server.adminPort, method)).status, 405, method);
  assert.equal((await ask('/commands/srst', server.adminPort, 'POST', 'x'.repeat(1 << 20))).status, 405);
});

test('sessions, connections, watches and ephemeral nodes', async () => {
  const client = await RawClient.connect(server.clientPort);
  const id = Number(client.info.id);
  await client.create('/http', '', 1);
  await client.get('/http', true);
  const { connections } = (await command('cons')) as { connections: readonly Json[] };
  assert.equal(connections.length, 1);
  const { remote_socket_address: from, established, last_response_time: at, ...rest } = connections[0]!;
  assert.match(String(from), /^127\.0\.0\.1:\d+$/);
  assert.ok(Math.abs(Number(established) - Date.now()) < 60_000 && Number(at) > 0);
  for (const key of ['last_latency', 'min_latency', 'avg_latency', 'max_latency']) {
    assert.ok(Number.isInteger(rest[key]), key);
    delete rest[key];
  }
  assert.deepEqual(rest, {
    interest_ops: 1,
    outstanding_requests: 0,
    packets_received: 3,
    packets_sent: 3,
    session_id: id,
    last_operation: 'GETD',
    session_timeout: 10_000,
    last_cxid: 2,
    last_zxid: server.status().zxid,
  });
  assert.deepEqual((await command('wchc'))['session_id_to_watched_paths'], { [id]: ['/http'] });
  assert.deepEqual((await command('wchp'))['path_to_session_ids'], { '/http': [id] });
  const summary = { num_connections: 1, num_paths: 1, num_total_watches: 1 };
  assert.deepEqual(await command('wchs'), { command: 'watch_summary', error: null, ...summary });
  const { expiry_time_to_session_ids: expiries, session_id_to_ephemeral_paths: owned } = await command('dump');
  assert.deepEqual(Object.values(expiries as object), [[id]]);
  assert.deepEqual(owned, { [id]: ['/http'] });
  await command('crst');
  const reset = (await command('connections')) as { connections: readonly Json[] };
  assert.equal(reset.connections[0]!['packets_received'], 0);
  await client.close();
});

test('figures: monitor, stats, configuration', async () => {
  const monitor = await command('mntr');
  assert.equal(monitor['server_state'], 'standalone');
  for (const key of ['znode_count', 'avg_latency', 'cnt_fsynctime', 'p99_readlatency'])
    assert.equal(typeof monitor[key], 'number', key);
  const stats = (await command('stat')) as { server_stats: Json; node_count: number };
  assert.equal(stats.server_stats['server_state'], 'standalone');
  assert.equal(stats.node_count, monitor['znode_count']);
  assert.equal((await command('conf'))['tick_time'], 2000);
  assert.deepEqual(await command('stmk?traceMask=7'), { command: 'set_trace_mask', error: null, tracemask: 7 });
  assert.equal((await command('gtmk'))['tracemask'], 7);
  const refusal = 'setTraceMask requires long traceMask argument';
  assert.equal((await command('stmk'))['error'], refusal);
  assert.equal((await command('stmk?traceMask=0x1'))['error'], `${refusal}, got 0x1`);
});

test('garbage is answered with 400 and the connection closed', async () => {
  assert.match(await raw('ruok'), /^$|^HTTP\/1\.1 400 /);
  assert.match(await raw('NONSENSE\r\n\r\n'), /^HTTP\/1\.1 400 /);
  assert.match(await raw(Buffer.alloc(4096, 0xff)), /^HTTP\/1\.1 400 /);
  assert.match(await raw(`GET /commands/ruok HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
  assert.equal((await command('ruok'))['error'], null, 'others are served on');
});

test('whoever is slow or idle is cut off, whoever comes beyond the bound is turned away', async (t) => {
  const journal: Journal = { info: () => {}, warn: () => {}, error: () => {} };
  const answer = (): { status: number; type: string; body: string } => ({
    status: 200,
    type: 'text/plain',
    body: 'ok',
  });
  const bounds = { headMs: 300, checkMs: 50, connectionsMax: 4 };
  const endpoint = await HttpEndpoint.start({ name: 'it', host, port: 0, idleMs: 500, journal, ...bounds }, answer);
  t.after(() => endpoint.close());
  const sockets = ['', 'GET / HTTP/1.1\r\n', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'POST / HTTP/1.1\r\n'].map((said) => {
    const socket = connect(endpoint.port, host, () => socket.write(said));
    return socket;
  });
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  const extra = connect(endpoint.port, host);
  assert.equal(await all(extra), '', 'the fifth');
  const [silent, half, whole, other] = await Promise.all(sockets.map(all));
  assert.match(silent!, /^$|408/);
  assert.match(half!, /^HTTP\/1\.1 408 /);
  assert.match(whole!, /^HTTP\/1\.1 200 OK.*\r\n\r\nok$/s);
  assert.match(other!, /^HTTP\/1\.1 408 /);
});

test('a port that is taken is a line in the journal and no reason not to serve', async (t) => {
  const holder = createServer().listen(0, host);
  await new Promise((resolve) => holder.once('listening', resolve));
  t.after(() => holder.close());
  const { port } = holder.address() as { port: number };
  const errors: unknown[] = [];
  const journal: Journal = {
    info: () => {},
    warn: () => {},
    error: (event, fields) => void errors.push([event, fields]),
  };
  const dataDir = join(folder, 'taken');
  const other = await Server.start({ ...settings, dataDir, adminPort: port, metricsPort: port, journal });
  t.after(() => other.close());
  await other.ready();
  const reason = `port ${port} is taken by another process`;
  assert.deepEqual(errors, [
    ['the admin server does not listen', { host, port, reason }],
    ['the metrics endpoint does not listen', { host: '0.0.0.0', port, reason }],
  ]);
  assert.deepEqual([other.adminPort, other.metricsPort], [-1, -1]);
});

test('an ensemble: who leads, who votes, how far; and what is left without a quorum', async (t) => {
  const { clientPort: _, dataDir: __, ...shared } = { ...settings, dataDir: '' };
  const ensemble = await Ensemble.start({ settings: shared });
  t.after(() => ensemble.close());
  const leader = ensemble.leader!;
  const followers = ensemble.servers.filter((one) => one !== leader);
  const { id } = leader.status();
  const leads = { command: 'leader', error: null, is_leader: true, leader_id: id, leader_ip: host };
  assert.deepEqual(await command('lead', leader.adminPort), leads);
  assert.equal((await command('lead', followers[0]!.adminPort))['is_leader'], false);
  const view = (await command('voting_view', leader.adminPort))['current_config'] as Record<string, Json>;
  assert.deepEqual(Object.keys(view), ['1', '2', '3']);
  assert.equal(view['1']!['learner_type'], 'participant');
  const state = await command('zabstate', followers[0]!.adminPort);
  assert.deepEqual([state['zabstate'], state['voting'], state['is_leader']], ['broadcast', true, false]);
  assert.equal((await command('obsr', leader.adminPort))['synced_observers'], 0);
  assert.ok('proposal_stats' in (await command('srvr', leader.adminPort)));
  await Promise.all(followers.map((one) => one.close()));
  while (leader.status().serving) await new Promise((resolve) => setImmediate(resolve));
  const error = 'This ZooKeeper instance is not currently serving requests';
  assert.deepEqual(await command('stat', leader.adminPort), { command: 'stat', error });
  assert.equal((await command('env', leader.adminPort))['error'], null);
  assert.notEqual((await command('zabstate', leader.adminPort))['zabstate'], 'broadcast');
});
