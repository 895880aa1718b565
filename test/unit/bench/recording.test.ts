/** What clients ask is written down so that it can be asked again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arena } from '../../../bench/load/arena.ts';
import { Operation } from '../../../bench/load/operation.ts';
import { payload } from '../../../bench/load/payload.ts';
import {
  inOrder,
  neededZnodes,
  parseRecording,
  ReplaySource,
  type RecordedOperation,
} from '../../../bench/load/recording.ts';
import { RequestReader } from '../../../bench/load/request-reader.ts';
import { keyPath, sessionPath, ZooKeeperFrames } from '../../../bench/load/zookeeper-frames.ts';

const frames = new ZooKeeperFrames(payload(100), '123456', 2);

/** The bytes of a client: a handshake, which nobody looks into, and requests. */
function client(...operations: Partial<Operation>[]): Buffer {
  const arena = new Arena();
  arena.i32(8);
  arena.i32(0);
  arena.i32(0);
  for (const [n, given] of operations.entries()) frames.encode(Object.assign(new Operation(), given), 3, n + 1, arena);
  return arena.cut();
}

function read(bytes: Buffer, step: number): unknown[][] {
  const found: unknown[][] = [];
  const reader = new RequestReader((...request) => found.push(request));
  for (let at = 0; at < bytes.length; at += step) reader.push(bytes.subarray(at, at + step));
  return found;
}

const asked = client(
  { kind: 'set', key: 5 },
  { kind: 'get', key: 6 },
  { kind: 'watch', key: 7 },
  { kind: 'exists', key: 8 },
  { kind: 'create', serial: 1 },
  { kind: 'ephemeral', serial: 2 },
  { kind: 'delete', serial: 1 },
  { kind: 'multi', keys: [1, 2] },
  { kind: 'sync' },
);
const own = sessionPath('123456', 3);
const expected = [
  ['set', keyPath(5), 100, 0],
  ['get', keyPath(6), 0, 0],
  ['get', keyPath(7), 0, 1],
  ['exists', keyPath(8), 0, 0],
  ['create', `${own}/n0000000001`, 100, 0],
  ['create', `${own}/n0000000002`, 100, 1],
  ['delete', `${own}/n0000000001`, 0, 0],
  ['set', keyPath(1), 100, 0],
  ['set', keyPath(2), 100, 0],
  ['sync', '/bench', 0, 0],
];

test('every operation is read, a multi as its parts, however the bytes are cut', () => {
  for (const step of [1, 7, 100, asked.length]) assert.deepEqual(read(asked, step), expected, `in steps of ${step}`);
});

test('a replay asks the same, of the same session, in the order of the times', () => {
  const lines = expected.map((request, n) => JSON.stringify([100 - n, n % 3, ...request]));
  const operations = parseRecording(`${lines.join('\n')}\n`, 'r');
  const source = new ReplaySource(operations);
  const operation = new Operation();
  for (const [n, [kind, path, bytes, flags]] of expected.toReversed().entries()) {
    assert.equal(source.sessionOf(n), (expected.length - 1 - n) % 3);
    assert.ok(source.next(0, operation));
    const { kind: k, path: p, bytes: b, flags: f } = operation;
    assert.deepEqual([k, p, b, f], [kind, path, bytes, flags]);
  }
  assert.equal(source.next(0, operation), false);
});

test('what is replayed is what was recorded, byte for byte but for the data', () => {
  const operations = parseRecording(expected.map((request, n) => JSON.stringify([n, 0, ...request])).join('\n'), 'r');
  const source = new ReplaySource(operations);
  const arena = new Arena();
  arena.i32(8);
  arena.i32(0);
  arena.i32(0);
  const operation = new Operation();
  for (let xid = 1; source.next(0, operation); xid++) frames.encode(operation, 0, xid, arena);
  assert.deepEqual(read(arena.cut(), 1000), expected);
});

test('a long recording is numbered without holes, sessions and times', () => {
  const recorded = Array.from({ length: 200_000 }, (_, n): RecordedOperation => [
    5 + n,
    7 + (n % 2),
    'get',
    '/a',
    0,
    0,
  ]);
  const { operations, sessions } = inOrder(recorded);
  assert.equal(sessions, 2);
  assert.deepEqual(operations.slice(0, 2), [
    [0, 0, 'get', '/a', 0, 0],
    [1, 1, 'get', '/a', 0, 0],
  ]);
  assert.deepEqual(inOrder([]), { operations: [], sessions: 0 });
});

test('what a recording finds is needed, also where it first asks whether it is there; what it makes is not', () => {
  const needed = (...asked: [RecordedOperation[2], string][]): string[] =>
    neededZnodes(asked.map(([kind, path], n) => [n, 0, kind, path, 0, 0]));
  assert.deepEqual(needed(['exists', '/a'], ['get', '/a']), ['/a']);
  assert.deepEqual(needed(['sync', '/a'], ['set', '/a']), ['/a']);
  assert.deepEqual(needed(['exists', '/a'], ['create', '/a'], ['get', '/a']), []);
  assert.deepEqual(needed(['children', '/'], ['delete', '/b'], ['create', '/c/d/e']), ['/b', '/c', '/c/d']);
});

test('a line that is none is named', () => {
  assert.throws(
    () => parseRecording('[0,0,"set","/a",1,0]\n[1,2]\n', 'file'),
    /^Error: file:2: expected \[ms, session/,
  );
  assert.throws(() => parseRecording('nonsense', 'file'), /file:1/);
  assert.throws(() => parseRecording('[0,0,"put","/a",1,0]', 'file'), /file:1/);
});
