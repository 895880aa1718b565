/** Buckets: never early, at most two ticks late, each session once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { SessionExpiry } from '../../../engine/session/expiry.ts';

const tick = 100;

test('a session expires after its time-out and not before, however it is touched', () => {
  const step = fc.record({
    after: fc.nat(tick),
    act: fc.constantFrom('add', 'touch', 'touch', 'remove', 'look'),
    id: fc.nat(3),
    timeoutMs: fc.integer({ min: 1, max: 900 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const expiry = new SessionExpiry(tick);
      const deadlines = new Map<number, { timeoutMs: number; at: number }>();
      let now = 5000;
      const look = (): void => {
        for (const id of expiry.expired(now)) {
          assert.ok(deadlines.get(id)!.at <= now, 'never early');
          deadlines.delete(id);
        }
        for (const { at } of deadlines.values()) assert.ok(at + 2 * tick > now, 'at most two ticks late');
      };
      for (const { after, act, id, timeoutMs } of steps) {
        now += after;
        look();
        if (act === 'add') {
          expiry.add(id, timeoutMs, now);
          deadlines.set(id, { timeoutMs, at: now + timeoutMs });
        } else if (act === 'touch') {
          expiry.touch(id, now);
          const known = deadlines.get(id);
          if (known !== undefined) known.at = now + known.timeoutMs;
        } else if (act === 'remove') {
          expiry.remove(id);
          deadlines.delete(id);
        }
      }
      assert.equal(expiry.size, deadlines.size);
      for (let i = 0; i < 15; i++) {
        now += tick;
        look();
      }
      assert.equal(expiry.size, 0);
    }),
  );
});

test('time in which this process was stalled does not count', () => {
  const expiry = new SessionExpiry(tick);
  expiry.add(1, 300, 1000);
  assert.deepEqual(expiry.expired(1000), []);
  assert.deepEqual(expiry.expired(4000), [], 'three seconds without a look');
  assert.deepEqual(expiry.expired(4200), []);
  assert.deepEqual(expiry.expired(4300), []);
  assert.deepEqual(expiry.expired(4500), [1]);
});

test('cleared: nothing expires, and a new reign starts from scratch', () => {
  const expiry = new SessionExpiry(tick);
  expiry.add(1, 100, 0);
  expiry.expired(0);
  expiry.clear();
  assert.deepEqual(expiry.expired(200), []);
  expiry.expired(19_900);
  expiry.add(2, 100, 20_000);
  assert.deepEqual(expiry.expired(20_000), []);
  assert.deepEqual(expiry.expired(20_100), []);
  assert.deepEqual(expiry.expired(20_200), [2]);
});
