/** A session over connections that break, stall and lie: every call ends, and with the right error. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import {
  Client,
  ClientClosedError,
  ConnectionLossError,
  OperationTimeoutError,
  SessionExpiredError,
  type ClientOptions,
  type SessionState,
} from '../../../engine/client/index.ts';
import { FakeServers, stat, type FakeConnection, type Greeting } from '../../support/fake-server.ts';
import { Record } from '../../support/raw-client.ts';

const clients: Client[] = [];
afterEach(async () => {
  // A fake that does not answer must not keep a test: the session's timeout bounds this.
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

function make(fake: FakeServers, options: ClientOptions = {}, hosts = 'a:1,b:2,c:3'): Client {
  const client = new Client(hosts, { connector: fake.connector, ...options });
  clients.push(client);
  return client;
}

async function connected(
  fake: FakeServers,
  options: ClientOptions = {},
  greeting: Greeting = {},
): Promise<{ client: Client; connection: FakeConnection }> {
  const client = make(fake, options);
  const connection = await fake.accepted();
  await connection.greet(greeting);
  await client.connected();
  return { client, connection };
}

/** Ends a client whose fake answers no more. */
function settle(client: Client, connection: FakeConnection): Promise<void> {
  connection.drop();
  return client.close();
}

const data = (text: string): Record => new Record().buffer(text).raw(stat().bytes());

test('all calls of a turn leave in one write and are answered in order', async () => {
  const fake = new FakeServers();
  const { client, connection } = await connected(fake);
  const before = connection.writes.length;
  const calls = Array.from({ length: 100 }, (_, n) => client.getData(`/n${n}`));
  for (let n = 0; n < 100; n++) {
    const { xid, op, body } = await connection.request();
    assert.equal(op, 4);
    assert.equal(body.toString('utf8', 4, body.length - 1), `/n${n}`);
    connection.reply(xid, 0, data(`d${n}`));
  }
  assert.equal(connection.writes.length, before + 1);
  const answers = await Promise.all(calls);
  assert.deepEqual(
    answers.map((answer) => String(answer.data)),
    calls.map((_, n) => `d${n}`),
  );
  await settle(client, connection);
});

test('calls that follow replies of one chunk leave in one write too', async () => {
  const fake = new FakeServers();
  const { client, connection } = await connected(fake);
  const twice = Array.from({ length: 10 }, async (_, n) => {
    await client.exists(`/a${n}`);
    await client.exists(`/b${n}`);
  });
  const replies: Buffer[] = [];
  for (let n = 0; n < 10; n++) {
    const { xid } = await connection.request();
    replies.push(new Record().buffer(new Record().int(xid).long(1n).int(0).raw(stat().bytes()).bytes()).bytes());
  }
  const before = connection.writes.length;
  connection.raw(Buffer.concat(replies));
  for (let n = 0; n < 10; n++) connection.reply((await connection.request()).xid, -101);
  await Promise.all(twice);
  assert.equal(connection.writes.length, before + 1);
  await settle(client, connection);
});

test('replies may come in any pieces', async () => {
  const fake = new FakeServers();
  const { client, connection } = await connected(fake);
  const calls = [client.getData('/x'), client.getData('/y')];
  const chunk = Buffer.concat(
    ['one', 'x'.repeat(1000)].map((text, n) => {
      const reply = new Record()
        .int(n + 1)
        .long(9n)
        .int(0)
        .raw(data(text).bytes());
      return new Record().buffer(reply.bytes()).bytes();
    }),
  );
  for (const byte of chunk) connection.raw(Buffer.from([byte]));
  const [one, two] = await Promise.all(calls);
  assert.equal(String(one!.data), 'one');
  assert.equal(two!.data!.length, 1000);
  assert.equal(client.lastZxid, 9);
  await settle(client, connection);
});

