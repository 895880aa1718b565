/**
 * A leader that is stopped for longer than its time-out, and goes on as if nothing had happened.
 *
 * Meanwhile the others have elected another one. There must never be two histories of acknowledged
 * writes: the version of a node, which every write raises by one, is acknowledged once at most.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { dump } from '../support/load.ts';
import { RawClient } from '../support/raw-client.ts';
import { ProcessEnsemble, type ServerProcess } from '../support/server-process.ts';
import { pause, until } from '../support/until.ts';

let ensemble: ProcessEnsemble;

before(async () => {
  ensemble = await ProcessEnsemble.start(3, ['tickTime=200']);
  await ensemble.serving();
});
after(async () => {
  for (const server of ensemble.servers) server.signal('SIGCONT');
  await ensemble.close();
});

/** A client of one server alone that writes to `/shared` until it is told to stop. */
class Writer {
  readonly acked: { version: number; mzxid: bigint; data: string }[] = [];
  readonly #server: ServerProcess;
  #stopped = false;
  readonly ended: Promise<void>;

  constructor(server: ServerProcess) {
    this.#server = server;
    this.ended = this.#run();
  }

  stop(): void {
    this.#stopped = true;
  }

  async #run(): Promise<void> {
    for (let n = 0; !this.#stopped;) {
      let client: RawClient;
      try {
        client = await RawClient.connect(this.#server.clientPort, { timeoutMs: 30_000 });
      } catch (error) {
        assert.match((error as Error).message, /closed the connection|session refused|ECONNRE/);
        await pause(20);
        continue;
      }
      const busy = new Set<Promise<void>>();
      while (!this.#stopped && !client.closed) {
        const write = this.#write(client, `${this.#server.id}-${n++}`).then(() => void busy.delete(write));
        busy.add(write);
        if (busy.size >= 8) await Promise.race(busy);
        await pause(2);
      }
      await Promise.all(busy);
      client.destroy();
    }
  }

  async #write(client: RawClient, data: string): Promise<void> {
    const reply = await client.set('/shared', data);
    if (reply === null || reply.err === -112) return;
    assert.equal(reply.err, 0);
    this.acked.push({ version: reply.body.readInt32BE(32), mzxid: reply.body.readBigInt64BE(8), data });
  }
}

test('a stopped leader that goes on acknowledges nothing beside its successor', async () => {
  const first = await RawClient.connect(ensemble.ports[0]!);
  assert.equal((await first.create('/shared'))?.err, 0);
  await first.close();
  const writers = ensemble.servers.map((server) => new Writer(server));
  const counts = (): number[] => writers.map(({ acked }) => acked.length);
  const moreOf = async (chosen: readonly ServerProcess[]): Promise<void> => {
    const start = counts();
    await until('more acknowledged writes', 20_000, () =>
      chosen.every(({ id }) => counts()[id - 1]! >= start[id - 1]! + 20),
    );
  };

  for (let round = 0; round < 2; round++) {
    await moreOf(ensemble.servers);
    const stopped = await ensemble.leader();
    const others = ensemble.servers.filter((server) => server !== stopped);
    stopped.signal('SIGSTOP');
    const next = await until('successor', 20_000, async () => {
      for (const server of others) if ((await server.mode()) === 'leader') return server;
      return null;
    });
    assert.notEqual(next, stopped);
    await moreOf(others);
    stopped.signal('SIGCONT');
    await until('return as a follower', 20_000, async () => (await stopped.mode()) === 'follower');
    await moreOf(ensemble.servers);
  }

  for (const writer of writers) writer.stop();
  await Promise.all(writers.map(({ ended }) => ended));
  const acked = writers.flatMap((writer) => writer.acked).toSorted((a, b) => a.version - b.version);
  for (let n = 1; n < acked.length; n++) {
    const [before, later] = [acked[n - 1]!, acked[n]!];
    assert.ok(before.version < later.version, `${before.data} and ${later.data} both made version ${later.version}`);
    assert.ok(before.mzxid < later.mzxid, `${later.data} is version ${later.version} with a smaller zxid`);
  }
  const dumps = await Promise.all(
    ensemble.ports.map(async (port) => {
      const reader = await RawClient.connect(port);
      await reader.sync();
      return dump(reader);
    }),
  );
  assert.deepEqual(dumps[1], dumps[0]);
  assert.deepEqual(dumps[2], dumps[0]);
});
