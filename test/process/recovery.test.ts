/**
 * A server that lost its disk, and one that lags too far behind for the log, come back by themselves.
 *
 * Small snapCount and segments: the leader's log no longer reaches back to where they left off, so
 * that both need a snapshot and then the log that follows it.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { dump } from '../support/load.ts';
import { RawClient } from '../support/raw-client.ts';
import { ProcessEnsemble, type ServerProcess } from '../support/server-process.ts';
import { until } from '../support/until.ts';

const settings = [
  'snapCount=300',
  'preAllocSize=64',
  'zabra.segmentBytes=65536',
  'zabra.historyBytesMax=65536',
  'autopurge.snapRetainCount=3',
];
let ensemble: ProcessEnsemble;

before(async () => {
  ensemble = await ProcessEnsemble.start(3, settings);
  await ensemble.serving();
});
after(() => ensemble.close());

/** Writes ten snapshots' worth over and over the same few nodes: the state stays small and the log is purged. */
async function write(name: string, port: number): Promise<void> {
  const client = await RawClient.connect(port);
  for (let n = 0; n < 10; n++) assert.equal((await client.create(`/${name}-${n}`))?.err, 0);
  for (let round = 0; round < 30; round++) {
    const data = `${round} `.repeat(200);
    const replies = await Promise.all(Array.from({ length: 100 }, (_, n) => client.set(`/${name}-${n % 10}`, data)));
    for (const reply of replies) assert.equal(reply?.err, 0);
  }
  await client.close();
}

async function someFollower(): Promise<{ leader: ServerProcess; follower: ServerProcess }> {
  const leader = await ensemble.leader();
  return { leader, follower: ensemble.servers.find((server) => server !== leader)! };
}

/** Starts `server` and compares its tree with the leader's, also for what was written while it caught up. */
async function comesBack(server: ServerProcess, leader: ServerProcess, name: string): Promise<void> {
  server.start();
  const writer = await RawClient.connect(leader.clientPort);
  await writer.create(`/${name}`);
  let written = 0;
  const mode = await until(
    `service of server ${server.id}`,
    20_000,
    async () => {
      assert.ok(server.running, server.output);
      assert.equal((await writer.create(`/${name}/${written++}`))?.err, 0);
      return server.mode();
    },
    () => server.output,
  );
  assert.equal(mode, 'follower');
  const reader = await RawClient.connect(server.clientPort);
  await reader.sync();
  assert.equal((await reader.children(`/${name}`)).length, written);
  assert.deepEqual(await dump(reader), await dump(writer));
  // It takes part again: with it alone at its side the leader has a quorum.
  const third = ensemble.servers.find((other) => other !== server && other !== leader)!;
  await third.kill();
  assert.equal((await reader.create(`/${name}/quorum`))?.err, 0);
  third.start();
  await third.serving();
  await Promise.all([reader.close(), writer.close()]);
}

test('a server with an empty disk gets a snapshot, then the log, and serves', async () => {
  const { leader, follower } = await someFollower();
  await write('wiped', leader.clientPort);
  await follower.kill();
  follower.wipe();
  await comesBack(follower, leader, 'after-wipe');
  assert.match(follower.output, /snapshot installed/);
});

test('a server that lags behind the whole log gets a snapshot, then the log, and serves', async () => {
  const { leader, follower } = await someFollower();
  await follower.kill();
  await write('lag', leader.clientPort);
  await comesBack(follower, leader, 'after-lag');
  assert.match(follower.output, /snapshot installed/);
  // What it installed is on its own disk: it starts from there once more.
  await follower.kill();
  await comesBack(follower, leader, 'after-restart');
});

test('a leader that lost its disk comes back as a follower', async () => {
  const { leader } = await someFollower();
  await leader.kill();
  leader.wipe();
  const next = await ensemble.leader();
  await comesBack(leader, next, 'after-lost-leader');
});
