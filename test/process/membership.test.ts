/** /zookeeper/config: the servers of the ensemble, the same on each of them, watched when they change. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ensemble, Server, type EnsembleMember } from '../../engine/index.ts';
import { op, RawClient, Record } from '../support/raw-client.ts';

const configPath = '/zookeeper/config';

function member(id: number, change: Partial<EnsembleMember> = {}): EnsembleMember {
  return {
    id,
    host: '127.0.0.1',
    quorumPort: 0,
    electionPort: 0,
    role: 'participant',
    clientHost: null,
    clientPort: null,
    ...change,
  };
}

test('every server of an ensemble shows the same configuration, with the zxid that set it', async (t) => {
  const ensemble = await Ensemble.start();
  t.after(() => ensemble.close());
  const texts = new Set<string>();
  for (const server of ensemble.servers) {
    const client = await RawClient.connect(server.clientPort);
    await client.sync(configPath);
    const reply = await client.get(configPath);
    texts.add(reply!.data!);
    await client.close();
  }
  const [text] = texts;
  assert.equal(texts.size, 1);
  const servers = [1, 2, 3].map((id) => `server.${id}=127.0.0.1:0:0:participant\n`).join('');
  assert.match(text!, new RegExp(`^${servers}version=[1-9a-f][0-9a-f]{8,}$`));
});

test('another configuration at the next start is published, and clients may not write it', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'zabra-membership-'));
  t.after(() => rmSync(dataDir, { recursive: true }));
  const settings = { dataDir, id: 1, clientPort: 0, clientPortAddress: '127.0.0.1', logLevel: 'silent' } as const;
  const texts: string[] = [];
  for (const clientPort of [null, null, 2181]) {
    // A lone voter: it leads by itself.
    const server = await Server.start({ ...settings, servers: [member(1, { clientPort })] });
    await server.ready();
    const client = await RawClient.connect(server.clientPort);
    // A session is made after what the leader published when it began.
    texts.push((await client.get(configPath))!.data!);
    assert.equal((await client.set(configPath, 'mine'))?.err, -102);
    const stat = await client.request(op.exists, new Record().buffer(configPath).bool(false));
    assert.equal(stat!.body.readInt32BE(32), -1, 'its version says nothing');
    await client.close();
    await server.close();
  }
  assert.equal(texts[1], texts[0], 'nothing is written when nothing changed');
  assert.match(texts[2]!, /^server\.1=127\.0\.0\.1:0:0:participant;0\.0\.0\.0:2181\nversion=[0-9a-f]+$/);
  assert.notEqual(texts[2]!.split('version=')[1], texts[1]!.split('version=')[1]);
});
