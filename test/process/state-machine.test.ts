/** A program's own state machine on real servers: one history, restarts, snapshots, what became of a proposal. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ensemble, ProposalError, Server, type Command, type StartOptions, type StateMachine } from 'zabra';
import { jsonLines, runCommand } from '../support/command.ts';
import { freeMembers } from '../support/ports.ts';
import { until } from '../support/until.ts';

const folder = mkdtempSync(join(tmpdir(), 'zabra-machine-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const waitMs = 20_000;

const quick = { logLevel: 'silent', tickTime: 200 } as const;
const alone = { ...quick, clientPort: -1 } as const;

/** All that it was told, in order; the state is large enough to be cut into several pieces. */
class Journal implements StateMachine {
  lines: string[] = [];
  restored = 0;
  lastZxid = 0;

  apply(batch: readonly Command[]): number[] {
    return batch.map(({ zxid, data }) => {
      assert.ok(zxid > this.lastZxid);
      this.lastZxid = zxid;
      return this.lines.push(data.toString());
    });
  }

  *snapshot(): Iterable<Uint8Array> {
    const { lines } = this;
    const count = lines.length;
    yield Buffer.alloc(600_000, '#');
    for (let i = 0; i < count; i++) yield Buffer.from(`${lines[i]!}\n`);
  }

  restore(pieces: readonly Buffer[]): void {
    this.restored++;
    this.lastZxid = 0;
    const text = Buffer.concat(pieces).toString();
    if (text !== '') assert.equal(text.lastIndexOf('#'), 599_999);
    this.lines = text.slice(600_000).split('\n').slice(0, -1);
  }
}

