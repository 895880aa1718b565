/**
 * Runs the tests, built, file by file, and prints one closing line.
 *
 *   node scripts/test.mjs [WORD…]        only files whose path contains one of the words
 *
 * Pure tests run side by side; those that start servers run alone, so that they do not starve
 * each other on two cores.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
// The longest files come first, so that the short ones fill up what is left of both lanes.
const groups = [
  { folders: ['fuzz', 'sim', 'explore', 'script', 'unit'], concurrency: 2 },
  { folders: ['process', 'compat'], concurrency: 1 },
];
const fileTimeoutMs = 240_000;
/** What the runner says of a test that succeeded. */
const succeeded = /^ *# Subtest: .*\n *ok .*\n *---\n(?:.*\n)*? *\.\.\.\n/gm;
/** Each ends a file that runs. @type {Set<() => void>} */
const running = new Set();
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    for (const end of running) end();
    process.exit(1);
  });

/** @param {string} folder @returns {string[]} */
function filesIn(folder) {
  const path = join(root, 'dist', 'test', folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js'))
    .sort()
    .map((name) => join(path, name));
}

/** @param {string} file @returns {Promise<{ passed: number, failed: number, skipped: number, output: string }>} */
function runFile(file) {
  return new Promise((done) => {
    const child = spawn(process.execPath, ['--test-reporter=tap', '--test', file], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: what is ended by force is ended with all that it started.
      detached: true,
    });
    const end = () => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL');
    running.add(end);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    const timer = setTimeout(() => {
      output += `\n${file} took longer than ${fileTimeoutMs / 1000} s and was ended\n`;
      end();
    }, fileTimeoutMs);
    child.on('close', (code) => {
      clearTimeout(timer);
      running.delete(end);
      const count = (/** @type {string} */ what) =>
        Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
      const failed = count('fail') + count('cancelled');
      done({
        passed: count('pass'),
        failed: failed === 0 && code !== 0 ? 1 : failed,
        skipped: count('skipped'),
        output,
      });
    });
  });
}

const words = process.argv.slice(2);
const totals = { passed: 0, failed: 0, skipped: 0 };
for (const { folders, concurrency } of groups) {
  const files = folders
    .flatMap(filesIn)
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
  const next = async () => {
    for (let file = files.shift(); file !== undefined; file = files.shift()) {
      const started = performance.now();
      const { passed, failed, skipped, output } = await runFile(file);
      totals.passed += passed;
      totals.failed += failed;
      totals.skipped += skipped;
      const name = file.slice(join(root, 'dist', 'test').length + 1).replace(/\.js$/, '');
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      process.stdout.write(`${failed > 0 ? 'FAIL' : 'ok  '} ${name} (${passed} passed, ${seconds} s)\n`);
      for (const [, what] of output.matchAll(/^\s*ok \d+ - (.*# SKIP.*)$/gm))
        process.stdout.write(`     skipped: ${what}\n`);
      if (failed > 0) process.stdout.write(`${output.replace(succeeded, '')}\n`);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, next));
}
process.stdout.write(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
process.exit(totals.failed > 0 || totals.passed === 0 ? 1 : 0);