test('a lost connection: what was sent is unknown, what was not goes to the next server', async () => {
  const fake = new FakeServers();
  const states: SessionState[] = [];
  const { client, connection } = await connected(fake);
  client.onState((state) => states.push(state));
  const first = client.setData('/seen', 'x');
  connection.reply((await connection.request()).xid, 0, stat(1), 77n);
  await first;
  const lost = client.setData('/lost', 'x');
  await connection.request();
  connection.drop();
  await assert.rejects(lost, (error) => error instanceof ConnectionLossError && error.path === '/lost');
  const kept = client.setData('/kept', 'x');
  const next = await fake.accepted();
  assert.notEqual(next.port, connection.port);
  const hello = await next.greet();
  assert.equal(hello.readBigInt64BE(4), 77n, 'the newest zxid it saw');
  assert.equal(hello.readBigInt64BE(16), 0x1234n);
  assert.deepEqual(hello.subarray(28, 44), Buffer.alloc(16, 7));
  const asked = await next.request();
  assert.equal(asked.body.toString('utf8', 4, 9), '/kept');
  next.reply(asked.xid, 0, stat(1));
  await kept;
  assert.deepEqual(states, ['connecting', 'connected']);
  await settle(client, next);
});

test('session ids of 64 bits are kept to the bit', async () => {
  const fake = new FakeServers();
  const { client, connection } = await connected(fake, {}, { id: 0x7f00_0adf_00c0_ffe1n });
  assert.equal(client.sessionId, '0x7f000adf00c0ffe1');
  connection.drop();
  const next = await fake.accepted();
  const hello = await next.greet({ id: 0x7f00_0adf_00c0_ffe1n });
  assert.equal(hello.readBigInt64BE(16), 0x7f00_0adf_00c0_ffe1n);
  await client.connected();
  await settle(client, next);
  const heir = make(fake, { session: client.sessionKey });
  const third = await fake.accepted();
  assert.equal((await third.greet()).readBigInt64BE(16), 0x7f00_0adf_00c0_ffe1n);
  await heir.connected();
  await settle(heir, third);
});

test('an expired session ends all calls with that error, for good', async () => {
  const fake = new FakeServers();
  const { client, connection } = await connected(fake);
  connection.drop();
  const waiting = client.getData('/x');
  const next = await fake.accepted();
  await next.greet({ timeoutMs: 0, id: 0n });
  await assert.rejects(waiting, SessionExpiredError);
  assert.equal(client.state, 'expired');
  await assert.rejects(client.getData('/x'), SessionExpiredError);
  await assert.rejects(client.connected(), SessionExpiredError);
  await next.ended;
});

test('a server that falls silent is given up after two thirds of the session, pings having been sent', async () => {
  const fake = new FakeServers();
  const { client, connection } = await connected(fake, { sessionTimeoutMs: 300 }, { timeoutMs: 300 });
  const stuck = client.getData('/x');
  const ping = async (): Promise<void> => {
    for (;;) if ((await connection.any()).xid === -2) return;
  };
  await ping();
  await assert.rejects(stuck, ConnectionLossError);
  await connection.ended;
  const next = await fake.accepted();
  await next.greet();
  await client.connected();
  await settle(client, next);
});

test('pings that are answered keep a quiet connection', async () => {
  const fake = new FakeServers();
  const { client, connection } = await connected(fake, { sessionTimeoutMs: 150 }, { timeoutMs: 150 });
  for (let n = 0; n < 6; n++) {
    assert.equal((await connection.any()).xid, -2);
    connection.reply(-2);
  }
  assert.equal(client.state, 'connected');
  await settle(client, connection);
});

test('a call that takes too long ends, and its late answer disturbs no other', async () => {
  const fake = new FakeServers();
  const { client, connection } = await connected(fake);
  const slow = client.getData('/slow', { timeoutMs: 30 });
  const next = client.getData('/next');
  const { xid } = await connection.request();
  await assert.rejects(slow, (error) => error instanceof OperationTimeoutError && error.sent);
  connection.reply(xid, 0, data('late'));
  connection.reply((await connection.request()).xid, 0, data('next'));
  assert.equal(String((await next).data), 'next');
  await settle(client, connection);
});

