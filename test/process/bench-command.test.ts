/** Every command of the bench, with rounds that are much too short to mean anything. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createReadStream, readdirSync, readFileSync, rmSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { projectFolder } from '../../bench/measure/machine.ts';
import type { MicroResult } from '../../bench/micro/main.ts';
import type { CheckDetails } from '../../bench/report/check-page.ts';
import type { Recorded } from '../../bench/report/failover-page.ts';
import type { Scaled } from '../../bench/report/scale-page.ts';
import type { TuneDetails } from '../../bench/report/tune-page.ts';
import { etcd, zookeeper, type Peer } from '../../bench/target/peers.ts';
import { startZabra } from '../../bench/target/zabra.ts';
import { Client } from '../../engine/client/index.ts';
import { BenchFolder } from '../support/bench.ts';
import { freePorts } from '../support/ports.ts';
import { until } from '../support/until.ts';

const folder = new BenchFolder();
const instant = ['--seconds', '0.2', '--warm', '0.1'];
const moment = [...instant, '--rounds', '1'];
const small = ['--sessions', '3', '--window', '4', '--keys', '20'];

/** Servers that somebody runs, which the bench must leave as it finds them. */
async function withHosts(use: (hosts: string) => Promise<void>): Promise<void> {
  const target = await startZabra({ size: 1, dataFolder: folder.join('target') });
  const client = await Client.connect(`127.0.0.1:${target.hosts[0]!.port}`);
  try {
    await use(`127.0.0.1:${target.hosts[0]!.port}`);
    assert.deepEqual(await client.getChildren('/'), ['zookeeper']);
  } finally {
    await client.close();
    await target.close();
  }
}

