/** Both LZ4 libraries write the same blocks: each reads what the other wrote. */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { test } from 'node:test';
import { lz4, napiLz4, nodeLz4 } from '../../../workers/lz4.ts';

const samples = [
  Buffer.from('a'),
  Buffer.alloc(100_000, 'znode '),
  Buffer.alloc(300_000),
  randomFillSync(Buffer.alloc(70_000)),
  Buffer.concat([randomFillSync(Buffer.alloc(500)), Buffer.alloc(200_000, 'x'), randomFillSync(Buffer.alloc(500))]),
];

const napi = napiLz4();
const native = nodeLz4();

test('lz4: what is used is node-lz4 where it was built, else lz4-napi', () => {
  assert.equal(lz4.name, native === null ? 'lz4-napi' : 'lz4');
});

test('lz4: lz4-napi reads what it wrote', () => {
  for (const raw of samples) assert.deepEqual(napi.expand(napi.compress(raw), raw.length), raw);
});

test('lz4: each library reads what the other wrote', { skip: native === null && 'node-lz4 is not built here' }, () => {
  for (const raw of samples) {
    assert.deepEqual(napi.expand(native!.compress(raw), raw.length), raw);
    assert.deepEqual(native!.expand(napi.compress(raw), raw.length), raw);
    assert.deepEqual(native!.expand(native!.compress(raw), raw.length), raw);
  }
});

for (const library of native === null ? [napi] : [napi, native]) {
  test(`lz4: ${library.name} throws for a malformed block or another length`, () => {
    const raw = Buffer.alloc(1000, 'znode ');
    const block = library.compress(raw);
    assert.throws(() => library.expand(block, 999));
    assert.throws(() => library.expand(block, 1001));
    assert.throws(() => library.expand(block.subarray(0, block.length - 3), 1000));
    assert.throws(() => library.expand(Buffer.alloc(20, 0xff), 1000));
  });
}
