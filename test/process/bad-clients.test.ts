/** A client that sends nonsense loses its own connection; everybody else is served as before. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { op, RawClient, Record } from '../support/raw-client.ts';
import { ProcessEnsemble } from '../support/server-process.ts';

let ensemble: ProcessEnsemble;
let port = 0;
let good: RawClient;

before(async () => {
  ensemble = await ProcessEnsemble.start(1);
  await ensemble.serving();
  port = ensemble.ports[0]!;
  good = await RawClient.connect(port);
  assert.equal((await good.create('/kept', '0'))?.err, 0);
});
after(() => ensemble.close());

const deadlineMs = 5000;

async function ended(client: RawClient): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('the connection is still open')), deadlineMs);
  });
  await Promise.race([client.ended(), late]);
  clearTimeout(timer);
  assert.equal((await good.set('/kept', 'x'))?.err, 0);
  assert.ok(ensemble.servers[0]!.running);
}

const length = (value: number): Buffer => new Record().int(value).bytes();

const first: readonly (readonly [string, Buffer])[] = [
  ['a negative length', length(-5)],
  ['a huge length', length(0x7fffffff)],
  ['a frame just above jute.maxbuffer', length(0xfffff + 1)],
  ['an empty frame', length(0)],
  ['a frame too short for a handshake', Buffer.concat([length(4), Buffer.alloc(4)])],
  [
    'a request before the handshake',
    new Record().int(15).int(1).int(op.exists).buffer('/a').bool(false).raw(Buffer.alloc(1)).bytes(),
  ],
  ['a password that claims 2 GiB', new Record().int(28).int(0).long(0n).int(1000).long(0n).int(0x7fffffff).bytes()],
  ['a word that does not exist', Buffer.from('what')],
  ['TLS', Buffer.from('16030100a5010000a10303', 'hex')],
];

for (const [name, bytes] of first)
  test(`a new connection ends at ${name}`, async () => {
    const bad = await RawClient.open(port);
    bad.raw(bytes);
    await ended(bad);
  });

const later: readonly (readonly [string, Buffer])[] = [
  ['a negative length', length(-1)],
  ['a huge length', length(0x7fffffff)],
  ['an empty frame', length(0)],
  ['a header cut short', Buffer.concat([length(6), Buffer.alloc(6)])],
];

for (const [name, bytes] of later)
  test(`a session's connection ends at ${name}`, async () => {
    const bad = await RawClient.connect(port);
    assert.equal((await bad.create(`/by-${name.replaceAll(' ', '-')}`, '', 1))?.err, 0);
    bad.raw(bytes);
    await ended(bad);
    // The connection is gone, the session is not: it is resumed elsewhere or here.
    const again = await RawClient.connect(port, { session: bad.info });
    assert.equal(again.info.id, bad.info.id);
    await again.close();
  });

test('an operation that does not exist is answered with -6', async () => {
  const bad = await RawClient.connect(port);
  assert.equal((await bad.request(4711))?.err, -6);
  await ended(bad);
});

test('auth that is cut short costs the connection, without an answer', async () => {
  const bad = await RawClient.connect(port);
  assert.equal(await bad.request(op.auth, new Record().int(0).int(6).raw(Buffer.from('dig')), -4), null);
  await ended(bad);
});

test('a request whose body makes no sense gets -5 or costs its connection, and changes nothing', async () => {
  const before = await good.children('/');
  for (const [code, body] of [
    [op.create, new Record().int(1000)],
    [op.create, new Record().buffer('/half').buffer('').int(0x7fffffff)],
    [op.setData, new Record().buffer('/kept').int(-7)],
    [op.delete, new Record().buffer('/kept')],
    [op.multi, new Record().int(op.create).bool(false).int(-1).buffer('/half')],
    [op.multi, new Record().int(99).bool(false).int(-1)],
    [op.getData, new Record().int(-3)],
    [op.getChildren2, new Record()],
    [op.setWatches, new Record().long(0n).int(0x7fffffff)],
  ] as const) {
    const bad = await RawClient.connect(port);
    const reply = await bad.request(code, body);
    assert.ok(reply === null || reply.err === -5 || reply.err === -6, `op ${code}: ${reply?.err}`);
    bad.destroy();
  }
  assert.deepEqual(await good.children('/'), before);
  assert.equal((await good.get('/kept'))?.err, 0);
});

test('a node above jute.maxbuffer costs the connection alone', async () => {
  const bad = await RawClient.connect(port);
  assert.equal(await bad.create('/large', 'x'.repeat(0xfffff)), null);
  await ended(bad);
  assert.equal((await good.get('/large'))?.err, -101);
});

test('a client that asks and never reads is held back, and others are not', async () => {
  assert.equal((await good.create('/big', 'x'.repeat(500_000)))?.err, 0);
  const greedy = connect({ port, host: '127.0.0.1' }).pause();
  const say = (record: Record): boolean => greedy.write(new Record().buffer(record.bytes()).bytes());
  say(new Record().int(0).long(0n).int(10_000).long(0n).buffer(Buffer.alloc(16)));
  for (let n = 1; n <= 2000; n++) say(new Record().int(n).int(op.getData).buffer('/big').bool(false));
  for (let n = 0; n < 50; n++) assert.equal((await good.set('/kept', String(n)))?.err, 0);
  const memory = await readFile(`/proc/${ensemble.servers[0]!.pid}/status`, 'utf8').catch(() => '');
  const residentMiB = Number(/^VmRSS:\s*(\d+) kB$/m.exec(memory)?.[1] ?? 0) / 1024;
  assert.ok(residentMiB < 500, `${residentMiB} MiB are resident: a thousand replies of 500 kB are not to be kept`);
  greedy.destroy();
  assert.equal((await good.get('/kept'))?.data, '49');
});
