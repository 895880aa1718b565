/** A queue in a ring: first in, first out, at any size. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Outstanding } from '../../../engine/server/outstanding.ts';

test('it is a queue', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (pushes) => {
      const queue = new Outstanding();
      const model: { xid: number; op: number; since: number; body: Buffer | null }[] = [];
      const sizes: number[] = [];
      for (const [index, push] of pushes.entries()) {
        if (push || model.length === 0) {
          const body = index % 3 === 0 ? Buffer.of(index) : null;
          model.push({ xid: 9 - index, op: index * 2, since: index + 0.5, body });
          sizes.push(index);
          queue.push(9 - index, index * 2, index + 0.5, body, index);
        } else {
          const { xid, op, since, body } = queue;
          assert.deepEqual({ xid, op, since, body }, model.shift());
          queue.shift();
          sizes.shift();
        }
        assert.equal(queue.length, model.length);
        assert.equal(
          queue.bytes,
          sizes.reduce((sum, size) => sum + size, 0),
        );
      }
    }),
  );
});

test('nothing is taken from an empty one', () => {
  assert.throws(() => new Outstanding().shift(), /request to answer/);
});
