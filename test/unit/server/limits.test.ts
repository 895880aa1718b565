/** Each limit on clients: what happens to who reaches it, that it is counted, and that others go on. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Server } from '../../../engine/index.ts';
import { Refusals } from '../../../engine/server/refusals.ts';
import type { ServerOptions } from '../../../engine/server/options.ts';
import { TokenBucket } from '../../../engine/server/token-bucket.ts';
import { connectRequest, fourLetterWord, op, RawClient, Record, type Reply } from '../../support/raw-client.ts';
import { until } from '../../support/until.ts';

async function start(t: TestContext, settings: Partial<ServerOptions>): Promise<Server> {
  const dataDir = mkdtempSync(join(tmpdir(), 'zabra-limits-'));
  const common = { clientPort: 0, clientPortAddress: '127.0.0.1', logLevel: 'silent', preAllocSize: 64 } as const;
  const server = await Server.start({ dataDir, ...common, ...settings });
  t.after(async () => {
    await server.close();
    rmSync(dataDir, { recursive: true });
  });
  await server.ready();
  return server;
}

/** Only these limits were reached. */
function assertRefused(server: Server, ...expected: readonly string[]): void {
  const reached = Object.entries(server.core.refusals).filter(([, count]) => count > 0);
  assert.deepEqual(reached.map(([reason]) => reason).toSorted(), expected.toSorted());
}

/** `count` writes at once on one connection; their results in order. */
async function burst(client: RawClient, count: number, size = 1): Promise<number[]> {
  const data = 'x'.repeat(size);
  const replies = await Promise.all(Array.from({ length: count }, () => client.set('/', data)));
  return replies.map((reply) => reply?.err ?? Number.NaN);
}

const isZero = (code: number): boolean => code === 0;

for (const [reason, settings] of [
  ['connectionsOfAddress', { maxClientCnxns: 2 }],
  ['connections', { maxCnxns: 2 }],
] as const)
  test(`${reason}: one too many is closed, and one that ends makes room`, async (t) => {
    const server = await start(t, settings);
    const first = await RawClient.connect(server.clientPort);
    const second = await RawClient.connect(server.clientPort);
    const third = await RawClient.open(server.clientPort);
    await third.ended();
    assertRefused(server, reason);
    await first.close();
    await until('room', 5000, () => server.core.clients.count === 1);
    await (await RawClient.connect(server.clientPort)).close();
    await second.close();
  });

test('connectionRate: handshakes beyond the tokens are closed', async (t) => {
  const server = await start(t, { connectionThrottleTokens: 2, connectionThrottleFillTime: 600_000 });
  for (let n = 0; n < 2; n++) await (await RawClient.connect(server.clientPort)).close();
  const late = await RawClient.open(server.clientPort);
  assert.equal(await late.handshake(), null);
  assertRefused(server, 'connectionRate');
});

test('tokens come back with time, up to the first number', () => {
  const bucket = new TokenBucket(3, 10, 2, 0);
  const taken = (now: number): number => {
    let count = 0;
    while (bucket.take(now)) count++;
    return count;
  };
  assert.deepEqual([taken(0), taken(9), taken(10), taken(19), taken(39), taken(1000)], [3, 0, 2, 0, 3, 3]);
});

test('handshakeTimeout: who says nothing, or not enough, is closed; words and sessions are not', async (t) => {
  const server = await start(t, { sessionlessCnxnTimeout: 300, fourLetterWords: ['ruok'] });
  const session = await RawClient.connect(server.clientPort);
  const silent = await RawClient.open(server.clientPort);
  const slow = await RawClient.open(server.clientPort);
  slow.raw(new Record().buffer(connectRequest()).bytes().subarray(0, 20));
  await Promise.all([silent.ended(), slow.ended()]);
  assert.equal(server.core.refusals.handshakeTimeout, 2);
  assert.equal(await fourLetterWord(server.clientPort, 'ruok'), 'imok');
  assert.equal((await session.get('/'))?.err, 0);
});

