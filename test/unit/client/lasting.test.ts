/** How long the session lasts for certain. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, OperationTimeoutError } from '../../../engine/client/index.ts';
import { FakeServers, stat } from '../../support/fake-server.ts';
import { Record } from '../../support/raw-client.ts';

test('what the leader has answered tells how long the session lasts, reads and pings do not', async () => {
  const fake = new FakeServers();
  const client = new Client('a:1,b:2', { connector: fake.connector });
  const connection = await fake.accepted();
  await connection.greet({ timeoutMs: 600 });
  await client.connected();
  const pass = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
  const answer = async (code: number, body = new Record()): Promise<void> =>
    connection.reply((await connection.request()).xid, code, body);
  let last = client.sessionLastsUntil;
  const expect = (moves: boolean, what: string): void => {
    assert.equal(client.sessionLastsUntil > last, moves, what);
    assert.ok(client.sessionLastsUntil <= performance.now() + 600);
    last = client.sessionLastsUntil;
  };
  await pass();
  const read = client.exists('/x');
  await answer(-101);
  await read;
  expect(false, 'a read');
  assert.equal((await connection.any()).xid, -2);
  connection.reply(-2);
  expect(false, 'a ping');
  const refused = client.setData('/x', '');
  await answer(-119);
  await assert.rejects(refused);
  expect(false, 'a write that was refused');
  const asked = performance.now();
  const sync = client.sync();
  await pass();
  expect(false, 'a sync without an answer');
  await answer(0, new Record().buffer('/'));
  await sync;
  expect(true, 'a sync');
  assert.ok(last < asked + 600 + 5, 'its time begins when it is asked for');
  await pass();
  await assert.rejects(client.setData('/x', '', -1, { timeoutMs: 1 }), OperationTimeoutError);
  await answer(0, stat());
  expect(true, 'a write whose answer came late');
  connection.drop();
  const next = await fake.accepted();
  await next.greet({ timeoutMs: 600 });
  await client.connected();
  expect(true, 'a new connection');
  next.drop();
  await client.close();
});
