/**
 * What a server may say to another: single messages of every kind, and plays, which are sequences
 * that lead far into the protocol before something is wrong.
 *
 * The frames' own checksums always fit, and so do those of batches and snapshots within.
 */
import { encode } from '@msgpack/msgpack';
import type { Prng } from '../../../engine/base/prng.ts';
import { epochMax, zxidOf } from '../../../engine/base/zxid.ts';
import { requestHeaderBytes } from '../../../engine/txn/request.ts';
import { Draft } from '../draft.ts';
import { damaged } from '../mutate.ts';
import { drawBatch } from './batch.ts';
import { drawRequest } from './client.ts';
import { drawSnapshotFile } from './snapshot.ts';

const kinds = {
  vote: 1,
  join: 2,
  newEpoch: 3,
  ackEpoch: 4,
  sync: 5,
  newLeader: 6,
  ackNewLeader: 7,
  upToDate: 8,
  proposal: 16,
  ack: 17,
  commit: 18,
  ping: 19,
  pong: 20,
  snapshotChunk: 21,
  snapshotAck: 22,
  requests: 23,
} as const;

type Kind = keyof typeof kinds;

const epochs = [1, 1, 1, 2, 2, 0, 3, 7, epochMax - 1, epochMax];
const zxids = [
  zxidOf(1, 1),
  zxidOf(1, 1),
  zxidOf(1, 2),
  zxidOf(1, 3),
  zxidOf(2, 1),
  0,
  1,
  zxidOf(epochMax, 2 ** 32 - 1),
];
export const ensembleId = 4711;

const anEpoch = (prng: Prng): number => prng.pick(epochs);
const aZxid = (prng: Prng): number => prng.pick(zxids);

/** Values that are no number of the right kind. */
const strange: readonly unknown[] = [
  -1,
  0.5,
  2 ** 53,
  -(2 ** 40),
  Number.NaN,
  Infinity,
  null,
  true,
  'x',
  [1],
  { a: 1 },
];

/** A control message: a MessagePack array, of which one field may be of a wrong kind. */
function control(prng: Prng, kind: Kind, fields: readonly unknown[], probability: number): Buffer {
  const given = [...fields];
  if (prng.chance(probability / 2)) given[prng.below(given.length + 1)] = prng.pick(strange);
  if (prng.chance(probability / 8)) given.length = prng.below(given.length + 1);
  return damaged(prng, new Draft().u8(kinds[kind]).raw(encode(given)), probability / 2);
}

/** A frame of forwarded requests, some of which say strange things of who asks. */
export function drawRequests(prng: Prng, probability: number): Buffer {
  const all = new Draft();
  for (let left = prng.pick([1, 1, 2, 10]); left > 0; left--) {
    const { op, body } = drawRequest(prng);
    const identity = new Draft()
      .size(1)
      .text(prng.pick(['ip', 'super', 'digest']))
      .text('127.0.0.1');
    const code = prng.chance(0.2) ? prng.pick([-10, -12, -11, -13]) : op;
    const bytes = damaged(prng, body, probability);
    all.size(requestHeaderBytes - 4 + identity.length + bytes.length);
    all
      .i32(code)
      .i64(prng.pick([zxidOf(1, 1), 0, 1, zxidOf(1, 2)]))
      .i32(prng.below(9));
    all.u8(identity.length >>> 8).u8(identity.length & 0xff);
    all.nest(identity).raw(bytes);
  }
  return damaged(prng, all, probability / 3);
}

function hot(prng: Prng, kind: Kind, epoch: number, rest: Draft, probability: number): Buffer {
  return damaged(prng, new Draft().u8(kinds[kind]).f64(epoch).nest(rest), probability);
}

/** One message of a kind, wrong with the given probability. */
export function drawMessage(prng: Prng, kind: Kind, probability: number): Buffer {
  const epoch = anEpoch(prng);
  switch (kind) {
    case 'vote': {
      const state = prng.below(4);
      const fields = [prng.pick([0, 1, 2, 3, 9, 2 ** 52]), state, prng.below(4), epoch, aZxid(prng)];
      return control(prng, kind, fields, probability);
    }
    case 'join':
      return control(prng, kind, [prng.chance(0.7) ? 0 : epoch, prng.chance(0.2)], probability);
    case 'ackEpoch':
      return control(prng, kind, [epoch, prng.pick([0, 1, -1, epoch]), aZxid(prng)], probability);
    case 'sync': {
      const fields = [epoch, prng.below(3), aZxid(prng), prng.pick([0, 100, 2 ** 31, 2 ** 52]), ensembleId];
      return control(prng, kind, fields, probability);
    }
    case 'upToDate':
      return control(prng, kind, [epoch, aZxid(prng)], probability);
    case 'newEpoch':
    case 'newLeader':
    case 'ackNewLeader':
      return control(prng, kind, [epoch], probability);
    case 'proposal':
      return hot(
        prng,
        kind,
        epoch,
        new Draft().f64(aZxid(prng)).raw(drawBatch(prng, aZxid(prng), probability)),
        probability,
      );
    case 'pong': {
      const draft = new Draft();
      for (let left = prng.pick([0, 1, 3, 100]); left > 0; left--) draft.f64(aZxid(prng));
      return hot(prng, kind, epoch, draft, probability);
    }
    case 'snapshotChunk':
      return hot(
        prng,
        kind,
        epoch,
        new Draft().f64(prng.pick([0, 10, 2 ** 52])).raw(Buffer.alloc(40, 'x')),
        probability,
      );
    case 'requests':
      return hot(prng, kind, epoch, new Draft().raw(drawRequests(prng, probability)), probability / 4);
    default:
      return hot(prng, kind, epoch, new Draft().f64(aZxid(prng)), probability);
  }
}

