/** Watches that recipes give up: only their own, and for good. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, type WatchEvent } from '../../../engine/client/index.ts';
import { WaitTimeoutError } from '../../../engine/recipes/index.ts';
import { nextChange } from '../../../engine/recipes/one-watch.ts';
import { within } from '../../../engine/recipes/waiting.ts';
import { FakeServers, stat, type FakeConnection } from '../../support/fake-server.ts';
import { op, Record } from '../../support/raw-client.ts';

async function connect(): Promise<{ client: Client; connection: FakeConnection }> {
  const fake = new FakeServers();
  const client = new Client('a:1', { connector: fake.connector });
  const connection = await fake.accepted();
  await connection.greet();
  return { client, connection };
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
