/** The generator's requests, decoded by the server's own reader. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arena } from '../../../bench/load/arena.ts';
import { Operation } from '../../../bench/load/operation.ts';
import { payload } from '../../../bench/load/payload.ts';
import { keyPath, sessionPath, ZooKeeperFrames } from '../../../bench/load/zookeeper-frames.ts';
import { Reader } from '../../../engine/base/bytes.ts';
import { readAcls } from '../../../engine/wire/acl.ts';
import { opcode } from '../../../engine/wire/opcodes.ts';

const data = payload(100);
const frames = new ZooKeeperFrames(data, '123456', 3);

/** Encodes and returns a reader behind length, xid and op, which are checked. */
function encoded(given: Partial<Operation>, op: number, session = 7, xid = 0x01020304): Reader {
  const arena = new Arena(64);
  frames.encode(Object.assign(new Operation(), given), session, xid, arena);
  const bytes = arena.cut();
  const reader = new Reader().reset(bytes);
  assert.equal(reader.i32(), bytes.length - 4);
  assert.equal(reader.i32(), xid);
  assert.equal(reader.i32(), op);
  return reader;
}

function atEnd(reader: Reader): void {
  assert.equal(reader.bad, false);
  assert.equal(reader.left, 0);
}

test('set, with the number of the write in its data', () => {
  const reader = encoded({ kind: 'set', key: 1234567, stamp: 0x0a0b0c0d }, opcode.setData);
  assert.equal(reader.string(), '/bench/keys/k1234567');
  const got = reader.buffer()!;
  assert.equal(got.readUInt32BE(0), 0x0a0b0c0d);
  assert.deepEqual(got.subarray(4), data.subarray(4));
  assert.equal(reader.i32(), -1);
  atEnd(reader);
});

test('get, exists and watch', () => {
  for (const [kind, op, watch] of [
    ['get', opcode.getData, false],
    ['watch', opcode.getData, true],
    ['exists', opcode.exists, false],
  ] as const) {
    const reader = encoded({ kind, key: 42 }, op);
    assert.equal(reader.string(), keyPath(42));
    assert.equal(reader.bool(), watch);
    atEnd(reader);
  }
});

test('create and delete name the same znode, below the session that makes it', () => {
  for (const [kind, flags] of [
    ['create', 0],
    ['ephemeral', 1],
  ] as const) {
    const reader = encoded({ kind, serial: 9_876_543_210 }, opcode.create, 31);
    assert.equal(reader.string(), `${sessionPath('123456', 31)}/n9876543210`);
    assert.deepEqual(reader.buffer(), data);
    assert.deepEqual(readAcls(reader), [{ permissions: 31, scheme: 'world', id: 'anyone' }]);
    assert.equal(reader.i32(), flags);
    atEnd(reader);
  }
  const reader = encoded({ kind: 'delete', serial: 9_876_543_210 }, opcode.delete, 31);
  assert.equal(reader.string(), `${sessionPath('123456', 31)}/n9876543210`);
  assert.equal(reader.i32(), -1);
  atEnd(reader);
});

test('a multi of three sets, each with its key', () => {
  const reader = encoded({ kind: 'multi', keys: [5, 6, 7] }, opcode.multi);
  for (const key of [5, 6, 7]) {
    assert.deepEqual([reader.i32(), reader.bool(), reader.i32()], [opcode.setData, false, -1]);
    assert.equal(reader.string(), keyPath(key));
    assert.deepEqual(reader.buffer(), data);
    assert.equal(reader.i32(), -1);
  }
  assert.deepEqual([reader.i32(), reader.bool(), reader.i32()], [-1, true, -1]);
  atEnd(reader);
});

test('an explicit path, as in a replay, with data of any size', () => {
  const reader = encoded({ kind: 'set', path: '/app/ä', bytes: 1000 }, opcode.setData);
  assert.equal(reader.string(), '/app/ä');
  assert.equal(reader.buffer()!.length, 1000);
  assert.equal(reader.i32(), -1);
  atEnd(reader);
});

test('the arena cuts what was written and keeps it when it moves on', () => {
  const arena = new Arena(64);
  const parts: Buffer[] = [];
  for (let i = 0; i < 50; i++) {
    arena.i32(i);
    arena.template(new Uint8Array(30).fill(i));
    if (i % 3 === 2) parts.push(arena.cut());
  }
  parts.push(arena.cut());
  const all = Buffer.concat(parts);
  assert.equal(all.length, 50 * 34);
  for (let i = 0; i < 50; i++) {
    assert.equal(all.readInt32BE(i * 34), i);
    assert.ok(all.subarray(i * 34 + 4, i * 34 + 34).every((byte) => byte === i));
  }
});
