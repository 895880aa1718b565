/**
 * kill -9 of a follower, of the leader and of all servers under a pipelined load of writes.
 *
 * Afterwards every acknowledged write is there, what was not acknowledged is whole or absent, no
 * request was carried out twice, all servers hold the same tree, and dead sessions hold nothing.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { dump, Loader } from '../support/load.ts';
import { RawClient } from '../support/raw-client.ts';
import { ProcessEnsemble, type ServerProcess } from '../support/server-process.ts';
import { pause, until } from '../support/until.ts';

const loaders = 4;
let ensemble: ProcessEnsemble;
let load: Loader[] = [];
let run = 0;

before(async () => {
  ensemble = await ProcessEnsemble.start(3, ['snapCount=2000', 'preAllocSize=256', 'zabra.segmentBytes=1048576']);
  await ensemble.serving();
});
after(() => ensemble.close());

async function startLoad(): Promise<void> {
  run++;
  load = Array.from({ length: loaders }, (_, n) => new Loader(`run${run}-${n}`, ensemble.ports, Math.random));
  await Promise.all(load.map((loader) => loader.start()));
}

/** Resolves once every loader has had `count` more writes acknowledged. */
async function progress(count: number): Promise<void> {
  const goals = load.map(({ acknowledged }) => acknowledged + count);
  await until(`${count} more acknowledged writes`, 20_000, () =>
    load.every(({ acknowledged }, n) => acknowledged >= goals[n]!),
  );
}

async function killAndRestart(victims: readonly ServerProcess[]): Promise<void> {
  await progress(50 + Math.floor(Math.random() * 100));
  await pause(Math.random() * 30);
  await Promise.all(victims.map((server) => server.kill()));
  if (victims.length < 2) await progress(20);
  for (const server of victims) server.start();
  await Promise.all(victims.map((server) => server.serving()));
  await progress(20);
}

async function verifyAll(): Promise<void> {
  await Promise.all(load.map((loader) => loader.stop()));
  const dumps: string[][] = [];
  for (const server of ensemble.servers) {
    const reader = await RawClient.connect(server.clientPort);
    await reader.sync();
    dumps.push(await dump(reader));
    if (server === ensemble.servers[0]) for (const loader of load) await loader.verify(reader);
    await reader.close();
  }
  assert.deepEqual(dumps[1], dumps[0]);
  assert.deepEqual(dumps[2], dumps[0]);
  for (const { root, expired } of load)
    if (expired === 0)
      assert.ok(
        dumps[0]!.some((line) => line.startsWith(`${root}-alive `)),
        `${root} lives`,
      );
}

/** Ends the sessions of the load; their ephemerals go with them, on every server. */
async function endSessions(how: 'close' | 'abandon'): Promise<void> {
  for (const loader of load) await loader[how]();
  for (const server of ensemble.servers) {
    const reader = await RawClient.connect(server.clientPort);
    await until(`end of all ephemerals on server ${server.id}`, 15_000, async () => {
      return (await reader.children('/')).every((name) => !name.endsWith('-alive'));
    });
    await reader.close();
  }
}

test('kill -9 of a follower loses nothing and disturbs nobody else', async () => {
  await startLoad();
  for (let round = 0; round < 2; round++) {
    const leader = await ensemble.leader();
    const followers = ensemble.servers.filter((server) => server !== leader);
    await killAndRestart([followers[round]!]);
  }
  await verifyAll();
  await endSessions('close');
});

test('kill -9 of the leader loses nothing; the others go on by themselves', async () => {
  await startLoad();
  for (let round = 0; round < 2; round++) await killAndRestart([await ensemble.leader()]);
  await verifyAll();
  await endSessions('close');
});

test('kill -9 of all servers at once loses nothing', async () => {
  await startLoad();
  for (let round = 0; round < 2; round++) await killAndRestart(ensemble.servers);
  await verifyAll();
  await endSessions('abandon');
});
