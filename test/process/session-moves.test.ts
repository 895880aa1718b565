/** A session goes from server to server with its password, and is in one place at a time. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Ensemble } from '../../engine/index.ts';
import { RawClient } from '../support/raw-client.ts';

let ensemble: Ensemble;
let ports: number[];

before(async () => {
  ensemble = await Ensemble.start({ settings: { logLevel: 'silent', preAllocSize: 64, tickTime: 500 } });
  ports = ensemble.servers.map((server) => server.clientPort);
});

after(() => ensemble.close());

test('it moves around all servers and keeps what it owns', async () => {
  const first = await RawClient.connect(ports[0]!);
  await first.create('/moves', 'mine', 1);
  let current = first;
  for (const port of [ports[1]!, ports[2]!, ports[0]!, ports[2]!]) {
    const next = await RawClient.connect(port, { session: first.info });
    assert.equal(next.info.id, first.info.id);
    assert.deepEqual(next.info.password, first.info.password);
    assert.equal((await next.set('/moves', String(port)))?.err, 0);
    assert.equal((await next.get('/moves'))?.data, String(port));
    current.destroy();
    current = next;
  }
  await current.close();
  const other = await RawClient.connect(ports[1]!);
  await other.sync();
  assert.equal((await other.get('/moves'))?.err, -101);
  await other.close();
});

test('a write by way of the server it left ends that connection without an answer (-118)', async () => {
  const left = await RawClient.connect(ports[0]!);
  await left.create('/left', '0', 1);
  const moved = await RawClient.connect(ports[1]!, { session: left.info });
  assert.equal(await left.set('/left', 'stale'), null);
  await left.ended();
  assert.equal((await moved.get('/left'))?.data, '0');
  assert.equal((await moved.set('/left', '1'))?.err, 0);
  await moved.close();
});

test('closing by way of the server it left does not close it', async () => {
  const left = await RawClient.connect(ports[0]!);
  const moved = await RawClient.connect(ports[1]!, { session: left.info });
  await left.close();
  assert.equal((await moved.create('/moved', '', 1))?.err, 0);
  await moved.close();
});

test('it lives as long as was asked for last', async () => {
  const first = await RawClient.connect(ports[0]!, { timeoutMs: 10_000 });
  await first.create('/short', '', 1);
  const other = await RawClient.connect(ports[1]!, { timeoutMs: 10_000 });
  await other.sync();
  await other.get('/short', true);
  const again = await RawClient.connect(ports[2]!, { session: first.info, timeoutMs: 1000 });
  assert.equal(again.info.timeoutMs, 1000);
  const started = performance.now();
  first.destroy();
  again.destroy();
  await other.logged('event 2 /short');
  assert.ok(performance.now() - started < 8000);
  await other.close();
});

test('a wrong password moves nothing', async () => {
  const owner = await RawClient.connect(ports[0]!);
  const thief = await RawClient.open(ports[1]!);
  const answer = await thief.handshake({ session: { id: owner.info.id, password: Buffer.alloc(16, 1) } });
  assert.deepEqual([answer?.timeoutMs, answer?.id, answer?.frame.length], [0, 0n, 37]);
  await thief.ended();
  assert.equal((await owner.create('/stays', '', 1))?.err, 0);
  await owner.close();
});

test('passwords are of one session each and tell nothing of another', async () => {
  const clients = await Promise.all(ports.flatMap((port) => [RawClient.connect(port), RawClient.connect(port)]));
  const passwords = new Set(clients.map(({ info }) => info.password.toString('hex')));
  assert.equal(passwords.size, clients.length);
  assert.equal(new Set(clients.map(({ info }) => info.id)).size, clients.length);
  await Promise.all(clients.map((client) => client.close()));
});

test('a client that has seen more than its server is sent away until the server has caught up', async () => {
  const writer = await RawClient.connect(ports[0]!);
  const { zxid } = (await writer.create('/seen'))!;
  const future = await RawClient.open(ports[1]!);
  assert.equal(await future.handshake({ lastZxidSeen: zxid + 1_000_000n }), null);
  const sync = await RawClient.connect(ports[1]!);
  await sync.sync();
  const present = await RawClient.connect(ports[1]!, { lastZxidSeen: zxid });
  assert.equal((await present.get('/seen'))?.err, 0);
  for (const client of [writer, sync, present]) await client.close();
});
