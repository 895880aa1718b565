/** Our client with a server that is cut off: it reads on, and writes again as soon as the others are back. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from '../../engine/client/index.ts';
import { ProcessEnsemble } from '../support/server-process.ts';

let ensemble: ProcessEnsemble;
before(async () => {
  ensemble = await ProcessEnsemble.start(3, ['readonlymode.enabled=true', 'zabra.leaderlessGraceMs=300']);
  await ensemble.serving();
});
after(() => ensemble.close());

test('two of three servers go and come back', { timeout: 90_000 }, async () => {
  const [one, two, three] = ensemble.servers;
  const writer = await Client.connect(ensemble.connectString);
  await writer.create('/kept', 'x');
  await writer.close();
  await Promise.all([one!.kill(), two!.kill()]);
  // A session of the ensemble waits for the ensemble; only a new one can be read-only.
  const client = await Client.connect(ensemble.connectString, { canBeReadOnly: true });
  assert.equal(client.state, 'connectedReadOnly');
  assert.deepEqual(client.server, { host: '127.0.0.1', port: three!.clientPort });
  assert.equal(String((await client.getData('/kept')).data), 'x');
  await assert.rejects(client.setData('/kept', 'y'), { code: 'notReadOnly' });
  const changed = new Promise((resolve) => void client.getData('/kept', { watch: resolve }));
  await client.getChildren('/');
  const connected = new Promise<void>((resolve) => client.onState((state) => state === 'connected' && resolve()));
  one!.start();
  await connected;
  await client.setData('/kept', 'y');
  assert.deepEqual(await changed, { type: 'nodeDataChanged', path: '/kept', zxid: -1 });
  await client.close();
});
