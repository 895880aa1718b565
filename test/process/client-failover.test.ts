/** Our client while our servers are killed under it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client, ConnectionLossError, type SessionState } from '../../engine/client/index.ts';
import { ProcessEnsemble } from '../support/server-process.ts';

let ensemble: ProcessEnsemble;
before(async () => {
  ensemble = await ProcessEnsemble.start(3);
  await ensemble.serving();
});
after(() => ensemble.close());

test('every server is killed in turn: session, node and watch go on; no acknowledged write is lost', async () => {
  const client = await Client.connect(ensemble.connectString, { sessionTimeoutMs: 8000 });
  const states: SessionState[] = [];
  client.onState((state) => states.push(state));
  const { sessionId } = client;
  await client.create('/count', '0');
  await client.create('/alive', '', { ephemeral: true });
  await client.create('/watched', '0');
  let heard: (event: unknown) => void = () => {};
  const changed = new Promise((resolve) => (heard = resolve));
  await client.getData('/watched', { watch: heard });
  let isOver = false;
  let acknowledged = 0;
  let unknown = 0;
  const writing = (async () => {
    while (!isOver) {
      try {
        await client.setData('/count', 'x');
        acknowledged++;
      } catch (error) {
        assert.ok(error instanceof ConnectionLossError, String(error));
        unknown++;
      }
    }
  })();
  for (const server of ensemble.servers) {
    await server.kill();
    server.start();
    await server.serving();
  }
  isOver = true;
  await writing;
  const other = await Client.connect(ensemble.connectString);
  const { version } = (await other.exists('/count'))!;
  assert.ok(version >= acknowledged && version <= acknowledged + unknown, `${version}: ${acknowledged} + ${unknown}`);
  assert.ok(states.includes('connecting'));
  assert.equal(client.sessionId, sessionId);
  await other.sync();
  assert.equal((await other.exists('/alive'))!.ephemeralOwner, sessionId);
  await other.setData('/watched', '1');
  await changed;
  await Promise.all([client.close(), other.close()]);
});

test('the whole ensemble is killed and comes back: the session goes on, until another client ends it', async () => {
  const client = await Client.connect(ensemble.connectString, { sessionTimeoutMs: 4000 });
  await client.create('/brief', '', { ephemeral: true });
  const expired = new Promise<void>((resolve) => client.onState((state) => state === 'expired' && resolve()));
  await Promise.all(ensemble.servers.map((server) => server.kill()));
  const waiting = client.exists('/brief', { timeoutMs: 60_000 });
  for (const server of ensemble.servers) server.start();
  assert.equal((await waiting)!.ephemeralOwner, client.sessionId);
  const heir = await Client.connect(ensemble.connectString, { session: client.sessionKey });
  await heir.close();
  await expired;
  await assert.rejects(client.getData('/brief'), { code: 'sessionExpired' });
});