test('without a connection a call waits its time and is never sent afterwards', async () => {
  const fake = new FakeServers();
  const client = make(fake);
  const connection = await fake.accepted();
  const late = client.setData('/late', 'x', -1, { timeoutMs: 20 });
  await assert.rejects(late, (error) => error instanceof OperationTimeoutError && !error.sent);
  const abort = new AbortController();
  const aborted = client.setData('/aborted', 'x', -1, { signal: abort.signal });
  const kept = client.setData('/kept', 'x');
  abort.abort();
  await assert.rejects(aborted, (error: Error) => error.name === 'AbortError');
  await connection.greet();
  const { xid, body } = await connection.request();
  assert.equal(body.toString('utf8', 4, 9), '/kept');
  connection.reply(xid, 0, stat());
  await kept;
  await settle(client, connection);
});

test('an aborted call ends at once; what was sent is answered into the void', async () => {
  const fake = new FakeServers();
  const { client, connection } = await connected(fake);
  const abort = new AbortController();
  const call = client.getData('/x', { signal: abort.signal });
  const other = client.getData('/y', { signal: abort.signal });
  const { xid } = await connection.request();
  connection.reply(xid, 0, data('in time'));
  assert.equal(String((await call).data), 'in time');
  abort.abort(new Error('enough'));
  await assert.rejects(other, /enough/);
  await assert.rejects(client.getData('/z', { signal: abort.signal }), /enough/);
  connection.reply((await connection.request()).xid, 0, data('late'));
  const last = client.exists('/last');
  connection.reply((await connection.request()).xid, -101);
  assert.equal(await last, null);
  await settle(client, connection);
});

test('close comes after all that was asked before, and nothing after it', async () => {
  const fake = new FakeServers();
  const { client, connection } = await connected(fake);
  const before = client.getData('/before');
  const closed = client.close();
  assert.equal(client.close(), closed);
  await assert.rejects(client.getData('/after'), ClientClosedError);
  connection.reply((await connection.request()).xid, 0, data('answer'));
  const { xid, op } = await connection.request();
  assert.equal(op, -11);
  connection.reply(xid);
  assert.equal(String((await before).data), 'answer');
  await closed;
  assert.equal(client.state, 'closed');
  await connection.ended;
});

test('close whose connection is lost asks again, and is content with a session that is over', async () => {
  const fake = new FakeServers();
  for (const timeoutMs of [10_000, 0]) {
    const { client, connection } = await connected(fake);
    const closed = client.close();
    assert.equal((await connection.request()).op, -11);
    connection.drop();
    const next = await fake.accepted();
    await next.greet({ timeoutMs });
    if (timeoutMs > 0) {
      const { xid, op } = await next.request();
      assert.equal(op, -11);
      next.reply(xid);
    }
    await closed;
    assert.equal(client.state, 'closed');
  }
});

test('close ends, too, when the server does not answer or is not there', async () => {
  const fake = new FakeServers();
  const { client } = await connected(fake, { sessionTimeoutMs: 100 }, { timeoutMs: 100 });
  await client.close();
  assert.equal(client.state, 'closed');
  const other = make(fake);
  await fake.accepted();
  const waiting = other.getData('/x');
  await Promise.all([other.close(), assert.rejects(waiting, ClientClosedError)]);
});

test('a reply out of order, a malformed one, one that is too long: that connection is done with', async () => {
  const fake = new FakeServers();
  const { client, connection } = await connected(fake, { replyBytesMax: 1000 });
  const wrongs: ((on: FakeConnection, xid: number) => void)[] = [
    (on, xid) => on.reply(xid + 1, 0, data('x')),
    (on, xid) => on.reply(xid, 0, new Record().int(1000)),
    (on) => on.raw(new Record().int(1001).bytes()),
    (on) => on.raw(new Record().int(-1).bytes()),
  ];
  let on = connection;
  for (const wrong of wrongs) {
    const calls = [client.getData('/x'), client.getData('/y')];
    wrong(on, (await on.request()).xid);
    for (const call of calls) await assert.rejects(call, ConnectionLossError);
    await on.ended;
    on = await fake.accepted();
    await on.greet();
    await client.connected();
  }
  await settle(client, on);
});