const allKinds = Object.keys(kinds) as Kind[];

export function drawAnyMessage(prng: Prng, probability: number): Buffer {
  return drawMessage(prng, prng.pick(allKinds), probability);
}

const exact = (kind: Kind, ...fields: unknown[]): Buffer => Buffer.from([kinds[kind], ...encode(fields)]);

const hotExact = (kind: Kind, epoch: number, value: number, rest: Uint8Array = Buffer.alloc(0)): Buffer =>
  Buffer.from(new Draft().u8(kinds[kind]).f64(epoch).f64(value).raw(rest).bytes);

/** Follows the established leader of epoch 1 and forwards requests to it. */
function learnerPlay(prng: Prng): Buffer[] {
  const play = [
    exact('vote', 1, 1, 2, 0, 0),
    exact('join', 0, prng.chance(0.2)),
    exact('ackEpoch', 1, prng.pick([0, 0, 1]), prng.pick([0, 0, zxidOf(1, 1)])),
    exact('ackNewLeader', 1),
  ];
  for (let left = prng.below(6); left > 0; left--) {
    const requests = Buffer.from(new Draft().u8(kinds.requests).f64(1).raw(drawRequests(prng, 0.4)).bytes);
    play.push(prng.chance(0.7) ? requests : hotExact('ack', 1, aZxid(prng)));
  }
  return play;
}

/** Leads epoch 2 with a history of its own. */
function leaderPlay(prng: Prng, end: number): Buffer[] {
  const epoch = prng.pick([2, 2, 2, 3, 1]);
  const play = [
    exact('vote', prng.pick([1, 2, 3]), 0, 3, epochMax - 1, end),
    exact('vote', prng.pick([1, 2, 3]), 3, 3, epochMax - 1, end),
    exact('newEpoch', epoch),
  ];
  let last = end;
  const mode = prng.below(3);
  if (mode === 2) {
    last = zxidOf(epoch, prng.below(3));
    const file = drawSnapshotFile(prng, last, prng.pick([0, 0, 0.5]));
    play.push(exact('sync', epoch, mode, last, file.length, ensembleId));
    const cut = prng.chance(0.5) ? file.length : prng.below(file.length);
    play.push(hotExact('snapshotChunk', epoch, 0, file.subarray(0, cut)));
    if (cut < file.length) play.push(hotExact('snapshotChunk', epoch, cut, file.subarray(cut)));
  } else {
    last = mode === 1 ? prng.pick([0, end]) : end;
    play.push(exact('sync', epoch, mode, last, 0, ensembleId));
  }
  const probability = prng.pick([0, 0, 0.3]);
  for (let left = prng.below(4); left > 0; left--) {
    const batch = drawBatch(prng, last, probability);
    play.push(hotExact('proposal', epoch, last, batch));
    if (batch.length >= 36) last = batch.readDoubleBE(16) + batch.readUInt32BE(32) - 1;
  }
  play.push(exact('newLeader', epoch), exact('upToDate', epoch, Number.isSafeInteger(last) && last >= 0 ? last : 0));
  play.push(hotExact('commit', epoch, Number.isSafeInteger(last) ? last : 0));
  return play;
}

/**
 * A play with some of its messages damaged, left out, repeated or out of place.
 *
 * @param end zxid at which the history of the other servers ends
 */
export function drawPlay(prng: Prng, end: number): Buffer[] {
  const play = prng.chance(0.5) ? learnerPlay(prng) : leaderPlay(prng, end);
  const out: Buffer[] = [];
  const probability = prng.pick([0, 0.1, 0.4]);
  for (const message of play) {
    if (prng.chance(probability / 4)) continue;
    out.push(prng.chance(probability / 2) ? damaged(prng, new Draft().raw(message), 1) : message);
    if (prng.chance(probability / 3)) out.push(message);
    if (prng.chance(probability)) out.push(drawAnyMessage(prng, 0.5));
  }
  for (let left = prng.below(4); left > 0; left--) out.push(drawAnyMessage(prng, 0.3));
  return out;
}