test('the example: a map that outlives its leader', () => {
  const file = fileURLToPath(new URL('../examples/replicated-map.js', import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [file], { encoding: 'utf8', timeout: 30_000 });
  assert.equal(status, 0);
  const lines = stdout.split('\n').filter((line) => !line.startsWith('{"'));
  assert.deepEqual(lines, [
    'before: red',
    'now: round, led by another: true',
    "{ colour: 'blue', shape: 'square' }",
    '',
  ]);
});

test('proposals at all servers while the leader is closed: one history, each at most once, none lost', async () => {
  const journals: Journal[] = [];
  const machine = (id: number): Journal => (journals[id] = new Journal());
  const ensemble = await Ensemble.start({ machine, settings: quick });
  const leader = ensemble.leader!;
  const survivors = ensemble.servers.filter((server) => server !== leader);
  const outcomes = new Map<string, Promise<unknown>>();
  const propose = (server: Server, count: number): void => {
    for (let left = count; left > 0; left--) {
      const command = `${server.options.id}-${outcomes.size}`;
      outcomes.set(
        command,
        server.propose(command).then(
          () => 'applied',
          (error: ProposalError) => error.outcome,
        ),
      );
    }
  };
  for (const server of ensemble.servers) propose(server, 200);
  await Promise.race(outcomes.values());
  for (const server of ensemble.servers) propose(server, 200);
  const closed = leader.close();
  for (const server of survivors) propose(server, 200);
  await closed;
  await assert.rejects(leader.propose('too late'), { name: 'ProposalError', outcome: 'refused' });
  const settled = await Promise.all([...outcomes].map(async ([command, outcome]) => [command, await outcome] as const));
  const [first, second] = survivors.map(({ options }) => journals[options.id]!);
  await until('one history', waitMs, () => first!.lines.length === second!.lines.length);
  assert.deepEqual(first!.lines, second!.lines);
  const times = (command: string): number => first!.lines.filter((line) => line === command).length;
  for (const [command, outcome] of settled) {
    if (!command.startsWith(`${leader.options.id}-`)) assert.equal(outcome, 'applied', command);
    if (outcome === 'applied') assert.equal(times(command), 1, command);
    else assert.ok(outcome === 'unknown' && times(command) <= 1, command);
  }
  for (const { options } of ensemble.servers) {
    const own = first!.lines.filter((line) => line.startsWith(`${options.id}-`)).map((line) => Number(line.slice(2)));
    assert.deepEqual(
      own,
      own.toSorted((a, b) => a - b),
      'in the order in which they were proposed',
    );
  }
  await ensemble.close();
});

test('a restart goes on from the snapshot and the log; without the machine it is refused', async () => {
  const options = { ...alone, dataDir: join(folder, 'restart'), snapCount: 10 };
  let machine = new Journal();
  let server = await Server.start({ ...options, machine });
  const expected: string[] = [];
  for (let life = 0; life < 3; life++) {
    for (let i = 0; i < 2000; i++) expected.push(`${life}.${i} ${'x'.repeat(900)}`);
    const results = await Promise.all(expected.slice(-2000).map((line) => server.propose<number>(line)));
    assert.equal(results.at(-1), expected.length);
    // One more, so that the snapshot is not the end of the log.
    await until('snapshot', waitMs, () => server.core.metrics.snapshot.count > 0);
    expected.push('the end');
    await server.propose('the end');
    await server.close();
    machine = new Journal();
    server = await Server.start({ ...options, machine });
    await server.ready();
    assert.deepEqual(machine.lines, expected);
    assert.equal(machine.restored, 1);
  }
  await server.close();
  const files = join(options.dataDir, 'zabra-1');
  const snapshot = readdirSync(files).findLast((name) => /^snapshot\.[0-9a-f]+$/.test(name))!;
  const [summary] = jsonLines((await runCommand(['snapshot', 'dump', '--json', join(files, snapshot)])).out);
  assert.ok(Number(summary!['machineBytes']) > 600_000, JSON.stringify(summary));
  await assert.rejects(Server.start(options), /state machine that this server was started without/);
});

test('a follower that lost its disk gets the state of the machine from the leader', async () => {
  const servers = await freeMembers(3);
  const start = (id: number, machine: StateMachine): Promise<Server> => {
    const dataDir = join(folder, `server-${id}`);
    const forgetful = { snapCount: 100, snapRetainCount: 2, segmentBytes: 65_536, historyBytesMax: 0 };
    const options: StartOptions = { ...alone, id, servers, dataDir, machine, ...forgetful };
    return Server.start(options);
  };
  const journals = [new Journal(), new Journal(), new Journal()];
  const running = await Promise.all(journals.map((journal, index) => start(index + 1, journal)));
  await Promise.all(running.map((server) => server.ready()));
  const lost = running.find((server) => server.status().role === 'following')!;
  const { id } = lost.options;
  await lost.close();
  rmSync(lost.options.dataDir, { recursive: true });
  const others = running.filter((server) => server !== lost);
  // Until the log no longer begins where the lost one would have to go on.
  let count = 0;
  await until('snapshots', waitMs, async () => {
    const commands = Array.from({ length: 300 }, () => `${count++} ${'y'.repeat(900)}`);
    await Promise.all(commands.map((command, i) => others[i % 2]!.propose(command)));
    return others.every((server) => server.core.metrics.snapshot.count >= 5);
  });
  const journal = new Journal();
  const again = await start(id, journal);
  await again.ready();
  assert.equal(journal.restored, 1, 'it was sent a snapshot');
  await again.propose('last');
  assert.equal(journal.lines.length, count + 1);
  const leader = others.find((server) => server.status().role === 'leading')!;
  assert.deepEqual(journal.lines, journals[leader.options.id - 1]!.lines);
  await Promise.all([again, ...others].map((server) => server.close()));
});

/** The error that a proposal ends with. */
async function errorOf(proposal: Promise<unknown>): Promise<ProposalError> {
  const error = await proposal.then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ProposalError, String(error));
  return error;
}

