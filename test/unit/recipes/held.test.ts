/** How long something is held: as long as the leader confirms the session, whatever a server says by itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '../../../engine/client/index.ts';
import { Lock, LostError } from '../../../engine/recipes/index.ts';
import { FakeServers, stat, type Asked, type FakeConnection } from '../../support/fake-server.ts';
import { op, Record } from '../../support/raw-client.ts';

const timeoutMs = 600;
const first = '_c_0-lock-0000000001';

/** A server that answers everything but, if it shall, `sync`. */
class Server {
  /** Who stands in each line. */
  readonly lines = new Map<string, string[]>();
  syncs = 0;
  answersSync = true;
  readonly #connection: FakeConnection;

  constructor(connection: FakeConnection) {
    this.#connection = connection;
    void this.#serve();
  }

  stand(path: string): void {
    const slash = path.lastIndexOf('/');
    const folder = path.slice(0, slash);
    this.lines.set(folder, [...(this.lines.get(folder) ?? []), path.slice(slash + 1)]);
  }

  async #serve(): Promise<void> {
    while (!this.#connection.isOver) {
      const asked = await this.#connection.any().catch(() => null);
      if (asked !== null) this.#answer(asked);
    }
  }

  #answer({ xid, op: code, body }: Asked): void {
    const path = body.length < 4 ? '' : body.toString('utf8', 4, 4 + body.readInt32BE(0));
    switch (code) {
      case op.create2: {
        const full = `${path}0000000002`;
        this.stand(full);
        this.#connection.reply(xid, 0, new Record().buffer(full).raw(stat().bytes()));
        break;
      }
      case op.getData:
        this.#connection.reply(xid, 0, new Record().buffer('').raw(stat().bytes()));
        break;
      case op.getChildren:
        this.#connection.reply(xid, 0, new Record().strings(this.lines.get(path) ?? []));
        break;
      case op.sync:
        this.syncs++;
        if (this.answersSync) this.#connection.reply(xid, 0, new Record().buffer(path));
        break;
      default:
        this.#connection.reply(xid);
    }
  }
}

async function scene(): Promise<{ client: Client; connection: FakeConnection; server: Server; lock: Lock }> {
  const fake = new FakeServers();
  const client = new Client('a:1', { connector: fake.connector, sessionTimeoutMs: timeoutMs });
  const connection = await fake.accepted();
  await connection.greet({ timeoutMs });
  return { client, connection, server: new Server(connection), lock: new Lock(client, '/lock') };
}

test('a holder that writes nothing asks the leader, once for all that the client holds', async (t) => {
  const { client, server, lock } = await scene();
  t.after(() => client.destroy());
  const held = await Promise.all([lock.acquire(), new Lock(client, '/other').acquire()]);
  await sleep(timeoutMs * 2);
  assert.ok(held.every((each) => each.isHeld && !each.lost.aborted));
  assert.ok(server.syncs >= 3 && server.syncs <= 7, `${server.syncs} syncs`);
  await Promise.all(held.map((each) => each.release()));
  const { syncs } = server;
  await sleep(timeoutMs);
  assert.equal(server.syncs, syncs, 'who holds nothing asks for nothing');
});

test('a server that is cut off from the leader answers pings: what was held is lost in time', async (t) => {
  const { client, server, lock } = await scene();
  t.after(() => client.destroy());
  const held = await lock.acquire();
  server.answersSync = false;
  const until = performance.now() + timeoutMs + 300;
  while (!held.lost.aborted && performance.now() < until) await sleep(5);
  assert.ok(held.lost.reason instanceof LostError, `after ${timeoutMs} ms it is not lost`);
  assert.equal(held.isHeld, false);
});

test('whoever waited for longer than its session lasts asks the leader before it holds', async (t) => {
  const { client, connection, server, lock } = await scene();
  t.after(() => client.destroy());
  server.stand(`/lock/${first}`);
  const acquiring = lock.acquire();
  await sleep(timeoutMs * 1.5);
  assert.equal(server.syncs, 0, 'waiting asks for nothing');
  server.lines.get('/lock')!.shift();
  connection.event(2, `/lock/${first}`);
  const held = await acquiring;
  assert.ok(server.syncs >= 1);
  assert.ok(held.isHeld && !held.lost.aborted);
});
