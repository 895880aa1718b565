/**
 * Makes the project runnable from a bare clone: dependencies, then dist/. Does nothing when nothing
 * changed. Plain JavaScript, since it runs before anything is installed.
 *
 *   node scripts/setup.mjs
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = ['engine', 'workers', 'bench', 'test', 'scripts'].filter((folder) => existsSync(join(root, folder)));
const lockWaitMs = 300_000;

/** @param {string} message */
function fail(message) {
  process.stderr.write(`setup: ${message}\n`);
  process.exit(1);
}

/** @param {string} command @param {string[]} args @param {string} advice */
function run(command, args, advice) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  if (status === 0) return;
  fail(`${command} ${args.join(' ')} failed. ${advice}\n${error?.message ?? ''}${stdout ?? ''}${stderr ?? ''}`);
}

/** @param {string} text */
const hash = (text) => createHash('sha256').update(text).digest('hex');

/** @param {string} path */
const read = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

/** Names, sizes and times of all sources: what tsc would look at. @returns {string} */
function fingerprint() {
  const lines = [read(join(root, 'tsconfig.json'))];
  for (const folder of sources) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).sort()) {
      if (!/\.(ts|json)$/.test(name)) continue;
      const { size, mtimeMs } = statSync(join(root, folder, name));
      lines.push(`${folder}/${name} ${size} ${mtimeMs}`);
    }
  }
  return hash(lines.join('\n'));
}

/** Two commands at once would build into the same folder: the second waits. @param {() => void} work */
function locked(work) {
  mkdirSync(join(root, 'node_modules'), { recursive: true });
  const lock = join(root, 'node_modules', '.setup-lock');
  for (const started = Date.now(); ;) {
    try {
      const file = openSync(lock, 'wx');
      writeSync(file, String(process.pid));
      closeSync(file);
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    }
    if (!isAlive(Number(read(lock))) || Date.now() - started > lockWaitMs) rmSync(lock, { force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  }
  try {
    work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** @param {number} pid */
function isAlive(pid) {
  if (pid === 0) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

function install() {
  const stamp = join(root, 'node_modules', '.setup-dependencies');
  const wanted = hash(read(join(root, 'package-lock.json')));
  if (read(stamp) === wanted) return;
  process.stdout.write('setup: installing dependencies\n');
  run('npm', ['ci', '--include=dev'], 'Is the package registry reachable?');
  writeFileSync(stamp, wanted);
}

function build() {
  const stamp = join(root, 'dist', '.setup-sources');
  const wanted = fingerprint();
  if (read(stamp) === wanted) return;
  process.stdout.write('setup: building\n');
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  run(process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), '-p', '.'], 'Correct the errors below.');
  writeFileSync(stamp, wanted);
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 15)) fail(`Node 20.15 or later is needed, this is ${process.version}.`);
locked(() => {
  // `npm ci` empties node_modules, so the lock and its stamp are looked at before and after.
  install();
  build();
});
