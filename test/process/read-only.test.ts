/**
 * Read-only mode: two of three servers are killed, the third serves reads to clients that allow it, as
 * ZooKeeper 3.8 with readonlymode.enabled and local sessions was seen to do.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { op, RawClient, Record, type SessionInfo } from '../support/raw-client.ts';
import { ProcessEnsemble, word, type ServerProcess } from '../support/server-process.ts';
import { until } from '../support/until.ts';

let ensemble: ProcessEnsemble;
let left: ServerProcess;
let port = 0;
/** A session of the whole ensemble, with an ephemeral node. */
let owner: RawClient & { info: SessionInfo };
let seen = 0n;

before(async () => {
  ensemble = await ProcessEnsemble.start(3, ['readonlymode.enabled=true', 'zabra.leaderlessGraceMs=300']);
  await ensemble.serving();
  left = ensemble.servers[0]!;
  port = left.clientPort;
  owner = await RawClient.connect(port, { timeoutMs: 8000 });
  await owner.create('/kept', 'value');
  seen = (await owner.create('/kept-ephemeral', '', 1))!.zxid;
  assert.equal(await word(port, 'isro'), 'rw');
  await Promise.all(ensemble.servers.slice(1).map((server) => server.kill()));
  await until('read-only mode', 10_000, async () => (await word(port, 'isro')) === 'ro');
});
after(() => ensemble.close());

test('who was connected before has to connect anew', async () => {
  await owner.ended();
});

test('words tell the mode', async () => {
  const answer = await word(port, 'srvr');
  assert.match(answer, /^READ-ONLY mode; serving only read-only clients$/m);
  assert.match(answer, /^Mode: read-only$/m);
});

test('a client that does not allow it is turned away without an answer', async () => {
  for (const options of [{}, { readOnlyByte: false }] as const) {
    const client = await RawClient.open(port);
    assert.equal(await client.handshake(options), null);
  }
});

test('a client that has seen more than the server is turned away', async () => {
  const client = await RawClient.open(port);
  assert.equal(await client.handshake({ readOnly: true, lastZxidSeen: seen + 1n }), null);
});

test('a new session is local: it reads, and its writes are refused', async () => {
  const client = await RawClient.connect(port, { readOnly: true, lastZxidSeen: seen });
  assert.equal(client.info.frame.length, 37);
  assert.equal(client.info.frame[36], 1, 'the handshake says read-only');
  assert.equal((await client.get('/kept', true))?.data, 'value');
  assert.deepEqual(await client.children('/'), ['kept', 'kept-ephemeral', 'zookeeper']);
  const path = new Record().buffer('/kept');
  for (const [name, reply] of Object.entries({
    create: client.create('/new'),
    set: client.set('/kept', 'x'),
    remove: client.remove('/kept'),
    sync: client.sync(),
    check: client.request(op.check, path),
    malformed: client.request(op.create, path),
    multi: client.request(op.multi, new Record().int(-1).bool(true).int(-1)),
  })) {
    const answer = await reply;
    assert.equal(answer?.err, -119, name);
    assert.equal(answer.zxid, seen, name);
  }
  assert.equal((await client.ping())?.err, 0);
  assert.equal((await client.get('/new'))?.err, -101);
  await client.close();
  const again = await RawClient.open(port);
  const gone = await again.handshake({ readOnly: true, session: client.info });
  assert.equal(gone?.timeoutMs, 0, 'a closed local session is expired');
});

test('a local session moves to another connection with its password only', async () => {
  const client = await RawClient.connect(port, { readOnly: true });
  const wrong = await RawClient.open(port);
  const password = Buffer.alloc(16, 1);
  assert.equal((await wrong.handshake({ readOnly: true, session: { id: client.info.id, password } }))?.timeoutMs, 0);
  const moved = await RawClient.connect(port, { readOnly: true, session: client.info });
  assert.equal(moved.info.id, client.info.id);
  await client.ended();
  assert.equal((await moved.get('/kept'))?.data, 'value');
  moved.destroy();
});

test('a local session that is not heard of ends', async () => {
  const client = await RawClient.connect(port, { readOnly: true, timeoutMs: 800 });
  await client.ended();
});

test('a session of the ensemble is not served, and not told that it expired', async () => {
  const client = await RawClient.open(port);
  assert.equal(await client.handshake({ readOnly: true, session: owner.info }), null);
});

test('with a leader again, clients come back: global sessions as they were, local ones anew', async () => {
  const local = await RawClient.connect(port, { readOnly: true });
  for (const server of ensemble.servers.slice(1)) server.start();
  await local.ended();
  await ensemble.serving();
  assert.equal(await word(port, 'isro'), 'rw');
  const resumed = await RawClient.connect(port, { readOnly: true, session: owner.info, timeoutMs: 8000 });
  assert.equal(resumed.info.id, owner.info.id);
  assert.equal(resumed.info.frame[36], 0, 'the handshake says read-write');
  assert.equal((await resumed.set('/kept-ephemeral', 'still here'))?.err, 0);
  const stale = await RawClient.open(port);
  assert.equal((await stale.handshake({ readOnly: true, session: local.info }))?.timeoutMs, 0);
  const fresh = await RawClient.connect(port, { readOnly: true });
  assert.equal((await fresh.create('/written'))?.err, 0);
  await resumed.close();
  await fresh.close();
});
