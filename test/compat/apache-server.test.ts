/** Our client with Apache ZooKeeper, as Debian packages it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client, type WatchEvent } from '../../engine/client/index.ts';
import { ApacheServer, apacheMissing } from '../support/apache.ts';
import { clientScenarios } from '../support/client-scenarios.ts';

describe('Apache ZooKeeper', { skip: apacheMissing }, () => {
  const server = new ApacheServer();
  before(() => server.start());
  after(() => server.close());

  clientScenarios(() => server.connectString);

  test('it is killed and comes back: the session goes on, with all its watches', async () => {
    const client = await Client.connect(server.connectString);
    const { sessionId } = client;
    const seen: string[] = [];
    const named =
      (name: string) =>
      ({ type, path }: WatchEvent): void =>
        void seen.push(`${name} ${type} ${path}`);
    await client.create('/a', '0');
    await client.create('/e', '', { ephemeral: true });
    await client.getData('/a', { watch: named('once') });
    const resumed = new Promise<void>((resolve) => {
      void client.addWatch('/a', ({ type }) => type === 'resumed' && resolve(), { recursive: true });
    });
    await client.addWatch('/a', named('stays'));
    await server.kill();
    const during = client.exists('/e', { timeoutMs: 30_000 });
    await server.start();
    assert.equal((await during)!.ephemeralOwner, sessionId);
    await resumed;
    await client.setData('/a', '1');
    await client.setData('/a', '2');
    assert.deepEqual(seen, [
      'stays resumed /a',
      'once nodeDataChanged /a',
      'stays nodeDataChanged /a',
      'stays nodeDataChanged /a',
    ]);
    await client.close();
  });
});
