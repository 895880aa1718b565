/** Lost, doubled and late writes are noticed; honest servers are not accused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Operation } from '../../../bench/load/operation.ts';
import { checkKey, keysPerSession, VerifySource } from '../../../bench/load/verify.ts';

/** A server of one session: versions by key, and what was asked, oldest first. */
class Server {
  readonly versions = new Map<number, number>();
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
    const { kind, key } = this.asked.shift()!;
    if (kind === 'set') this.versions.set(key, this.version(key) + times);
    if (answers) this.source.answered(0, 0, kind === 'sync' ? -1 : this.version(key) + (times === 0 ? 1 : 0));
  }

  /** The session finds out where it stands. */
  settle(): void {
    this.ask(1 + keysPerSession);
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
    assert.equal(checkKey(ledger, { version, stamp: version }), null);
  }
});

test('nothing is written before the session knows where it stands', () => {
  const server = new Server();
  assert.equal(server.ask(100), 1 + keysPerSession);
  assert.deepEqual(
    server.asked.map(({ kind }) => kind),
    ['sync', ...Array.from({ length: keysPerSession }, () => 'exists')],
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
  server.settle();
  server.ask(1);
  server.asked.length = 0;
  server.source.lost(0);
  server.settle();
  server.versions.set(0, 1);
  server.ask(keysPerSession);
  while (server.asked.length > 0) server.answer();
  assert.match(server.source.violations[0]!, /doubled, or carried out too late/);
});

test('what a server holds at the end is compared with what is known', () => {
  const ledger = { key: 3, initial: 0, acknowledged: 10, sent: 12 };
  assert.equal(checkKey(ledger, { version: 10, stamp: 10 }), null);
  assert.equal(checkKey(ledger, { version: 12, stamp: 12 }), null);
  assert.match(checkKey(ledger, { version: 9, stamp: 9 })!, /a write was lost/);
  assert.match(checkKey(ledger, { version: 13, stamp: 12 })!, /a write was doubled/);
  assert.match(checkKey(ledger, { version: 11, stamp: 10 })!, /holds write 10/);
});