test('frameBytes: a frame above jute.maxbuffer costs the connection', async (t) => {
  const server = await start(t, { juteMaxBuffer: 2000 });
  const client = await RawClient.connect(server.clientPort);
  assert.equal((await client.create('/fits', 'x'.repeat(1900)))?.err, 0);
  assert.equal(await client.create('/does-not', 'x'.repeat(2000)), null);
  assertRefused(server, 'frameBytes');
});

for (const [reason, settings] of [
  ['connectionRequests', { connectionRequestsMax: 3 }],
  ['connectionBytesIn', { connectionBytesInMax: 500 }],
  ['outstandingRequests', { globalOutstandingLimit: 3 }],
  ['outstandingBytes', { outstandingBytesMax: 500 }],
  ['requestThrottle', { requestThrottleMaxRequests: 3 }],
] as const)
  test(`${reason}: the rest of a burst waits, and all of it is answered`, async (t) => {
    const server = await start(t, settings);
    const client = await RawClient.connect(server.clientPort);
    assert.ok((await burst(client, 200, 100)).every(isZero));
    assertRefused(server, reason);
  });

test('a client with nothing under way is not held back by what others ask', async (t) => {
  const server = await start(t, { globalOutstandingLimit: 1, outstandingBytesMax: 1 });
  const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.connect(server.clientPort)));
  const results = await Promise.all(clients.map((client) => burst(client, 20)));
  assert.ok(results.flat().every(isZero));
});

test('throttledOp: who waited too long is refused with -127, in its place', async (t) => {
  const server = await start(t, { requestThrottleMaxRequests: 1, throttledOpWaitTime: 1 });
  const client = await RawClient.connect(server.clientPort);
  const codes = await burst(client, 500);
  assert.ok(codes.includes(0) && codes.includes(-127), [...new Set(codes)].join());
  assert.ok(codes.every((code) => code === 0 || code === -127));
  assert.equal((await client.ping())?.err, 0);
  assert.equal((await client.set('/', 'calm again'))?.err, 0);
  assertRefused(server, 'requestThrottle', 'throttledOp');
});

/** Lets a paused socket read until `count` frames have come; their first integers (the xids of replies). */
async function framesOf(socket: Socket, count: number): Promise<number[]> {
  const chunks: Buffer[] = [];
  const frames: number[] = [];
  let missing = 0;
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    missing -= chunk.length;
    if (missing > 0) return;
    let rest = Buffer.concat(chunks.splice(0));
    while (rest.length >= 8 && rest.length >= 4 + rest.readInt32BE(0)) {
      frames.push(rest.readInt32BE(4));
      rest = rest.subarray(4 + rest.readInt32BE(0));
    }
    chunks.push(rest);
    missing = rest.length >= 4 ? 4 + rest.readInt32BE(0) - rest.length : 0;
  });
  socket.resume();
  await until('all replies', 20_000, () => frames.length >= count);
  return frames;
}

test('connectionBytesOut: replies wait for who does not read, between writes as well', async (t) => {
  const server = await start(t, { connectionBytesOutMax: 100_000 });
  const client = await RawClient.connect(server.clientPort);
  await client.create('/big', 'x'.repeat(900_000));
  const socket = connect({ port: server.clientPort, host: '127.0.0.1' }).pause();
  const say = (record: Record): boolean => socket.write(new Record().buffer(record.bytes()).bytes());
  say(new Record().raw(connectRequest()));
  const count = 60;
  for (let xid = 1; xid <= count; xid++) {
    if (xid % 20 === 1) say(new Record().int(xid).int(op.setData).buffer('/').buffer('').int(-1));
    else say(new Record().int(xid).int(op.getData).buffer('/big').bool(false));
  }
  await until('a limit', 5000, () => server.core.refusals.connectionBytesOut > 0);
  assert.equal((await client.set('/', 'x'))?.err, 0);
  const backlogs = [...server.core.clients.connections].map(({ link }) => link.backlog);
  assert.ok(Math.max(...backlogs) < 3_000_000, 'no more replies are made than one share above the limit');
  const frames = await framesOf(socket, count + 1);
  assert.deepEqual(frames, [0, ...Array.from({ length: count }, (_, n) => n + 1)]);
  socket.destroy();
});

