/** A zxid is a double: exact, ordered and spelled as in ZooKeeper. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Reader, Writer } from '../../../engine/base/bytes.ts';
import { counterOf, counterSpan, epochMax, epochOf, zxidOf, zxidText } from '../../../engine/base/zxid.ts';

const epoch = fc.oneof(fc.constantFrom(0, 1, epochMax), fc.nat(epochMax));
const counter = fc.oneof(fc.constantFrom(0, 1, 2 ** 31, counterSpan - 1), fc.nat(counterSpan - 1));

test('epoch and counter come back, in memory and on the wire', () => {
  fc.assert(
    fc.property(epoch, counter, (epoch, counter) => {
      const zxid = zxidOf(epoch, counter);
      assert.equal(epochOf(zxid), epoch);
      assert.equal(counterOf(zxid), counter);
      const out = new Writer();
      out.i64(zxid);
      assert.equal(out.copy().readBigInt64BE(0), (BigInt(epoch) << 32n) | BigInt(counter));
      assert.equal(new Reader().reset(out.copy()).i64(), zxid);
    }),
  );
});

test('order is that of (epoch, counter)', () => {
  fc.assert(
    fc.property(fc.tuple(epoch, counter), fc.tuple(epoch, counter), (a, b) => {
      const order = Math.sign(a[0] - b[0]) || Math.sign(a[1] - b[1]);
      assert.equal(Math.sign(zxidOf(...a) - zxidOf(...b)), order);
    }),
  );
});

test('what does not fit is refused', () => {
  assert.throws(() => zxidOf(epochMax + 1, 0), /21 bits/);
  assert.throws(() => zxidOf(0, counterSpan), /32 bits/);
  assert.throws(() => zxidOf(-1, 0), /21 bits/);
});

test('the spelling', () => {
  assert.equal(zxidText(zxidOf(1, 4)), '0x100000004');
  assert.equal(zxidText(0), '0x0');
});
