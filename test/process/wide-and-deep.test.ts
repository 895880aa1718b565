/**
 * Very much of one thing, and nobody else waits for it: a parent with a million children, a session
 * with 100,000 ephemeral nodes that ends, 10,000 watches, 5,000 idle connections, a path of 100 levels.
 *
 *   npm run deep      full sizes; `npm test` takes a tenth of most
 */
import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { Bulk } from '../support/bulk.ts';
import { figures, residentMiB, waitAt, waitsUntil, type Waits } from '../support/latency.ts';
import { op, RawClient, Record } from '../support/raw-client.ts';
import { ProcessEnsemble } from '../support/server-process.ts';
import { until } from '../support/until.ts';

const isFull = process.env['ZABRA_SIZES'] === 'full';
const sizes = isFull
  ? { children: 1_000_000, ephemerals: 100_000, watches: 10_000, connections: 5000 }
  : { children: 100_000, ephemerals: 20_000, watches: 10_000, connections: 500 };
/** What a request of another client may take. */
const waitMsMax = 100;
/** A machine that is busy with something else is asked again, so many times. */
const attempts = 3;

let ensemble: ProcessEnsemble;
/** One client on each server, that has nothing to do with it. */
let others: RawClient[];

before(async () => {
  ensemble = await ProcessEnsemble.start(3, ['maxSessionTimeout=60000', 'globalOutstandingLimit=1000']);
  await ensemble.serving();
  others = await Promise.all(ensemble.ports.map((port) => RawClient.connect(port, { timeoutMs: 60_000 })));
  for (const [n, other] of others.entries()) assert.equal((await other.create(`/other-${n}`))?.err, 0);
});
after(() => ensemble.close());

/** Measures all three while `work` goes on. */
function measure(work: Promise<unknown>): Promise<Waits[]> {
  return Promise.all(others.map((other, n) => waitsUntil(work, other, `/other-${n}`, ensemble.servers[n]!)));
}

/** Whether that part of the requests of each of the others was answered in time. */
function inTime(t: TestContext, what: string, all: readonly Waits[], part: number): boolean {
  for (const [n, waits] of all.entries()) t.diagnostic(`${what}, others on server ${n + 1}: ${figures(waits)}`);
  return all.every((waits) => waitAt(waits, part) < waitMsMax * waits.slowdown);
}

function check(t: TestContext, what: string, all: readonly Waits[]): void {
  assert.ok(inTime(t, what, all, 0.99), `${what}, others wait too long`);
}

function* paths(prefix: string, count: number): Iterable<string> {
  for (let n = 0; n < count; n++) yield `${prefix}${String(n).padStart(10, '0')}`;
}

async function stat(client: RawClient, path: string): Promise<{ pzxid: bigint; children: number; cversion: number }> {
  const reply = await client.request(op.exists, new Record().buffer(path).bool(false));
  assert.equal(reply?.err, 0, path);
  return {
    pzxid: reply.body.readBigInt64BE(60),
    children: reply.body.readInt32BE(56),
    cversion: reply.body.readInt32BE(36),
  };
}

test(`a parent with ${sizes.children} children is made, listed and watched`, async (t) => {
  const { children } = sizes;
  await others[0]!.create('/wide');
  const bulk = await Bulk.connect(ensemble.ports[1]!, { timeoutMs: 60_000 });
  const start = performance.now();
  const made = await measure(bulk.create(paths('/wide/child-', children), children));
  t.diagnostic(`${Math.round(children / ((performance.now() - start) / 1000))} created per second`);
  for (const [n, waits] of made.entries())
    t.diagnostic(`while they are created, others on server ${n + 1}: ${figures(waits)}`);

  let longest = 0;
  const list = async (): Promise<void> => {
    for (let n = 0; n < 5; n++) {
      const asked = performance.now();
      const body = await bulk.ask(op.getChildren2, new Record().buffer('/wide').bool(true));
      longest = Math.max(longest, performance.now() - asked);
      assert.equal(body.readInt32BE(0), children);
      assert.equal(body.length, 4 + children * (4 + 'child-0000000000'.length) + 68);
      assert.equal(body.readInt32BE(body.length - 68 + 56), children, 'numChildren of the Stat');
    }
  };
  const listed = await measure(list());
  t.diagnostic(`a list took ${longest.toFixed(0)} ms at most`);
  check(t, 'while they are listed', listed);
  await others[0]!.create('/wide/one-more');
  await until('the event of the watch', 5000, () => bulk.events === 1);
  bulk.destroy();
});

