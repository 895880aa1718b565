/** kill -9 of a process that writes the log, at any moment: what it reported durable is there, in one chain. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Prng } from '../../engine/base/prng.ts';
import { endsOnDisk, temporaryFolder } from '../support/log.ts';

const kills = 15;
const writers = 2;
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);

test(`log: ${writers} writers, each ${kills} times kill -9 (FUZZ_SEED=${seed})`, async (t) => {
  await Promise.all(
    Array.from({ length: writers }, (_, n) => killAgainAndAgain(temporaryFolder(t), new Prng(seed + n))),
  );
});

async function killAgainAndAgain(folder: string, prng: Prng): Promise<void> {
  let reported = 0;
  for (let life = 0; life < kills; life++) {
    const child = spawn(
      process.execPath,
      [fileURLToPath(new URL('log-writer-child.js', import.meta.url)), folder, String(prng.below(2 ** 31))],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    const closed = once(child, 'close');
    // Some die while they start, most in the middle of their work.
    if (prng.chance(0.85)) await Promise.race([once(child.stdout, 'data'), closed]);
    setTimeout(() => child.kill('SIGKILL'), prng.below(150));
    const [code] = await closed;
    assert.equal(code, null, 'it ended by the kill alone');
    const lines = output.slice(0, output.lastIndexOf('\n') + 1).split('\n');
    reported = Math.max(reported, ...lines.map(Number));
    const ends = await endsOnDisk(folder, 0);
    const last = ends.at(-1) ?? 0;
    assert.ok(last >= reported, `life ${life}: ${reported} was reported durable, the log ends at ${last}`);
    reported = last;
  }
  assert.ok(reported > 1000, `only ${reported} txns were written`);
}
