/**
 * Operations that this server does not have (yet), and those that only servers use among themselves:
 * -6, as for any unknown one, and the connection ends. ZooKeeper 3.8.5 and later refuse a check
 * outside a multi in the same way.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Server } from '../../../engine/index.ts';
import { op, RawClient, Record } from '../../support/raw-client.ts';

const codes = {
  check: op.check,
  createSession: -10,
  resumeSession: -12,
};

test('operations that are not there end their connection, and no other', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'zabra-unimplemented-'));
  const server = await Server.start({ dataDir, clientPort: 0, clientPortAddress: '127.0.0.1', logLevel: 'silent' });
  t.after(async () => {
    await server.close();
    rmSync(dataDir, { recursive: true });
  });
  await server.ready();
  const bystander = await RawClient.connect(server.clientPort);
  for (const [name, code] of Object.entries(codes)) {
    const client = await RawClient.connect(server.clientPort);
    const reply = await client.request(code, new Record().buffer('/').int(0).raw(Buffer.alloc(40)));
    assert.equal(reply?.err, -6, name);
    assert.equal(reply.body.length, 0, name);
    await client.ended();
    const again = await RawClient.connect(server.clientPort, { session: client.info });
    assert.equal((await again.get('/'))?.err, 0, name);
    await again.close();
  }
  assert.equal((await bystander.get('/'))?.err, 0);
  await bystander.close();
});

test('a SASL login is refused as ZooKeeper refuses one that fails: an empty token, then the end', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'zabra-sasl-'));
  const server = await Server.start({ dataDir, clientPort: 0, clientPortAddress: '127.0.0.1', logLevel: 'silent' });
  t.after(async () => {
    await server.close();
    rmSync(dataDir, { recursive: true });
  });
  await server.ready();
  const client = await RawClient.connect(server.clientPort);
  const reply = await client.request(op.sasl, new Record().buffer('token'));
  assert.deepEqual([reply?.err, reply?.zxid, reply?.body.toString('hex')], [-115, 0n, 'ffffffff']);
  await client.ended();
});
