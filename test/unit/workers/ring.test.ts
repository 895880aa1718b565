/** The ring between the main thread and the log worker, both ends in one thread. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../../engine/base/prng.ts';
import { createRing, recordHeaderBytes, RingReader, RingWriter } from '../../../workers/ring.ts';

function take(reader: RingReader): { kind: number; ticket: number; extra: number; payload: Buffer } | null {
  if (!reader.next()) return null;
  const payload = Buffer.alloc(reader.length);
  const { kind, ticket, extra } = reader;
  reader.payload(payload, 0);
  return { kind, ticket, extra, payload };
}

test('ring: records come out as they went in, in order, over many wraps', () => {
  const memory = createRing(1024);
  const [writer, reader] = [new RingWriter(memory), new RingReader(memory)];
  const prng = new Prng(7);
  const waiting: { ticket: number; payload: Buffer }[] = [];
  for (let ticket = 1; ticket <= 5000; ticket++) {
    const payload = Buffer.alloc(prng.below(300), `${ticket} `);
    while (!writer.push(ticket % 5, ticket, ticket * 2 ** 33, payload)) {
      const expected = waiting.shift()!;
      const found = take(reader);
      assert.deepEqual(found, { kind: expected.ticket % 5, extra: expected.ticket * 2 ** 33, ...expected });
    }
    waiting.push({ ticket, payload });
  }
  for (const { ticket, payload } of waiting) {
    assert.deepEqual(take(reader), { kind: ticket % 5, ticket, extra: ticket * 2 ** 33, payload });
  }
  assert.equal(take(reader), null);
});

test('ring: room ends exactly where the bytes do', () => {
  const memory = createRing(256);
  const [writer, reader] = [new RingWriter(memory), new RingReader(memory)];
  const rest = 256 - 2 * recordHeaderBytes;
  assert.equal(writer.push(1, 1, 0, new Uint8Array(100)), true);
  assert.equal(writer.hasRoom(rest - 100), true);
  assert.equal(writer.hasRoom(rest - 99), false);
  assert.equal(writer.push(1, 2, 0, new Uint8Array(rest - 99)), false);
  assert.equal(writer.push(1, 2, 0, new Uint8Array(rest - 100)), true);
  assert.equal(writer.hasRoom(0), false);
  take(reader);
  assert.equal(writer.hasRoom(100), true);
  assert.equal(writer.tooLarge(128 - recordHeaderBytes), false);
  assert.equal(writer.tooLarge(128 - recordHeaderBytes + 1), true);
});

test('ring: its size is a power of two', () => {
  assert.throws(() => createRing(1000), /power of two/);
});

test('ring: a reader does not sleep through a record that was published before it fell asleep', () => {
  const memory = createRing(256);
  const [writer, reader] = [new RingWriter(memory), new RingReader(memory)];
  writer.push(1, 1, 0, new Uint8Array(0));
  const started = performance.now();
  reader.wait(5000);
  assert.ok(performance.now() - started < 1000);
});
