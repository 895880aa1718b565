/** What recipes ask for goes well with servers of every age. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from '../../../engine/client/index.ts';
import { createFolder } from '../../../engine/recipes/calls.ts';
import { FakeServers } from '../../support/fake-server.ts';
import { op, Record } from '../../support/raw-client.ts';

test('a server without containers gets plain folders, and may have them already', async (t) => {
  const fake = new FakeServers();
  const client = new Client('a:1', { connector: fake.connector });
  t.after(() => client.destroy());
  const connection = await fake.accepted();
  await connection.greet();
  const created = createFolder(client, '/a/b');
  created.catch(() => connection.drop());
  for (const plain of [-110, 0]) {
    const container = await connection.request();
    assert.equal(container.op, op.createContainer);
    connection.reply(container.xid, -6);
    const { op: code, xid } = await connection.request();
    assert.equal(code, op.create);
    connection.reply(xid, plain, plain === 0 ? new Record().buffer('/a/b').raw(Buffer.alloc(68)) : new Record());
  }
  await created;
});
