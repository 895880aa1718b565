/**
 * Damaged client frames against a live server: it neither falls nor lets a well-behaved client wait.
 *
 * Frames are valid requests with bytes flipped, lengths replaced, cut, spliced or repeated, before and
 * after a handshake. A seed replays them: FUZZ_SEED=… node scripts/test.mjs fuzz/client
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Prng } from '../../engine/base/prng.ts';
import { Server } from '../../engine/index.ts';
import { connectRequest, op, openAcl, RawClient, Record } from '../support/raw-client.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const connections = 400;
const framesEach = 12;
const answerMsMax = 2000;
const lengths = [-1, -2, 0, 1, 4, 0x7fff_ffff, -0x8000_0000, 0xf_ffff, 0x10_0000, 0x7275_6f6b];

const header = (type: number): Record => new Record().int(type).bool(false).int(-1);
const create = new Record().buffer('/fuzz/a').buffer('data').acl(openAcl).int(0).bytes();
const set = new Record().buffer('/fuzz').buffer('x').int(-1).bytes();
const path = new Record().buffer('/fuzz').bool(true).bytes();
const multi = header(op.create).raw(create).raw(header(op.setData).bytes()).raw(set);
const watches = new Record().long(0n).strings(['/fuzz', '/none']).strings(['/x']).strings(['/']);

const requests: readonly (readonly [number, Uint8Array])[] = [
  [op.create, create],
  [op.create2, create],
  [op.setData, set],
  [op.delete, new Record().buffer('/fuzz/a').int(-1).bytes()],
  [op.getData, path],
  [op.exists, path],
  [op.getChildren2, path],
  [op.getAcl, new Record().buffer('/fuzz').bytes()],
  [op.setAcl, new Record().buffer('/fuzz/a').acl(openAcl).int(-1).bytes()],
  [op.multi, multi.raw(new Record().int(-1).bool(true).int(-1).bytes()).bytes()],
  [op.setWatches, watches.bytes()],
  [op.sync, new Record().buffer('/').bytes()],
  [op.auth, new Record().int(0).buffer('digest').buffer('a:b').bytes()],
  [op.ping, new Uint8Array(0)],
];

function drawFrame(prng: Prng): Buffer {
  const [code, body] = prng.pick(requests);
  const frame = new Record().int(prng.below(1000)).int(prng.chance(0.1) ? prng.below(120) - 20 : code);
  const whole = frame.raw(body).bytes();
  return damage(prng, new Record().int(whole.length).raw(whole).bytes());
}

function damage(prng: Prng, valid: Buffer): Buffer {
  let bytes = Buffer.from(valid);
  for (let times = prng.below(4); times > 0; times--) {
    const at = prng.below(Math.max(1, bytes.length - 4));
    const kind = prng.below(5);
    if (kind === 0 && bytes.length > 0) bytes[at] = prng.below(256);
    else if (kind === 1 && bytes.length >= 4) bytes.writeInt32BE(prng.pick(lengths), at);
    else if (kind === 2) bytes = bytes.subarray(0, at);
    else if (kind === 3) bytes = Buffer.concat([bytes, bytes.subarray(at)]);
    else bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([prng.below(256)]), bytes.subarray(at)]);
  }
  return bytes;
}

test(`${connections} connections with damaged frames (FUZZ_SEED=${seed})`, async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'zabra-fuzz-'));
  const server = await Server.start({ dataDir, clientPort: 0, maxClientCnxns: 0, logLevel: 'silent' });
  t.after(async () => {
    await server.close();
    rmSync(dataDir, { recursive: true });
  });
  await server.ready();
  const good = await RawClient.connect(server.clientPort);
  await good.create('/fuzz', '');
  const prng = new Prng(seed);
  let slowest = 0;
  for (let n = 0; n < connections; n++) {
    const bad = await RawClient.open(server.clientPort);
    if (prng.chance(0.8)) bad.raw(new Record().int(45).raw(connectRequest()).bytes());
    else bad.raw(damage(prng, new Record().int(45).raw(connectRequest()).bytes()));
    for (let frames = 0; frames < framesEach; frames++) bad.raw(drawFrame(prng));
    const started = performance.now();
    const reply = await good.request(op.exists, new Record().buffer('/zookeeper').bool(false));
    slowest = Math.max(slowest, performance.now() - started);
    assert.equal(reply?.err, 0, `connection ${n}`);
    bad.destroy();
  }
  assert.ok(slowest < answerMsMax, `a healthy client waited ${slowest} ms`);
  assert.equal((await good.create('/after', ''))?.err, 0);
  good.destroy();
});
