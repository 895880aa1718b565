/** An id has one seat, also while a join that was given up is not yet undone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from '../../../engine/client/index.ts';
import { Membership, ServiceRegistry, WaitTimeoutError } from '../../../engine/recipes/index.ts';
import { FakeServers, type FakeConnection } from '../../support/fake-server.ts';
import { op, Record } from '../../support/raw-client.ts';

const session = 0x1234n;

async function connect(): Promise<{ client: Client; connection: FakeConnection }> {
  const fake = new FakeServers();
  const client = new Client('a:1', { connector: fake.connector });
  const connection = await fake.accepted();
  await connection.greet({ id: session });
  return { client, connection };
}

/** Of a node of this session. */
function own(czxid: bigint): Record {
  const record = new Record().long(czxid).long(czxid).long(0n).long(0n).int(0).int(0).int(0).long(session);
  return record.int(0).int(0).long(czxid);
}

async function answer(connection: FakeConnection, code: number, body = new Record()): Promise<void> {
  const asked = await connection.request();
  assert.equal(asked.op, code);
  connection.reply(asked.xid, 0, body);
}

async function answerJoin(connection: FakeConnection, czxid: bigint): Promise<void> {
  await answer(connection, op.create, new Record().buffer('/path'));
  await answer(connection, op.exists, own(czxid));
  await answer(connection, op.getData, new Record().buffer('').raw(own(czxid).bytes()));
}

test(
  'a join that was given up is undone before the next one of its id begins, by whichever object',
  { timeout: 20_000 },
  async (t) => {
    const { client, connection } = await connect();
    t.after(() => client.destroy());
    const group = new Membership(client, '/group');
    const same = new Membership(client, '/group');
    await assert.rejects(group.join('a', null, { timeoutMs: 20 }), WaitTimeoutError);
    const { xid, op: code } = await connection.request();
    assert.equal(code, op.create);
    await assert.rejects(same.join('a', null, { timeoutMs: 20 }), WaitTimeoutError);
    const joining = same.join('a');
    await assert.rejects(group.join('a'), /has joined already/);
    connection.reply(xid, 0, new Record().buffer('/group/a'));
    await answer(connection, op.exists, own(5n));
    await answer(connection, op.delete);
    await answerJoin(connection, 7n);
    const seat = await joining;
    assert.ok(seat.isHeld);
    assert.equal(seat.token, 7);
  },
);

test('a registry refuses an id of a service that it has registered, until its seat is left', async (t) => {
  const { client, connection } = await connect();
  t.after(() => client.destroy());
  const registry = new ServiceRegistry(client, '/services');
  const service = { name: 'search', id: 'x', address: '10.0.0.7', port: 8080 };
  const registering = registry.register(service);
  await answerJoin(connection, 5n);
  const seat = await registering;
  const refused = registry.register(service).catch((error: Error) => error.message);
  const asked = connection.request().then(({ op: code }) => `operation ${code} was asked for`);
  assert.equal(await Promise.race([refused, asked]), 'the id "x" has joined already.');
  const leaving = seat.leave();
  // `asked` has taken this request.
  assert.equal(await asked, `operation ${op.delete} was asked for`);
  connection.reply(4);
  await leaving;
  const again = registry.register(service);
  await answerJoin(connection, 9n);
  assert.equal((await again).token, 9);
});

test('a seat that is left once more does not free the id of who joined since', async (t) => {
  const { client, connection } = await connect();
  t.after(() => client.destroy());
  const group = new Membership(client, '/group');
  const joining = group.join('a');
  await answerJoin(connection, 5n);
  const first = await joining;
  const leaving = first.leave();
  await answer(connection, op.delete);
  await leaving;
  const again = group.join('a');
  await answerJoin(connection, 7n);
  const second = await again;
  await first.release();
  await assert.rejects(group.join('a'), /has joined already/);
  assert.ok(second.isHeld);
});