test(`a session with ${sizes.ephemerals} ephemeral nodes ends in one txn, and nobody waits for it`, async (t) => {
  const { ephemerals } = sizes;
  for (let attempt = 1; ; attempt++) {
    const parent = `/members-${attempt}`;
    await others[0]!.create(parent);
    const bulk = await Bulk.connect(ensemble.ports[1]!, { timeoutMs: 60_000 });
    await bulk.create(paths(`${parent}/member-`, ephemerals), ephemerals, 1);
    await Promise.all(others.map((other) => other.sync()));
    for (const other of others) assert.equal((await stat(other, parent)).children, ephemerals);

    const gone = async (): Promise<void> => {
      await bulk.ask(op.closeSession, new Record());
      await Promise.all(others.map((other) => other.sync()));
    };
    const waits = await measure(gone());
    const stats = await Promise.all(others.map((other) => stat(other, parent)));
    for (const { children, cversion, pzxid } of stats) {
      assert.equal(children, 0, 'a server shows none of them or all');
      assert.equal(cversion, 2 * ephemerals);
      assert.equal(pzxid, stats[0]!.pzxid, 'the last of them went at the same zxid everywhere');
    }
    assert.equal((await others[2]!.get(`${parent}/member-0000000000`))?.err, -101);
    assert.equal((await others[2]!.create(`${parent}/member-0000000000`))?.err, 0);
    if (inTime(t, 'while it ends', waits, 1)) return;
    assert.ok(attempt < attempts, 'somebody waited too long each time');
  }
});

test(`${sizes.watches} watches of one session fire, each once and before what reveals its change`, async (t) => {
  const { watches } = sizes;
  await others[0]!.create('/watched');
  const bulk = await Bulk.connect(ensemble.ports[0]!, { timeoutMs: 60_000 });
  await bulk.create(paths('/watched/', watches), watches);
  await bulk.watch(paths('/watched/', watches), watches);
  const remover = await Bulk.connect(ensemble.ports[2]!, { timeoutMs: 60_000 });
  const waits = await measure(remover.remove(paths('/watched/', watches), watches));
  await bulk.ask(op.sync, new Record().buffer('/'));
  assert.equal(bulk.events, watches);
  check(t, 'while they fire', waits);
  bulk.destroy();
  remover.destroy();
});

test('what a client watched comes back over many frames of setWatches', async (t) => {
  const count = sizes.watches;
  const long = `/again/${'x'.repeat(100)}-`;
  await others[0]!.create('/again');
  const bulk = await Bulk.connect(ensemble.ports[0]!, { timeoutMs: 60_000 });
  await bulk.create(paths(long, count), count);
  const before = (await stat(others[0]!, '/again')).pzxid;
  assert.equal((await others[0]!.set(`${long}0000000007`, 'changed'))?.err, 0);
  // As the Java client does: no frame above 128 KiB.
  const perFrame = 1000;
  const all = [...paths(long, count)];
  const again = async (): Promise<void> => {
    for (let at = 0; at < count; at += perFrame) {
      const record = new Record()
        .long(before)
        .strings(all.slice(at, at + perFrame))
        .strings([])
        .strings([]);
      await bulk.ask(op.setWatches, record);
    }
  };
  check(t, 'while they come back', await measure(again()));
  assert.equal(bulk.events, 1, 'the one change since is an event at once');
  const remover = await Bulk.connect(ensemble.ports[2]!, { timeoutMs: 60_000 });
  await remover.remove(all, count);
  await bulk.ask(op.sync, new Record().buffer('/'));
  assert.equal(bulk.events, count, 'every watch was there, once');
  bulk.destroy();
  remover.destroy();
});

test('a path of 100 levels', async () => {
  const [first, second] = others as [RawClient, RawClient];
  let path = '';
  const levels: string[] = [];
  for (let level = 0; level < 100; level++) levels.push((path += `/level-${level}`));
  for (const level of levels) assert.equal((await first.create(level, level))?.err, 0);
  await second.sync();
  assert.equal((await second.get(path, true))?.data, path);
  assert.deepEqual(await second.children(levels[98]!), ['level-99']);
  assert.equal((await first.remove(levels[50]!))?.err, -111);
  for (const level of levels.toReversed()) assert.equal((await first.remove(level))?.err, 0);
  await second.logged(`event 2 ${path}`);
  await second.sync();
  assert.equal((await second.get(levels[0]!))?.err, -101);
});

test(`${sizes.connections} idle connections`, async (t) => {
  const port = ensemble.ports[0]!;
  const before = await residentMiB(ensemble.servers[0]!);
  const idle: RawClient[] = [];
  const open = async (): Promise<void> => {
    while (idle.length < sizes.connections)
      idle.push(
        ...(await Promise.all(Array.from({ length: 100 }, () => RawClient.connect(port, { timeoutMs: 60_000 })))),
      );
  };
  check(t, 'while they are opened', await measure(open()));
  check(t, 'while they are idle', await measure(new Promise((resolve) => setTimeout(resolve, 500))));
  const resident = (await residentMiB(ensemble.servers[0]!)) - before;
  t.diagnostic(`${resident} MiB for ${sizes.connections} connections`);
  assert.ok(resident < 50 + sizes.connections / 50, `${resident} MiB more are resident`);
  const replies = await Promise.all(idle.map((client) => client.ping()));
  assert.ok(
    replies.every((reply) => reply?.err === 0),
    'all of them are alive',
  );
  for (const client of idle) client.destroy();
});
