/** The canonical benchmark, with rounds that are much too short to mean anything. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Recorded } from '../../bench/report/failover-page.ts';
import { readRecord } from '../../bench/report/record.ts';

const command = fileURLToPath(new URL('../../bench/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'zabra-bench-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function bench(...args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
    child.on('close', (code) => resolve({ code, output }));
  });
}

test('the canonical run prints two headline figures and saves its record', async () => {
  const out = join(folder, 'results');
  const data = join(folder, 'data');
  const times = ['--seconds', '0.5', '--warm', '0.2', '--rounds', '1'];
  const { code, output } = await bench(...times, '--no-history', '--out', out, '--data', data);
  assert.equal(code, 0, output);
  assert.match(output, /^ {2}[\d,]+ committed writes\/s {6}p99 [\d.]+ (µs|ms|s) at half that rate$/m);
  const file = readdirSync(out).find((name) => name.endsWith('.json'));
  const record = readRecord(join(out, file!));
  assert.equal(record.command, 'canonical');
  assert.deepEqual(Object.keys(record.headline), ['writesPerSecond', 'p99Us']);
  assert.equal(record.loads.length, 7);
  for (const { name, rounds } of record.loads) {
    assert.equal(rounds.length, 1, name);
    assert.deepEqual(rounds[0]!.errors, {}, name);
  }
  // On a machine that is very busy a round so short may see no reply at all, but not all of them.
  assert.ok(record.loads.some(({ rounds }) => rounds[0]!.perSecond > 0));
  assert.ok(record.disk!.fsyncP50Us > 0);
  // No server and no folder is left behind.
  assert.deepEqual(readdirSync(data), []);
});

test('failover: the gap of a killed leader is measured, and every acknowledged write is there once', async () => {
  const out = join(folder, 'failover');
  const what = ['failover', '--scenario', 'leader-killed', '--rounds', '1', '--sessions', '6', '--window', '4'];
  const { code, output } = await bench(...what, '--out', out, '--data', join(folder, 'data'));
  assert.equal(code, 0, output);
  assert.match(output, /acknowledged writes verified on every server: none lost, none doubled\./);
  const record = readRecord(
    join(
      out,
      readdirSync(out).find((name) => name.endsWith('.json'))!,
    ),
  );
  const [played] = record.details['played'] as readonly Recorded[];
  assert.ok(played!.gap.ms > 0 && played!.gap.to > played!.faultAt, JSON.stringify(played!.gap));
  assert.ok(played!.outcome.acknowledged > 0);
  assert.ok(played!.split !== null && played!.split.elect >= 0, 'the journals tell where the time went');
});

test('what cannot be is refused with one sentence', async () => {
  const { code, output } = await bench('throughputs');
  assert.equal(code, 1);
  assert.match(output, /^bench: bench knows canonical, .*not "throughputs"\.$/m);
  assert.match((await bench('--seconds', 'soon')).output, /^bench: --seconds wants a number/m);
});