test('servers that are down or do not answer are passed over', async () => {
  const fake = new FakeServers();
  fake.down.add(1);
  const client = make(fake, { connectTimeoutMs: 40 });
  const silent = await fake.accepted();
  await silent.ended;
  for (let on = await fake.accepted(); ; on = await fake.accepted()) {
    if (on.port === silent.port) continue;
    await on.greet();
    await client.connected();
    await settle(client, on);
    return;
  }
});

test('connect gives up in time, says why, and leaves nothing behind', async () => {
  const fake = new FakeServers();
  for (const port of [1, 2, 3]) fake.down.add(port);
  const options = { connector: fake.connector, timeoutMs: 50 };
  await assert.rejects(Client.connect('a:1,b:2,c:3/root', options), /no session with .*a:1.* within 50 ms: nobody at/);
  const signal = AbortSignal.abort(new Error('no need'));
  await assert.rejects(Client.connect('a:1', { connector: fake.connector, signal }), /no need/);
});

test('identities are presented again on every connection, before anything else', async () => {
  const fake = new FakeServers();
  const { client, connection } = await connected(fake, { auth: [{ scheme: 'digest', auth: 'a:1' }] });
  assert.equal((await connection.request()).xid, -4);
  connection.reply(-4);
  const added = client.addAuth('digest', Buffer.from('b:2'));
  assert.match((await connection.request()).body.toString('latin1'), /digest.*b:2/s);
  connection.reply(-4);
  await added;
  connection.drop();
  const call = client.exists('/x');
  const next = await fake.accepted();
  await next.greet();
  const asked = [await next.request(), await next.request(), await next.request()];
  assert.deepEqual(
    asked.map(({ op }) => op),
    [100, 100, 3],
  );
  next.reply(asked[2]!.xid, -101);
  await call;
  next.reply(-4);
  const refused = client.addAuth('digest', 'bad');
  await next.request();
  next.reply(-4);
  next.reply(-4, -115);
  await assert.rejects(refused, { code: 'authFailed' });
  assert.equal(client.state, 'authFailed');
  await assert.rejects(client.exists('/x'), { code: 'authFailed' });
});

test('a read-only server will do until one takes writes', async () => {
  const fake = new FakeServers();
  const client = make(fake, { canBeReadOnly: true }, 'a:1,b:2');
  const first = await fake.accepted();
  const hello = await first.greet({ readOnly: true, id: 0x77n });
  assert.equal(hello[44], 1, 'it may be read-only');
  await client.connected();
  assert.equal(client.state, 'connectedReadOnly');
  assert.equal(client.sessionLastsUntil, -Infinity);
  const write = client.setData('/x', 'y');
  first.reply((await first.request()).xid, -119);
  await assert.rejects(write, { code: 'notReadOnly' });
  for (const answer of ['ro', 'ro', 'rw']) {
    const asking = await fake.accepted();
    assert.equal(String(asking.writes[0]), 'isro');
    asking.raw(Buffer.from(answer));
    await asking.ended;
  }
  const next = await fake.accepted();
  const again = await next.greet({ id: 0x88n });
  assert.equal(again.readBigInt64BE(16), 0n, 'what a read-only server gave is no session of the ensemble');
  await client.connected();
  assert.equal(client.state, 'connected');
  assert.equal(client.sessionId, '0x88');
  await settle(client, next);
});

test('arguments that make no sense are rejections, and nothing of them is sent', async () => {
  const fake = new FakeServers();
  const { client, connection } = await connected(fake);
  await assert.rejects(client.getData('no/slash'), { code: 'badArguments' });
  await assert.rejects(client.create('/x', 'y', { container: true, ephemeral: true }), TypeError);
  await assert.rejects(client.setData('/x', undefined as unknown as string), TypeError);
  await assert.rejects(
    client.removeWatches('no/slash', 'any', () => {}),
    { code: 'badArguments' },
  );
  const call = client.exists('/x');
  const { op, xid } = await connection.request();
  assert.equal(op, 3);
  connection.reply(xid, -101);
  await call;
  await settle(client, connection);
});
