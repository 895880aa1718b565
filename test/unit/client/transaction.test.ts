/** Transactions on the wire: byte for byte as ZooKeeper's clients send them, and what comes back. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { acls, Client, KeeperError, TransactionError, type Stat } from '../../../engine/client/index.ts';
import { FakeServers, stat, type FakeConnection } from '../../support/fake-server.ts';
import { openAcl, Record } from '../../support/raw-client.ts';

let client: Client;
let connection: FakeConnection;
before(async () => {
  const fake = new FakeServers();
  client = new Client('a:1/root', { connector: fake.connector });
  connection = await fake.accepted();
  await connection.greet();
  await client.connected();
});
after(async () => {
  connection.drop();
  await client.close();
});

const header = (type: number, err = -1): Record => new Record().int(type).bool(false).int(err);
const end = new Record().int(-1).bool(true).int(-1).bytes();

test('writes of all kinds, and the results that they have', async () => {
  const call: Promise<[string, string, string, Stat, null, null]> = client
    .multi()
    .create('/a', 'x')
    .create('/c', null, { container: true })
    .create('/t-', 'y', { ttlMs: 5_000_000_000, sequential: true, acl: acls.read })
    .setData('/a', Buffer.from('z'), 3)
    .delete('/b', 4)
    .check('/')
    .commit();
  const { xid, op, body } = await connection.request();
  assert.equal(op, 14);
  const create = (path: string, data: string | null, flags: number): Record =>
    new Record().buffer(path).buffer(data).acl(openAcl).int(flags);
  assert.deepEqual(
    body,
    new Record()
      .raw(
        header(1)
          .raw(create('/root/a', 'x', 0).bytes())
          .bytes(),
      )
      .raw(
        header(19)
          .raw(create('/root/c', null, 4).bytes())
          .bytes(),
      )
      .raw(header(21).buffer('/root/t-').buffer('y').bytes())
      .acl([{ perms: 1, scheme: 'world', id: 'anyone' }])
      .int(6)
      .long(5_000_000_000n)
      .raw(header(5).buffer('/root/a').buffer('z').int(3).bytes())
      .raw(header(2).buffer('/root/b').int(4).bytes())
      .raw(header(13).buffer('/root').int(-1).bytes())
      .raw(end)
      .bytes(),
  );
  const reply = new Record()
    .raw(header(1, 0).buffer('/root/a').bytes())
    .raw(header(15, 0).buffer('/root/c').raw(stat().bytes()).bytes())
    .raw(header(15, 0).buffer('/root/t-0000000001').raw(stat().bytes()).bytes())
    .raw(header(5, 0).raw(stat(4).bytes()).bytes())
    .raw(header(2, 0).bytes())
    .raw(header(13, 0).bytes())
    .raw(end);
  connection.reply(xid, 0, reply);
  const [a, c, t, { version }, gone, checked] = await call;
  assert.deepEqual([a, c, t, version, gone, checked], ['/a', '/c', '/t-0000000001', 4, null, null]);
});

test('a refused transaction says which operation and why', async () => {
  const call = client.multi().create('/a').delete('/gone').check('/x').commit();
  const reply = new Record();
  for (const code of [0, -101, -2]) reply.raw(header(-1, code).int(code).bytes());
  connection.reply((await connection.request()).xid, 0, reply.raw(end));
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof TransactionError && error instanceof KeeperError);
    assert.deepEqual([error.index, error.code, error.path], [1, 'noNode', '/gone']);
    assert.equal(error.message, 'operation 1 of the transaction: noNode for /gone');
    return true;
  });
});

test('reads have results and errors of their own', async () => {
  const call = client.multiRead().getData('/a').getChildren('/b').getData('/c').commit();
  const { xid, op, body } = await connection.request();
  assert.equal(op, 22);
  assert.equal(body.readInt32BE(0), 4);
  const reply = new Record()
    .raw(header(4, 0).buffer('x').raw(stat(2).bytes()).bytes())
    .raw(header(8, 0).strings(['p', 'q']).bytes())
    .raw(header(-1, -102).int(-102).bytes())
    .raw(end);
  connection.reply(xid, 0, reply);
  const [a, b, c] = await call;
  assert.ok(!(a instanceof KeeperError) && String(a.data) === 'x' && a.stat.version === 2);
  assert.deepEqual(b, ['p', 'q']);
  assert.ok(c instanceof KeeperError && c.code === 'noAuth' && c.path === '/c');
});

test('a reply with too few or too many results is malformed', async () => {
  for (const count of [0, 2]) {
    const fake = new FakeServers();
    const other = new Client('a:1', { connector: fake.connector });
    const on = await fake.accepted();
    await on.greet();
    const call = other.multi().delete('/a').commit();
    const reply = new Record();
    for (let n = 0; n < count; n++) reply.raw(header(2, 0).bytes());
    on.reply((await on.request()).xid, 0, reply.raw(end));
    await assert.rejects(call, { code: 'connectionLoss' });
    await other.close();
  }
});

test('an operation that cannot be is refused as soon as it is named', () => {
  assert.throws(() => client.multi().create('/a', '', { ephemeral: true, ttlMs: 1 }), TypeError);
});
