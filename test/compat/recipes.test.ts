/** Our recipes beside kazoo's and Curator's, on one ensemble: they exclude and hear each other. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client, deleteAll } from '../../engine/client/index.ts';
import { Ensemble } from '../../engine/index.ts';
import { Counter, DoubleBarrier, Lock, Queue, Semaphore } from '../../engine/recipes/index.ts';
import { clientJars, JavaDriver, javaMissing } from './java.ts';

const python = ['/usr/bin/python3', 'python3'].find(
  (command) => spawnSync(command, ['-c', 'import kazoo']).status === 0,
);
const kazooMissing = python === undefined && 'kazoo is not installed (Debian: python3-kazoo)';
const jars = [...clientJars, 'curator-recipes', 'curator-framework', 'curator-client', 'guava', 'jackson-core'].concat([
  'jackson-databind',
  'jackson-annotations',
]);
const script = fileURLToPath(new URL('../../../test/compat/kazoo_locks.py', import.meta.url));
let ensemble: Ensemble;
let client: Client;
before(async () => {
  ensemble = await Ensemble.start({ servers: 1 });
  client = await Client.connect(ensemble.connectString);
});
after(async () => {
  await client.close();
  await ensemble.close();
});

/** Another program that answers each word with a line. */
class Other {
  readonly #child;
  readonly #lines: AsyncIterator<string>;
  #errors = '';

  constructor(file: string, args: readonly string[]) {
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
    this.#child.stderr.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()));
    this.#child.stdin.on('error', (error) => (this.#errors += error.message));
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    assert.ok(done !== true, `the other program ended: ${this.#errors}`);
    return value as string;
  }

  ask(word: string): Promise<string> {
    this.#child.stdin.write(`${word}\n`);
    return this.line();
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Each waits for the other, both ways round, and each is told when it may go on. */
async function exclude(other: Other, lock: Lock): Promise<void> {
  const held = await lock.acquire();
  assert.equal(await other.ask('try-lock'), 'False');
  const theirs = other.ask('lock');
  await held.release();
  assert.equal(await theirs, 'True');
  assert.equal(await lock.tryAcquire(), null);
  const ours = lock.acquire({ timeoutMs: 20_000 });
  await assert.rejects(lock.acquire({ timeoutMs: 100 }), { name: 'WaitTimeoutError' });
  await other.ask('unlock');
  const next = await ours;
  assert.ok(next.token > held.token);
  await next.release();
}

test('a lock of kazoo and ours exclude each other', { skip: kazooMissing, timeout: 60_000 }, async (t) => {
  const kazoo = new Other(python!, [script, ensemble.connectString]);
  t.after(() => kazoo.end());
  assert.equal(await kazoo.line(), 'ready');
  await exclude(kazoo, new Lock(client, '/lock', { naming: 'kazoo' }));
  const permit = new Semaphore(client, '/semaphore', 1, { naming: 'kazoo' });
  const held = await permit.acquire();
  assert.equal(await kazoo.ask('try-semaphore'), 'False');
  const theirs = kazoo.ask('semaphore');
  await held.release();
  assert.equal(await theirs, 'True');
  await assert.rejects(permit.acquire({ timeoutMs: 100 }), { name: 'WaitTimeoutError' });
  await kazoo.ask('release');
  await (await permit.acquire({ timeoutMs: 20_000 })).release();
});

test('with our usual names, too, if kazoo is told of them', { skip: kazooMissing, timeout: 60_000 }, async (t) => {
  await deleteAll(client, '/lock').catch(() => null);
  const kazoo = new Other(python!, [script, ensemble.connectString, '-lock-']);
  t.after(() => kazoo.end());
  assert.equal(await kazoo.line(), 'ready');
  await exclude(kazoo, new Lock(client, '/lock'));
});

test('queue, counter and double barrier of kazoo and ours', { skip: kazooMissing, timeout: 60_000 }, async (t) => {
  const kazoo = new Other(python!, [script, ensemble.connectString]);
  t.after(() => kazoo.end());
  assert.equal(await kazoo.line(), 'ready');
  const queue = new Queue(client, '/queue');
  await queue.put('from us');
  await kazoo.ask('put');
  assert.equal(await kazoo.ask('get'), 'from us');
  assert.equal(String(await queue.take()), 'from kazoo');
  const counter = new Counter(client, '/count');
  assert.equal(await counter.add(), 1);
  assert.equal(await kazoo.ask('add'), '2');
  assert.equal(await counter.add(), 3);
  const barrier = new DoubleBarrier(client, '/double', 2);
  await Promise.all([barrier.enter({ timeoutMs: 20_000 }), kazoo.ask('enter')]);
  await Promise.all([barrier.leave({ timeoutMs: 20_000 }), kazoo.ask('leave')]);
});

const curatorMissing = javaMissing(jars, 'libcurator-recipes-java');
test(
  'an InterProcessMutex of Curator and ours exclude each other',
  { skip: curatorMissing, timeout: 90_000 },
  async (t) => {
    const driver = new JavaDriver('CuratorLock', jars);
    const { file, args } = driver.command(ensemble.connectString);
    const curator = new Other(file, args);
    t.after(() => {
      curator.end();
      driver.close();
    });
    assert.equal(await curator.line(), 'ready');
    await exclude(curator, new Lock(client, '/curator'));
  },
);
