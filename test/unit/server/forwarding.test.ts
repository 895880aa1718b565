/** Writes on their way to a leader: frames that a peer takes, completions in order, what is asked again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peerFrameBytesMax, requestFrameBytes } from '../../../engine/base/limits.ts';
import { Forwarding } from '../../../engine/server/forwarding.ts';
import { internalOp, RequestCursor } from '../../../engine/txn/request.ts';
import { op } from '../../support/raw-client.ts';

const nobody = Buffer.alloc(0);

function add(forwarding: Forwarding, cxid: number, bytes = 10, code: number = op.setData): void {
  forwarding.add(code, 7, cxid, nobody, Buffer.alloc(bytes), 0, bytes);
}

function cxids(frames: readonly Buffer[]): number[] {
  const found: number[] = [];
  for (const frame of frames)
    for (const cursor = new RequestCursor().reset(frame); cursor.next();) found.push(cursor.cxid);
  return found;
}

const none = (): boolean => false;
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);

test('a turn of any size leaves in frames that a peer takes', () => {
  const forwarding = new Forwarding();
  const size = 1024 * 1024;
  for (let n = 0; n < 100; n++) add(forwarding, n, size);
  const frames = forwarding.cut();
  assert.ok(frames.every((frame) => frame.length < requestFrameBytes + 2 * size && frame.length < peerFrameBytesMax));
  assert.deepEqual(cxids(frames), numbers(0, 100));
  assert.deepEqual([forwarding.cut(), forwarding.hasCollected], [[], false]);
  assert.deepEqual(cxids(forwarding.again(none)), numbers(0, 100));
});

test('what is asked again is what did not come back, once, and nothing that is still to be cut', () => {
  const forwarding = new Forwarding();
  for (let n = 0; n < 5; n++) add(forwarding, n);
  forwarding.cut();
  for (let n = 5; n < 8; n++) add(forwarding, n, requestFrameBytes);
  add(forwarding, 8);
  for (let n = 0; n < 3; n++) assert.equal(forwarding.complete(7, n), true);
  assert.deepEqual(cxids(forwarding.again(none)), numbers(3, 9));
  assert.deepEqual(forwarding.cut(), []);
  assert.equal(forwarding.complete(7, 4), false, 'not its turn');
  for (let n = 3; n < 9; n++) assert.equal(forwarding.complete(7, n), true);
  assert.deepEqual([forwarding.outstanding, forwarding.bytes], [0, 0]);
});

test('what nobody asks for any more is forgotten', () => {
  const forwarding = new Forwarding();
  const isVoid = (request: RequestCursor): boolean => request.op === internalOp.resumeSession;
  for (let n = 0; n < 6; n++) add(forwarding, n, 10, n % 2 === 0 ? internalOp.resumeSession : op.setData);
  forwarding.cut();
  add(forwarding, 6, 10, internalOp.resumeSession);
  forwarding.cut();
  add(forwarding, 7);
  add(forwarding, 8, 10, internalOp.resumeSession);
  assert.equal(forwarding.complete(7, 0), true);
  assert.deepEqual(cxids(forwarding.again(isVoid)), [1, 3, 5, 7]);
  assert.deepEqual([forwarding.outstanding, forwarding.hasCollected], [4, false]);
  for (const n of [1, 3, 5, 7]) assert.equal(forwarding.complete(7, n), true);
  assert.deepEqual([forwarding.outstanding, forwarding.bytes], [0, 0]);
});
