/**
 * Recipes while servers are killed, and a lock whose holder is.
 *
 * What a lock guards refuses tokens that are older than one it has seen; with sessions that outlive the kills
 * it must never have to, and every count and every element is there once.
 */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from '../../engine/client/index.ts';
import { untilAnswered } from '../../engine/recipes/calls.ts';
import { Counter, LeaderElection, Lock, Queue, Semaphore, type Held } from '../../engine/recipes/index.ts';
import { ProcessEnsemble } from '../support/server-process.ts';
import { until } from '../support/until.ts';

const program = fileURLToPath(new URL('../support/lock-program.js', import.meta.url));
const waitMs = 20_000;
const contenders = 4;
const permits = 2;
let ensemble: ProcessEnsemble;

before(async () => {
  ensemble = await ProcessEnsemble.start(3);
  await ensemble.serving();
});
after(() => ensemble.close());

/** Counts who is inside and remembers the largest token. */
class Guard {
  readonly #most: number;
  #inside = 0;
  #token = 0;
  entered = 0;

  constructor(most: number) {
    this.#most = most;
  }

  async visit({ token, isHeld }: Held, stay: () => Promise<unknown>): Promise<void> {
    assert.ok(isHeld && ++this.#inside <= this.#most, `${this.#inside} are inside at once`);
    assert.ok(this.#most > 1 || token > this.#token, `token ${token} comes after ${this.#token}`);
    this.#token = token;
    this.entered++;
    await stay();
    this.#inside--;
  }
}

test('nobody is in where another is, nothing is lost or doubled while servers are killed', async () => {
  const options = { sessionTimeoutMs: 30_000 };
  const clients = await Promise.all(
    Array.from({ length: contenders }, () => Client.connect(ensemble.connectString, options)),
  );
  const lockGuard = new Guard(1);
  const electionGuard = new Guard(1);
  const semaphoreGuard = new Guard(permits);
  const added: number[] = [];
  const put: string[] = [];
  const taken: string[] = [];
  let stopped = false;
  const repeatedly = (work: () => Promise<unknown>): Promise<void> =>
    (async () => {
      while (!stopped) await work();
    })();
  const loops = clients.flatMap((client, index) => {
    const lock = new Lock(client, '/lock');
    const election = new LeaderElection(client, '/election', { id: `${index}` });
    const semaphore = new Semaphore(client, '/semaphore', permits);
    const counter = new Counter(client, '/counter');
    const queue = new Queue(client, '/queue');
    return [
      repeatedly(() => lock.run((held) => lockGuard.visit(held, () => untilAnswered(() => client.sync())))),
      repeatedly(async () => {
        const leadership = await election.campaign();
        await electionGuard.visit(leadership, () => untilAnswered(() => client.sync()));
        await leadership.resign();
      }),
      repeatedly(async () => {
        const permit = await semaphore.acquire();
        await semaphoreGuard.visit(permit, () => untilAnswered(() => client.sync()));
        await permit.release();
      }),
      repeatedly(async () => added.push(await counter.add())),
      repeatedly(async () => {
        const element = `${index}-${put.length}`;
        put.push(element);
        await queue.put(element);
        taken.push(String(await queue.take()));
      }),
    ];
  });
  const failed = Promise.all(loops);
  const progress = async (): Promise<void> => {
    const counts = (): number[] => [
      lockGuard.entered,
      electionGuard.entered,
      semaphoreGuard.entered,
      added.length,
      taken.length,
    ];
    const goals = counts().map((count) => count + 10);
    await Promise.race([failed, untilAll(() => counts().every((count, n) => count >= goals[n]!))]);
  };
  await progress();
  for (const kills of ['leader', 'follower', 'all']) {
    const leader = await ensemble.leader();
    const follower = ensemble.servers.find((server) => server !== leader)!;
    const victims = kills === 'all' ? ensemble.servers : [kills === 'leader' ? leader : follower];
    await Promise.all(victims.map((server) => server.kill()));
    if (kills !== 'all') await progress();
    for (const server of victims) server.start();
    await Promise.all(victims.map((server) => server.serving()));
    await progress();
  }
  stopped = true;
  await failed;
  assert.deepEqual(
    added.toSorted((a, b) => a - b),
    added.map((_, n) => n + 1),
  );
  assert.equal(await new Counter(clients[0]!, '/counter').get(), added.length);
  assert.deepEqual(taken.toSorted(), put.toSorted());
  await Promise.all(clients.map((client) => client.close()));
});

const untilAll = (condition: () => boolean): Promise<boolean> => until('progress of every recipe', waitMs, condition);

test('a lock whose holder is killed goes to the next with its session, and with a larger token', async () => {
  const client = await Client.connect(ensemble.connectString);
  const holder = fork(program, [ensemble.connectString, '/of-the-dead', '2000'], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const token = await new Promise<number>((resolve) => holder.once('message', (told) => resolve(Number(told))));
  const lock = new Lock(client, '/of-the-dead');
  assert.equal(await lock.tryAcquire(), null);
  const waiting = lock.acquire({ timeoutMs: waitMs });
  holder.kill('SIGKILL');
  const held = await waiting;
  assert.ok(held.token > token, `${held.token} comes after ${token}`);
  await held.release();
  await client.close();
});