test('refused is told from unknown', async () => {
  const bare = await Server.start({ ...alone, dataDir: join(folder, 'bare') });
  assert.match((await errorOf(bare.propose('x'))).message, /^the command was refused: .* without a state machine/);
  await bare.close();

  const journals: Journal[] = [];
  const machine = (id: number): Journal => (journals[id] = new Journal());
  const ensemble = await Ensemble.start({ machine, settings: { ...quick, outstandingBytesMax: 8000 } });
  const [server, ...others] = ensemble.servers as [Server, Server, Server];
  const controller = new AbortController();
  controller.abort(new Error('no more'));
  const aborted = await errorOf(server.propose('aborted', controller));
  assert.deepEqual([aborted.outcome, (aborted.cause as Error).message], ['refused', 'no more']);
  assert.match((await errorOf(server.propose(Buffer.alloc(2 ** 20)))).message, /more than juteMaxBuffer/);
  await assert.rejects(server.propose('x', { timeoutMs: -1 }), TypeError);

  // Without a quorum what was sent may still be carried out, and what was not sent is taken back.
  await Promise.all(others.map((other) => other.close()));
  await until('no leader', waitMs, () => !server.core.serving);
  const late = await errorOf(server.propose('late', { timeoutMs: 50 }));
  assert.deepEqual([late.outcome, late.message.includes('longer than 50 ms')], ['refused', true]);
  const second = new AbortController();
  const waiting = errorOf(server.propose('given up', { signal: second.signal }));
  second.abort();
  assert.equal((await waiting).outcome, 'refused');
  const left = [errorOf(server.propose('a'.repeat(5000))), errorOf(server.propose('b'.repeat(5000)))];
  assert.match((await left[1]!).message, /more than outstandingBytesMax/);
  await server.close();
  assert.deepEqual([(await left[0]!).outcome, (await errorOf(server.propose('x'))).outcome], ['refused', 'refused']);
  assert.deepEqual(journals[server.options.id]!.lines, []);
  await ensemble.close();
});

test('a machine that is slower than the log: what waits to be applied stays within its bound', async () => {
  const bound = 2 ** 20;
  const commandBytes = 100_000;
  let most = 0;
  const machine = new Journal();
  const apply = machine.apply.bind(machine);
  const settings = { historyBytesMax: 0, bytesInFlightMax: bound, batchBytesMax: 1 };
  const server = await Server.start({ ...alone, ...settings, dataDir: join(folder, 'slow'), machine });
  machine.apply = (batch) => {
    most = Math.max(most, server.core.core.history.bytes);
    for (const end = performance.now() + 11; performance.now() < end;);
    return apply(batch);
  };
  await server.ready();
  await Promise.all(Array.from({ length: 150 }, () => server.propose(Buffer.alloc(commandBytes))));
  await server.close();
  // What is in flight comes on top.
  assert.ok(most > bound / 2 && most < 3 * bound, `${most} bytes waited`);
});

test('a server with a state machine whose leader has none is told so, and nobody is harmed', async () => {
  const servers = await freeMembers(3);
  const start = (id: number, machine?: StateMachine): Promise<Server> => {
    const dataDir = join(folder, `mixed-${id}`);
    return Server.start({ ...alone, id, servers, dataDir, ...(machine === undefined ? {} : { machine }) });
  };
  const running = [await start(2), await start(3)];
  await Promise.all(running.map((server) => server.ready()));
  running.push(await start(1, new Journal()));
  const refused = await errorOf(running[2]!.propose('x'));
  assert.match(refused.message, /refused: the leader was started without a state machine/);
  await (await running[0]!.connect()).create('/still-here');
  await Promise.all(running.map((server) => server.close()));
});

test('what makes no state machine is refused at once, by name', async () => {
  for (const machine of [null, {}, { apply: () => {}, snapshot: () => [] }])
    await assert.rejects(
      Server.start({ ...alone, dataDir: join(folder, 'never'), machine } as unknown as StartOptions),
      {
        field: 'machine',
      },
    );
});
