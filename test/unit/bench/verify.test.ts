/** Lost, doubled and late writes are noticed; honest servers are not accused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Operation } from '../../../bench/load/operation.ts';
import { checkKey, keysPerSession, VerifySource } from '../../../bench/load/verify.ts';

/** To find out where it stands a session asks sync, and data and version of each key. */
const questions = 1 + 2 * keysPerSession;

/** A server of one session: versions and data by key, and what was asked, oldest first. */
class Server {
  readonly versions = new Map<number, number>();
  readonly stamps = new Map<number, number>();
  readonly asked: { kind: string; key: number; stamp: number }[] = [];
  readonly source = new VerifySource(0, 1);

  /** Lets the session ask up to `count` times. */
  ask(count: number): number {
    const operation = new Operation();
    for (let i = 0; i < count; i++) {
      operation.stamp = 0;
      if (!this.source.next(0, operation)) return i;
      const { kind, key, stamp } = operation;
      this.asked.push({ kind, key, stamp });
    }
    return count;
  }

  version(key: number): number {
    return this.versions.get(key) ?? 0;
  }

  /** Carries out the oldest request; `times` says how often, `answers` whether the session hears of it. */
  answer(times = 1, answers = true): void {
    const { kind, key, stamp } = this.asked.shift()!;
    if (kind === 'set' && times > 0) {
      this.versions.set(key, this.version(key) + times);
      this.stamps.set(key, stamp);
    }
    if (!answers) return;
    const version = kind === 'sync' ? -1 : this.version(key) + (times === 0 ? 1 : 0);
    this.source.answered(0, 0, version, kind === 'get' ? (this.stamps.get(key) ?? 0) : -1);
  }

  /** A write is in flight when the connection breaks, and has not been carried out when the session goes on. */
  loseOne(): void {
    this.settle();
    this.ask(1);
    this.asked.length = 0;
    this.source.lost(0);
    this.settle();
  }

  /** The session finds out where it stands. */
  settle(): void {
    this.ask(questions);
    while (this.asked.length > 0) this.answer();
  }
}

test('an honest server is not accused, also when connections break in the middle', () => {
  const server = new Server();
  server.settle();
  for (let round = 0; round < 20; round++) {
    server.ask(10);
    for (let i = 0; i < 5; i++) server.answer();
    // Of those in flight some are carried out, and nobody hears of it.
    for (let i = 0; i < round % 5; i++) server.answer(1, false);
    server.asked.length = 0;
    server.source.lost(0);
    server.settle();
  }
  assert.deepEqual(server.source.violations, []);
  for (const ledger of server.source.ledgers()) {
    const version = server.version(ledger.key);
    assert.equal(checkKey(ledger, { version, stamp: server.stamps.get(ledger.key) ?? 0 }), null);
  }
});

test('nothing is written before the session knows where it stands', () => {
  const server = new Server();
  assert.equal(server.ask(100), questions);
  assert.deepEqual(
    server.asked.map(({ kind }) => kind),
    ['sync', ...Array.from({ length: keysPerSession }, () => ['get', 'exists']).flat()],
  );
});

test('a write that was acknowledged and forgotten is noticed at the next write to its key', () => {
  const server = new Server();
  server.settle();
  server.ask(keysPerSession + 1);
  server.answer(0);
  for (let i = 0; i < keysPerSession; i++) server.answer();
  assert.equal(server.source.violationCount, 1);
  assert.match(server.source.violations[0]!, /key 0: write 2 made version 1: a write was lost/);
});

test('a write that was carried out twice is noticed at once', () => {
  const server = new Server();
  server.settle();
  server.ask(1);
  server.answer(2);
  assert.match(server.source.violations[0]!, /write 1 made version 2: a write was doubled/);
});

test('a write that was acknowledged and is gone after the connection broke is noticed', () => {
  const server = new Server();
  server.settle();
  server.ask(1);
  server.answer();
  server.versions.set(0, 0);
  server.source.lost(0);
  server.settle();
  assert.match(server.source.violations[0]!, /version 0, but 1 was acknowledged: a write was lost/);
});

test('a write of a broken connection that is carried out after the session went on is noticed', () => {
  const server = new Server();
  server.loseOne();
  server.versions.set(0, 1);
  server.ask(keysPerSession);
  while (server.asked.length > 0) server.answer();
  assert.match(server.source.violations[0]!, /doubled, or carried out too late/);
});

for (const [name, first, second] of [
  ['the first of two writes in flight was carried out twice and the second never', 2, 0],
  ['the second of two writes in flight was carried out without the first', 0, 1],
] as const) {
  test(`${name}: the data tell, though the version is one that may be`, () => {
    const server = new Server();
    server.settle();
    server.ask(2 * keysPerSession);
    for (const times of [first, second])
      for (let key = 0; key < keysPerSession; key++) server.answer(key === 0 ? times : 1, false);
    server.source.lost(0);
    server.settle();
    assert.equal(server.source.violationCount, 1);
    assert.match(server.source.violations[0]!, new RegExp(`^key 0: version ${first + second} holds write [12]: `));
  });
}

test('a write of a broken connection that is carried out late is noticed without another write to its key', () => {
  const server = new Server();
  server.loseOne();
  const [ledger] = server.source.ledgers();
  assert.equal(checkKey(ledger!, { version: 0, stamp: 0 }), null);
  assert.match(checkKey(ledger!, { version: 1, stamp: 1 })!, /at most 0 may be: a write was doubled, or carried/);
});

test('what a server holds at the end is compared with what is known', () => {
  const ledger = { key: 3, initial: 0, acknowledged: 10, sent: 12 };
  assert.equal(checkKey(ledger, { version: 10, stamp: 10 }), null);
  assert.equal(checkKey(ledger, { version: 12, stamp: 12 }), null);
  assert.match(checkKey(ledger, { version: 9, stamp: 9 })!, /a write was lost/);
  assert.match(checkKey(ledger, { version: 13, stamp: 12 })!, /a write was doubled/);
  assert.match(checkKey(ledger, { version: 11, stamp: 10 })!, /holds write 10/);
});
