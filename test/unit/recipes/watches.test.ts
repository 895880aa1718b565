/** Watches that recipes give up: only their own, and for good. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, type WatchEvent } from '../../../engine/client/index.ts';
import { Cache, WaitTimeoutError } from '../../../engine/recipes/index.ts';
import { nextChange } from '../../../engine/recipes/one-watch.ts';
import { within } from '../../../engine/recipes/waiting.ts';
import { FakeServers, stat, type FakeConnection } from '../../support/fake-server.ts';
import { op, Record } from '../../support/raw-client.ts';

async function connect(): Promise<{ fake: FakeServers; client: Client; connection: FakeConnection }> {
  const fake = new FakeServers();
  const client = new Client('a:1', { connector: fake.connector });
  const connection = await fake.accepted();
  await connection.greet();
  return { fake, client, connection };
}

async function answer(connection: FakeConnection, code: number, body = new Record()): Promise<Buffer> {
  const asked = await connection.request();
  assert.equal(asked.op, code);
  connection.reply(asked.xid, 0, body);
  return asked.body;
}

test('whoever stops waiting for a node takes away the watch of its data, not that of its children', async (t) => {
  const { client, connection } = await connect();
  t.after(() => client.destroy());
  const heard: WatchEvent[] = [];
  const listing = client.getChildren('/a', { watch: (event) => heard.push(event) });
  const waiting = within(client, { timeoutMs: 20 }, '/a', (bound) => nextChange(client, bound, '/a'));
  waiting.catch(() => null);
  await answer(connection, op.getChildren, new Record().strings([]));
  await answer(connection, op.getData, new Record().buffer('').raw(stat().bytes()));
  await listing;
  await assert.rejects(waiting, WaitTimeoutError);
  const body = await answer(connection, op.removeWatches);
  assert.equal(body.readInt32BE(body.length - 4), 2, 'of type data');
  connection.event(4, '/a');
  await client.sync('/', { timeoutMs: 1 }).catch(() => null);
  assert.deepEqual(
    heard.map(({ type }) => type),
    ['nodeChildrenChanged'],
  );
});

test('a watch whose removal was cut off is removed on the next connection', async (t) => {
  const { fake, client, connection } = await connect();
  t.after(() => client.destroy());
  const waiting = within(client, { timeoutMs: 20 }, '/a', (bound) => nextChange(client, bound, '/a'));
  waiting.catch(() => null);
  await answer(connection, op.getData, new Record().buffer('').raw(stat().bytes()));
  await assert.rejects(waiting, WaitTimeoutError);
  assert.equal((await connection.request()).op, op.removeWatches);
  connection.drop();
  const next = await fake.accepted();
  await next.greet();
  const again = await next.request();
  assert.equal(again.op, op.setWatches);
  next.reply(-8);
  await answer(next, op.removeWatches);
});

test('a cache that is given up before its watch is there takes it away behind it', async (t) => {
  const { client, connection } = await connect();
  t.after(() => client.destroy());
  await assert.rejects(Cache.open(client, '/a', { timeoutMs: 20 }), WaitTimeoutError);
  await answer(connection, op.addWatch);
  await answer(connection, op.removeWatches);
});

test('a cache that is given up does not ask again on the next connection', async (t) => {
  const { fake, client, connection } = await connect();
  t.after(() => client.destroy());
  await assert.rejects(Cache.open(client, '/a', { timeoutMs: 20 }), WaitTimeoutError);
  await connection.request();
  connection.drop();
  const next = await fake.accepted();
  await next.greet();
  await client.connected();
  const probe = client.exists('/probe');
  const { op: code, xid } = await next.request();
  assert.equal(code, op.exists);
  next.reply(xid, -101);
  await probe;
});