// Most of the time something starts or ends.
describe('commands', { concurrency: 3 }, () => {
  test('the canonical run prints two headline figures and saves its record', async () => {
    const { code, output } = await folder.run('canonical', '--size', '1', ...moment);
    assert.equal(code, 0, output);
    assert.match(output, /^ {2}[\d,]+ committed writes\/s {6}p99 [\d.]+ (µs|ms|s) at half that rate$/m);
    const record = folder.record('canonical');
    assert.equal(record.command, 'canonical');
    assert.deepEqual(Object.keys(record.headline), ['writesPerSecond', 'p99Us']);
    assert.equal(record.loads.length, 7);
    assert.deepEqual(
      record.summaries.map(({ name, spread }) => [name, spread]),
      record.loads.map(({ name }) => [name, 0]),
    );
    for (const { name, rounds } of record.loads) {
      assert.equal(rounds.length, 1, name);
      assert.deepEqual(rounds[0]!.errors, {}, name);
    }
    // On a machine that is very busy a round so short may see no reply at all, but not all of them.
    assert.ok(record.loads.some(({ rounds }) => rounds[0]!.perSecond > 0));
    assert.ok(record.disk!.fsyncP50Us > 0);
  });

  test('failover: the gap of a killed leader is measured, and every acknowledged write is there once', async () => {
    const what = ['--scenario', 'leader-killed', '--rounds', '1', '--sessions', '6', '--window', '4'];
    const { code, output } = await folder.run('failover', 'failover', ...what);
    assert.equal(code, 0, output);
    assert.match(output, /acknowledged writes verified on every server: none lost, none doubled\./);
    const [played] = folder.record('failover').details['played'] as readonly Recorded[];
    assert.ok(played!.gap.ms > 0 && played!.gap.to > played!.faultAt, JSON.stringify(played!.gap));
    assert.ok(played!.outcome.acknowledged > 0);
    assert.ok(played!.split !== null && played!.split.elect >= 0, 'the journals tell where the time went');
  });

  test('throughput measures each point of the matrix, on servers that run', () =>
    withHosts(async (hosts) => {
      const matrix = ['--sessions', '1,2', '--window', '1,4', '--bytes', '100', '--reads', '50', '--keys', '20'];
      const { code, output } = await folder.run('throughput', '--hosts', hosts, 'throughput', ...matrix, ...moment);
      assert.equal(code, 0, output);
      const { loads, disk } = folder.record('throughput');
      assert.equal(loads.length, 4);
      assert.equal(disk, null);
      assert.ok(loads.every(({ rounds }) => Object.keys(rounds[0]!.errors).length === 0));
    }));

  test('latency holds shares of the measured peak, and writes its charts as files', () =>
    withHosts(async (hosts) => {
      const { code, output } = await folder.run('latency', 'latency', '--hosts', hosts, '--svg', ...small, ...moment);
      assert.equal(code, 0, output);
      const [peak, ...shares] = folder.record('latency').loads;
      assert.equal(shares[0]!.name, '25 % of the peak');
      const { perSecond } = peak!.rounds[0]!;
      const rates = shares.map(({ workload }) => workload.rate);
      assert.deepEqual(
        rates,
        [0.25, 0.5, 0.75, 0.9].map((share) => Math.max(1, perSecond * share)),
      );
      assert.equal(folder.files('latency').filter((name) => name.endsWith('.svg')).length, 2);
    }));

  test('check passes what keeps up, and fails what does not', () =>
    withHosts(async (hosts) => {
      const load = ['--hosts', hosts, '--rate', '100', '--seconds', '0.5', '--warm', '0', '--sessions', '3'];
      const passed = await folder.run('passed', 'check', ...load, '--bound', '60000');
      assert.equal(passed.code, 0, passed.output);
      assert.match(passed.output, /^PASS {2}100 operations per second/m);
      const failed = await folder.run('failed', 'check', ...load, '--bound', '0.001');
      assert.equal(failed.code, 1);
      assert.match(failed.output, /^FAIL {2}p99 was .* above 0\.001 ms$/m);
      const { survey } = folder.record('failed').details as unknown as CheckDetails;
      assert.equal(survey.idle[0]!.mode, 'standalone');
      assert.ok(survey.idle[0]!.readUs! > 0 && survey.idle[0]!.writeUs! > 0);
    }));

  test('what a client asks is recorded, and replayed', () =>
    withHosts(async (hosts) => {
      const [port] = await freePorts(1);
      const file = folder.join('asked.ndjson');
      const recording = folder.start('record', 'record', file, '--listen', String(port), '--hosts', hosts);
      await until('the recorder', 20_000, () => recording.output.includes('recording what comes'));
      const client = await Client.connect(`127.0.0.1:${port}`);
      await client.create('/asked', 'x');
      await client.setData('/asked', 'yyy');
      await client.getData('/asked');
      await client.delete('/asked');
      await client.close();
      recording.child.kill('SIGINT');
      await recording.ended;
      assert.match(recording.output, /^4 requests of 1 connections in /m);
      const { code, output } = await folder.run('replay', 'replay', file, '--hosts', hosts);
      assert.equal(code, 0, output);
      const [round] = folder.record('replay').loads[0]!.rounds;
      assert.equal(
        round!.latency.buckets.filter((_, n) => n % 2 === 1).reduce((sum, count) => sum + count, 0),
        4,
      );
      assert.deepEqual(round!.errors, {});
    }));

  test('a recording ends well while clients go on asking, and only begins where it can be written', () =>
    withHosts(async (hosts) => {
      const [port] = await freePorts(1);
      const there = ['--listen', String(port), '--hosts', hosts];
      const nowhere = await folder.run('record', 'record', folder.join('none/asked.ndjson'), ...there);
      assert.equal(nowhere.code, 1);
      assert.match(nowhere.output, /^bench: .*asked\.ndjson cannot be written: ENOENT.*\n$/);
      // A pipe: the end of the file waits for its reader.
      const file = folder.join('busy.ndjson');
      execFileSync('mkfifo', [file]);
      const reader = createReadStream(file);
      const recording = folder.start('record', 'record', file, ...there);
      await until('the recorder', 20_000, () => recording.output.includes('recording what comes'));
      const client = await Client.connect(`127.0.0.1:${port}`);
      let [asked, isOver] = [0, false];
      const asking = Array.from({ length: 200 }, async () => {
        while (!isOver) {
          await client.exists(`/${'x'.repeat(1000)}`).catch(() => (isOver = true));
          asked++;
        }
      });
      await until('more requests than a pipe holds', 20_000, () => asked > 500);
      recording.child.kill('SIGINT');
      await until('the end of the connection', 20_000, () => client.state !== 'connected');
      const written = await text(reader);
      await recording.ended;
      isOver = true;
      await Promise.all(asking);
      await client.close();
      assert.equal(recording.code, 0, recording.output);
      const [, count] = /^([\d,]+) requests of 1 connections in /m.exec(recording.output)!;
      assert.equal(written.split('\n').length - 1, Number(count!.replaceAll(',', '')), 'all of them are in the file');
    }));

  test('tune keeps to its budget and recommends something', async () => {
    const { code, output } = await folder.run('tune', 'tune', '--size', '1', '--budget', '1', ...small, ...instant);
    assert.equal(code, 0, output);
    assert.match(output, /^Recommended/m);
    const { found } = folder.record('tune').details as unknown as TuneDetails;
    assert.equal(found.tried.length, 2);
    assert.equal(
      found.tried.reduce((sum, { outcomes }) => sum + outcomes.length, 0),
      4,
    );
  });

  test('compare: the same against itself has no winner, measured or recorded', async () => {
    const sides = [projectFolder, projectFolder];
    const { code, output } = await folder.run('compare', 'compare', ...sides, '--size', '1', ...small, ...moment);
    assert.equal(code, 0, output);
    assert.match(output, /too few rounds/);
    assert.match(output, /^B: .* \(2\) \((unknown|[0-9a-f]{12})( \+ changes)?\)$/m);
    const record = folder.files('compare').find((name) => name.endsWith('.json'))!;
    const again = await folder.run('records', 'compare', record, record);
    assert.equal(again.code, 0, again.output);
    assert.match(again.output, /set 100 B, 3 x 4, .*: per second .* too few rounds: 5 needed$/m);
  });

  test('scale measures znodes, sessions and watches', async () => {
    const counts = ['--znodes', '50', '--sessions', '2,1,2', '--watches', '10', '--set', 'snapCount=2000'];
    const { code, output } = await folder.run('scale', 'scale', '--size', '1', ...counts, ...instant);
    assert.equal(code, 0, output);
    const { znodes, sessions, watches } = folder.record('scale').details as unknown as Scaled;
    assert.deepEqual(
      [znodes, sessions, watches].map((rows) => rows.map(({ count }) => count)),
      [[50], [1, 2], [10]],
    );
    assert.ok(znodes[0]!.restartMs > 0 && znodes[0]!.residentBytes > 0);
    assert.ok(znodes[0]!.snapshots.bytes! > 0, 'snapshots were taken');
  });

  test('micro tells ns and bytes of each piece', async () => {
    const { code, output } = await folder.run('micro', 'micro', '--seconds', '0.05');
    assert.equal(code, 0, output);
    const results = folder.record('micro').details['results'] as readonly MicroResult[];
    assert.ok(results.length >= 15);
    for (const { name, nsPerOperation } of results) assert.ok(nsPerOperation > 0, name);
  });

  test('generator and overhead: what measuring costs, and its report, written again', async () => {
    const generator = await folder.run('generator', 'generator', ...small, ...instant);
    assert.equal(generator.code, 0, generator.output);
    assert.ok(folder.record('generator').headline['usPerOperation']! > 0);
    const record = folder.files('generator').find((name) => name.endsWith('.json'))!;
    const page = record.replace(/json$/, 'html');
    rmSync(page);
    const again = await folder.run('again', 'report', record);
    assert.match(again.output, /^report .*\.html$/m);
    assert.match(readFileSync(page, 'utf8'), /<h1>Zabra generator<\/h1>/);
    const overhead = await folder.run('overhead', 'overhead', '--size', '1', ...small, ...moment);
    assert.equal(overhead.code, 0, overhead.output);
    assert.match(overhead.output, /servers’ CPU, µs each/);
  });

  for (const peer of [zookeeper, etcd] satisfies Peer[]) {
    const missing = peer.missing();
    test(`peers: ${peer.label} is measured beside it`, { skip: missing ?? false }, async () => {
      const only = ['--peer', peer.label, '--size', '1'];
      const { code, output } = await folder.run(peer.label, 'peers', ...only, ...small, ...moment);
      assert.equal(code, 0, output);
      const { loads } = folder.record(peer.label);
      assert.deepEqual(
        loads.map(({ target: label }) => label),
        ['zabra', peer.label],
      );
      for (const { rounds } of loads) assert.deepEqual(rounds[0]!.errors, {});
    });
  }

  test('what cannot be is refused with one sentence', async () => {
    const { code, output } = await folder.run('none', 'throughputs');
    assert.equal(code, 1);
    assert.match(output, /^bench: bench knows canonical, .*not "throughputs"\.$/m);
    assert.match(
      (await folder.run('none', 'latency', 'check')).output,
      /^bench: latency takes flags only, not "check"\.$/m,
    );
    assert.match((await folder.run('none', '--seconds', 'soon')).output, /^bench: --seconds wants a number/m);
  });
});

test('no server and no folder is left behind', () => {
  assert.deepEqual(readdirSync(folder.data), []);
});