test('reads between two writes are answered between them, whatever their size', { timeout: 30_000 }, async (t) => {
  const server = await start(t, {});
  const client = await RawClient.connect(server.clientPort);
  await client.create('/large', 'x'.repeat(100_000));
  const replies: Promise<unknown>[] = [];
  for (let n = 0; n < 50; n++) {
    replies.push(client.set('/', String(n)));
    for (let read = 0; read < 6; read++) replies.push(client.get('/large'));
  }
  // The client checks that replies come in the order of requests.
  await Promise.all(replies);
});

test('unreadEvents: a watcher that does not read is closed rather than kept waiting with a gap', async (t) => {
  const server = await start(t, { connectionBytesOutMax: 1000 });
  const path = `/${'x'.repeat(16_000)}`;
  const writer = await RawClient.connect(server.clientPort);
  await writer.create(path);
  const socket = connect({ port: server.clientPort, host: '127.0.0.1' }).pause();
  socket.on('error', () => {});
  socket.write(new Record().buffer(connectRequest()).bytes());
  const persistent = 0;
  const watch = new Record().int(1).int(106).buffer(path).int(persistent);
  socket.write(new Record().buffer(watch.bytes()).bytes());
  await until('the watch', 5000, () => server.core.clients.watches.count > 0);
  for (let n = 0; server.core.refusals.unreadEvents === 0; n++) {
    assert.ok(n < 5000, 'events are kept without end');
    await writer.set(path, '');
  }
  assert.equal(server.core.clients.watches.count, 0);
  socket.destroy();
});

test('sessionWatches: one more is refused with -127, too many at once cost the connection', async (t) => {
  const server = await start(t, { sessionWatchesMax: 3 });
  const client = await RawClient.connect(server.clientPort);
  for (const path of ['/a', '/b', '/c', '/d']) await client.create(path);
  for (const path of ['/a', '/b', '/c']) assert.equal((await client.get(path, true))?.err, 0);
  assert.equal((await client.get('/d', true))?.err, -127);
  assert.equal((await client.request(106, new Record().buffer('/d').int(0)))?.err, -127);
  assert.equal((await client.get('/d'))?.err, 0);
  await client.set('/a', 'x');
  assert.equal((await client.get('/d', true))?.err, 0, 'a watch that fired makes room');
  const exists = (path: string): Promise<Reply | null> =>
    client.request(op.exists, new Record().buffer(path).bool(true));
  const remove = (path: string): Promise<Reply | null> =>
    client.request(op.removeWatches, new Record().buffer(path).int(3));
  assert.equal((await remove('/b'))?.err, 0);
  assert.equal((await exists(`/${'x'.repeat(150)}`))?.err, -127, 'one on a long path takes the room of two');
  assert.equal((await exists('/b'))?.err, 0);
  assert.equal((await remove('/b'))?.err, 0);
  assert.equal((await remove('/c'))?.err, 0);
  assert.equal((await exists(`/${'x'.repeat(150)}`))?.err, -101);
  const again = new Record()
    .long(1000n)
    .strings(['/d'])
    .strings([`/${'x'.repeat(150)}`])
    .strings([]);
  assert.equal((await client.request(op.setWatches, again))?.err, 0, 'what was let in comes back');
  const many = new Record().long(1000n).strings([]).strings(['/1', '/2', '/3', '/4']).strings([]);
  assert.equal(await client.request(op.setWatches, many), null);
  assertRefused(server, 'sessionWatches');
});

test('the journal hears of a limit once in ten seconds, with how often it was reached', () => {
  let now = 0;
  const lines: string[] = [];
  const journal = {
    info: () => {},
    error: () => {},
    warn: (event: string, fields = {}) => void lines.push(`${event} ${JSON.stringify(fields)}`),
  };
  const refusals = new Refusals({ now: () => now, wall: () => 0 }, journal);
  for (; now < 25_000; now += 100) refusals.note('connections', '10.0.0.1');
  assert.equal(refusals.counts.connections, 250);
  const line = (times: number): string =>
    `a client reached a limit {"limit":"connections","treatment":"closed","client":"10.0.0.1","times":${times}}`;
  assert.deepEqual(lines, [line(1), line(100), line(100)]);
});
