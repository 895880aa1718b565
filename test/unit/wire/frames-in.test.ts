/** However TCP cuts the stream, the frames are the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FramesIn } from '../../../engine/wire/frames-in.ts';

const max = 500;

function framed(payloads: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    payloads.flatMap((payload) => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(payload.length);
      return [length, payload];
    }),
  );
}

/** Pushes the stream cut at `cuts`; after each chunk takes frames, at most `greed` of them. */
function read(stream: Buffer, cuts: readonly number[], greed = Infinity): { frames: Uint8Array[]; bad: boolean } {
  const input = new FramesIn();
  const frames: Uint8Array[] = [];
  const take = (most: number): boolean => {
    for (let taken = 0; taken < most; taken++) {
      const found = input.next(max);
      if (found !== 'frame') return found === 'bad';
      frames.push(new Uint8Array(input.bytes.subarray(input.start, input.end)));
    }
    return false;
  };
  const places = [0, ...cuts.map((cut) => cut % (stream.length + 1)).toSorted((a, b) => a - b), stream.length];
  for (let i = 1; i < places.length; i++) {
    input.push(Buffer.from(stream.subarray(places[i - 1], places[i])));
    if (take(greed)) return { frames, bad: true };
  }
  return { frames, bad: take(Infinity) };
}

const payloads = fc.array(fc.uint8Array({ maxLength: 90 }), { maxLength: 12 });
const cuts = fc.array(fc.nat(2000), { maxLength: 20 });

test('any chunking gives the same frames, also when they are not taken at once', () => {
  fc.assert(
    fc.property(payloads, cuts, fc.constantFrom(0, 1, 2, Infinity), (payloads, cuts, greed) => {
      assert.deepEqual(read(framed(payloads), cuts, greed), { frames: payloads, bad: false });
    }),
    { numRuns: 500 },
  );
});

test('byte by byte', () => {
  const payloads = [new Uint8Array(0), new Uint8Array(max).fill(1), new Uint8Array(3).fill(2)];
  const stream = framed(payloads);
  assert.deepEqual(read(stream, Array.from(stream.keys())), { frames: payloads, bad: false });
});

test('a length out of range stops the stream there, wherever it is cut', () => {
  fc.assert(
    fc.property(payloads, cuts, fc.constantFrom(-1, max + 1, 2 ** 31 - 1, -(2 ** 31)), (payloads, cuts, length) => {
      const bad = Buffer.alloc(4);
      bad.writeInt32BE(length);
      const stream = Buffer.concat([framed(payloads), bad, Buffer.alloc(30)]);
      assert.deepEqual(read(stream, cuts), { frames: payloads, bad: true });
    }),
  );
});

test('memory follows what has come, not what was announced', () => {
  const input = new FramesIn();
  const head = Buffer.alloc(4);
  head.writeInt32BE(1 << 29);
  const before = process.memoryUsage().arrayBuffers;
  for (const byte of head) {
    input.push(Buffer.of(byte));
    assert.equal(input.next(1 << 30), 'more');
  }
  input.push(Buffer.alloc(1000));
  assert.equal(input.next(1 << 30), 'more');
  assert.ok(process.memoryUsage().arrayBuffers - before < 1 << 20);
});
