/** Whatever the servers do, every promise ends, and each reply goes to the call that it is for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../../engine/base/prng.ts';
import { Client, KeeperError } from '../../../engine/client/index.ts';
import { FakeServers, stat, type FakeConnection } from '../../support/fake-server.ts';
import { Record } from '../../support/raw-client.ts';

/** Serves one connection with `random` misfortunes, until it ends. */
async function serve(connection: FakeConnection, random: Prng): Promise<void> {
  if (random.chance(0.1)) {
    connection.drop();
    return;
  }
  await connection.greet({ timeoutMs: 200 });
  while (!connection.isOver) {
    const asked = await Promise.race([connection.any(), connection.ended.then(() => null)]);
    if (asked === null) return;
    const { xid, op, body } = asked;
    if (xid === -2 || op === -11) connection.reply(xid);
    else if (random.chance(0.01)) connection.drop();
    else if (random.chance(0.002)) connection.reply(xid + 1);
    else if (random.chance(0.3)) connection.reply(xid, -101);
    // The data of a node is its path.
    else connection.reply(xid, 0, new Record().buffer(body.subarray(4, -1)).raw(stat().bytes()));
  }
}

test('every call ends, with its own answer or an error', async () => {
  for (let seed = 1; seed <= 2; seed++) {
    const random = new Prng(seed);
    const fake = new FakeServers();
    const client = new Client('a:1,b:2,c:3', { connector: fake.connector, requestTimeoutMs: 1500 });
    let isOver = false;
    void (async () => {
      while (!isOver) await serve(await fake.accepted(), random);
    })();
    const outcomes = { answered: 0, refused: 0, lost: 0 };
    const callers = Array.from({ length: 20 }, async (_, caller) => {
      for (let n = 0; n < 50; n++) {
        const path = `/${caller}/${n}`;
        const abort = random.chance(0.05) ? new AbortController() : null;
        const call = client.getData(path, abort === null ? {} : { signal: abort.signal });
        if (abort !== null) setImmediate(() => abort.abort());
        try {
          assert.equal(String((await call).data), path);
          outcomes.answered++;
        } catch (error) {
          if (error instanceof KeeperError && error.code === 'noNode') outcomes.refused++;
          else if (error instanceof KeeperError || (error as Error).name === 'AbortError') outcomes.lost++;
          else throw error;
        }
      }
    });
    await Promise.all(callers);
    assert.equal(outcomes.answered + outcomes.refused + outcomes.lost, 1000);
    assert.ok(outcomes.answered > 300 && outcomes.lost > 0, JSON.stringify(outcomes));
    isOver = true;
    await client.close();
  }
});
