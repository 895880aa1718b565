/** What `npm pack` makes, in an empty project: types, exports, the command, and the README's examples. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'zabra-package-'));
after(() => rmSync(project, { recursive: true, force: true }));

const tarballBytesMax = 1024 * 1024;
const installMs = 90_000;
const quietly = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];

interface Ended {
  readonly status: number | null;
  readonly output: string;
}

function run(command: string, args: readonly string[], cwd = project, timeout = 30_000): Ended {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, timeout, encoding: 'utf8' });
  return { status, output: `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}` };
}

/** Why nothing could be installed; null: it is there. */
let missing: string | null = null;
let tarball = '';

before(() => {
  const packed = run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', project], root);
  assert.equal(packed.status, 0, packed.output);
  tarball = join(project, packed.output.trim());
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  const { status, output } = run('npm', ['install', ...quietly, tarball], project, installMs);
  // A package that npm refuses is a failure; one whose dependencies cannot be had here is not.
  if (status === null || /ENOTCACHED|EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|network/.test(output))
    missing = `the dependencies of the package can be had neither from npm's cache nor from its registry: ${output}`;
  else assert.equal(status, 0, output);
});

function installed(t: TestContext): boolean {
  if (missing !== null) t.skip(missing);
  return missing === null;
}

test('the tarball is small, and has the code, its maps with what they map to, and types', (t) => {
  assert.ok(statSync(tarball).size < tarballBytesMax, `${statSync(tarball).size} bytes`);
  if (!installed(t)) return;
  const at = join(project, 'node_modules', 'zabra');
  const { exports, bin } = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8')) as {
    exports: Record<string, { types: string; default: string }>;
    bin: Record<string, string>;
  };
  assert.deepEqual(Object.keys(exports), ['.', './client', './recipes']);
  for (const entry of Object.values(exports)) {
    assert.ok(existsSync(join(at, entry.types)), entry.types);
    const code = join(at, entry.default);
    const { sources } = JSON.parse(readFileSync(`${code}.map`, 'utf8')) as { sources: string[] };
    for (const source of sources) assert.ok(existsSync(join(code, '..', source)), `${entry.default}: ${source}`);
  }
  assert.ok(existsSync(join(at, bin['zabra']!)));
  for (const unwanted of ['test', 'dist/test', 'bench', 'dist/bench', 'scripts'])
    assert.ok(!existsSync(join(at, unwanted)), unwanted);
});

test('its types are whole, with the strictest settings of a project', (t) => {
  if (!installed(t)) return;
  writeFileSync(
    join(project, 'typed.ts'),
    `import { Ensemble, Server, type Command, type StateMachine } from 'zabra';
     import { Client, type WatchEvent } from 'zabra/client';
     import { Lock } from 'zabra/recipes';
     class Counter implements StateMachine {
       count = 0;
       apply(batch: readonly Command[]): number[] { return batch.map(() => ++this.count); }
       snapshot(): Iterable<Uint8Array> { return [Buffer.from(String(this.count))]; }
       restore(pieces: readonly Buffer[]): void { this.count = Number(Buffer.concat([...pieces])); }
     }
     const ensemble: Ensemble = await Ensemble.start({ machine: () => new Counter() });
     const server: Server = ensemble.servers[0]!;
     server.on('role', (role: 'looking' | 'following' | 'observing' | 'leading') => role);
     const client: Client = await server.connect({ chroot: '/app' });
     for await (const event of client.watch('/')) { const seen: WatchEvent = event; console.log(seen, Lock); }
     const count: number = await server.propose<number>('one more');
     // @ts-expect-error: an event that there is not
     server.on('leader', () => count);`,
  );
  const settings = [
    '--noEmit',
    '--strict',
    '--exactOptionalPropertyTypes',
    '--module',
    'nodenext',
    '--target',
    'es2023',
  ];
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules', '@types')];
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status, output } = run(process.execPath, [tsc, ...settings, ...types, 'typed.ts']);
  assert.equal(status, 0, output);
});

test('its command runs', (t) => {
  if (!installed(t)) return;
  const { status, output } = run(join(project, 'node_modules', '.bin', 'zabra'), ['--help']);
  assert.equal(status, 0, output);
  assert.match(output, /zabra server/);
});

/** The README's programs, each with servers to speak to. */
function examples(): string[] {
  const readme = readFileSync(join(project, 'node_modules', 'zabra', 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/```(?:ts|js)\n([\s\S]*?)```/g)].map(([, code]) => code!);
  return blocks.filter((code) => code.includes("from 'zabra"));
}

function runExamples(node: string): void {
  const programs = examples();
  assert.ok(programs.length >= 2);
  for (const [index, program] of programs.entries()) {
    writeFileSync(
      join(project, `example-${index}.mjs`),
      `import { Ensemble as OwnEnsemble } from 'zabra';
       const own = await OwnEnsemble.start({ settings: { logLevel: 'error' } });
       globalThis.hosts = own.connectString;
       await import('./program-${index}.mjs');
       await own.close();`,
    );
    const text = program.replace(/'127\.0\.0\.1:2181[^']*'/g, 'globalThis.hosts');
    writeFileSync(join(project, `program-${index}.mjs`), text);
    const { status, output } = run(node, [`example-${index}.mjs`]);
    assert.equal(status, 0, `${program}\n${output}`);
  }
}

test("the README's examples run from it, on this Node", (t) => {
  if (installed(t)) runExamples(process.execPath);
});

test("the README's examples run from it, on the newest Node that the registry has", (t) => {
  if (!installed(t)) return;
  const asked = run('npm', ['view', 'node', 'version']);
  const version = asked.output.trim();
  if (!/^\d+\.\d+\.\d+$/.test(version)) {
    t.skip(`the registry does not tell of its newest Node: ${version}`);
    return;
  }
  const name = `node-${process.platform}-${process.arch}`;
  const fetched = run('npm', ['install', '--no-save', ...quietly, `${name}@${version}`], project, installMs);
  const node = join(project, 'node_modules', name, 'bin', 'node');
  if (!existsSync(node)) {
    t.skip(`Node ${version} cannot be had from the registry: ${fetched.output}`);
    return;
  }
  assert.equal(run(node, ['--version']).output.trim(), `v${version}`);
  runExamples(node);
});
