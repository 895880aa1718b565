/**
 * Zab's messages as bytes: one byte of kind, then a body.
 *
 * Control messages are MessagePack arrays; the hot ones have a fixed layout read by offset:
 *
 *   proposal        f64 epoch · f64 committed · batch (with its own length and CRC)
 *   ack, commit     f64 epoch · f64 zxid
 *   ping            f64 epoch · f64 committed
 *   pong            f64 epoch · f64 session …
 *   snapshotChunk   f64 epoch · f64 offset · bytes
 *   snapshotAck     f64 epoch · f64 offset
 *   requests        f64 epoch · requests (see txn/request.ts)
 *
 * Decoding is strict: a field of the wrong type or range, or anything missing or left over, makes the
 * frame null and the link is closed. A peer is another server, but its bytes are still only bytes.
 */
import type { Buffer } from 'node:buffer';
import { decode, Encoder } from '@msgpack/msgpack';
import { unreachable } from '../base/assert.ts';
import type { Writer } from '../base/bytes.ts';
import { counterSpan, epochMax } from '../base/zxid.ts';
import type { Message, Sync, Vote } from '../consensus/zab/messages.ts';
import { decodeBatch, type Checksum } from '../txn/batch.ts';

const frameKind = {
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
} as const satisfies Record<Message['kind'], number>;

const voteStates: readonly Vote['state'][] = ['looking', 'following', 'observing', 'leading'];
const syncModes: readonly Sync['mode'][] = ['diff', 'trunc', 'snap'];
const zxidMax = (epochMax + 1) * counterSpan;
const encoder = new Encoder();
const nothing = new Uint8Array(0);

/**
 * Appends the frame body of `message` but for the bytes that it carries from elsewhere and that never change; returns
 * these, which follow, so that they need not be copied.
 */
export function encodeHead(message: Message, out: Writer): Uint8Array {
  out.u8(frameKind[message.kind]);
  switch (message.kind) {
    case 'vote':
      control(out, [message.round, voteStates.indexOf(message.state), message.leader, message.epoch, message.zxid]);
      break;
    case 'join':
      control(out, [message.acceptedEpoch, message.observer]);
      break;
    case 'newEpoch':
    case 'newLeader':
    case 'ackNewLeader':
      control(out, [message.epoch]);
      break;
    case 'ackEpoch':
      control(out, [message.epoch, message.currentEpoch, message.lastZxid]);
      break;
    case 'sync':
      control(out, [
        message.epoch,
        syncModes.indexOf(message.mode),
        message.from,
        message.bytesTotal,
        message.ensembleId,
      ]);
      break;
    case 'upToDate':
      control(out, [message.epoch, message.committed]);
      break;
    case 'proposal':
      out.f64(message.epoch);
      out.f64(message.committed);
      return message.batch.bytes;
    case 'ack':
    case 'commit':
      out.f64(message.epoch);
      out.f64(message.zxid);
      break;
    case 'ping':
      out.f64(message.epoch);
      out.f64(message.committed);
      break;
    case 'pong':
      out.f64(message.epoch);
      for (const session of message.touched) out.f64(session);
      break;
    case 'snapshotChunk':
      out.f64(message.epoch);
      out.f64(message.offset);
      out.raw(message.bytes);
      break;
    case 'snapshotAck':
      out.f64(message.epoch);
      out.f64(message.offset);
      break;
    case 'requests':
      out.f64(message.epoch);
      return message.bytes;
    default:
      unreachable(message);
  }
  return nothing;
}

/** The message in `body`, null when it is none. Buffers in it are views on `body`. */
export function decodeMessage(body: Buffer, checksum: Checksum): Message | null {
  const kind = body[0] ?? 0;
  return kind < frameKind.proposal ? decodeControl(kind, body) : decodeHot(kind, body, checksum);
}

function control(out: Writer, fields: readonly (number | boolean)[]): void {
  out.raw(encoder.encodeSharedRef(fields));
}

function decodeHot(kind: number, body: Buffer, checksum: Checksum): Message | null {
  if (body.length < 9) return null;
  const epoch = body.readDoubleBE(1);
  if (!isEpoch(epoch)) return null;
  if (kind === frameKind.pong) return decodePong(epoch, body);
  if (kind === frameKind.requests) return { kind: 'requests', epoch, bytes: body.subarray(9) };
  if (body.length < 17) return null;
  const value = body.readDoubleBE(9);
  if (!isZxid(value)) return null;
  if (kind === frameKind.proposal) {
    const batch = decodeBatch(body.subarray(17), checksum);
    return batch === null ? null : { kind: 'proposal', epoch, committed: value, batch };
  }
  if (kind === frameKind.snapshotChunk)
    return { kind: 'snapshotChunk', epoch, offset: value, bytes: body.subarray(17) };
  if (body.length !== 17) return null;
  switch (kind) {
    case frameKind.ack:
      return { kind: 'ack', epoch, zxid: value };
    case frameKind.commit:
      return { kind: 'commit', epoch, zxid: value };
    case frameKind.ping:
      return { kind: 'ping', epoch, committed: value };
    case frameKind.snapshotAck:
      return { kind: 'snapshotAck', epoch, offset: value };
    default:
      return null;
  }
}

function decodePong(epoch: number, body: Buffer): Message | null {
  if ((body.length - 9) % 8 !== 0) return null;
  const touched: number[] = [];
  for (let at = 9; at < body.length; at += 8) touched.push(body.readDoubleBE(at));
  return touched.every(isZxid) ? { kind: 'pong', epoch, touched } : null;
}

/** Field checks of the control messages, in order. */
type Check = (value: unknown) => boolean;

const isNumberBelow =
  (limit: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) < limit;
const isEpoch: Check = isNumberBelow(epochMax + 1);
const isZxid: Check = isNumberBelow(zxidMax);
const isBoolean: Check = (value) => typeof value === 'boolean';
const isEpochOrNone: Check = (value) => value === -1 || isEpoch(value);
const isCount: Check = isNumberBelow(2 ** 53);

const controlFields: Readonly<Record<number, readonly Check[]>> = {
  [frameKind.vote]: [isCount, isNumberBelow(voteStates.length), isNumberBelow(256), isEpoch, isZxid],
  [frameKind.join]: [isEpoch, isBoolean],
  [frameKind.newEpoch]: [isEpoch],
  [frameKind.ackEpoch]: [isEpoch, isEpochOrNone, isZxid],
  [frameKind.sync]: [isEpoch, isNumberBelow(syncModes.length), isZxid, isCount, isCount],
  [frameKind.newLeader]: [isEpoch],
  [frameKind.ackNewLeader]: [isEpoch],
  [frameKind.upToDate]: [isEpoch, isZxid],
};

/** A control message has a few dozen bytes; a larger one is not decoded at all. */
const controlBytesMax = 256;

function decodeControl(kind: number, body: Buffer): Message | null {
  const checks = controlFields[kind];
  if (checks === undefined || body.length > controlBytesMax) return null;
  const fields = decodeFields(body);
  if (fields === null || fields.length !== checks.length || !checks.every((check, i) => check(fields[i]))) return null;
  const numbers = fields as number[];
  const [a, b, c, d, e] = numbers as [number, number, number, number, number];
  switch (kind) {
    case frameKind.vote:
      return { kind: 'vote', round: a, state: voteStates[b]!, leader: c, epoch: d, zxid: e };
    case frameKind.join:
      return { kind: 'join', acceptedEpoch: a, observer: fields[1] as boolean };
    case frameKind.newEpoch:
      return { kind: 'newEpoch', epoch: a };
    case frameKind.ackEpoch:
      return { kind: 'ackEpoch', epoch: a, currentEpoch: b, lastZxid: c };
    case frameKind.sync:
      return { kind: 'sync', epoch: a, mode: syncModes[b]!, from: c, bytesTotal: d, ensembleId: e };
    case frameKind.newLeader:
      return { kind: 'newLeader', epoch: a };
    case frameKind.ackNewLeader:
      return { kind: 'ackNewLeader', epoch: a };
    default:
      return { kind: 'upToDate', epoch: a, committed: b };
  }
}

/** Numbers and booleans alone, a handful: the library takes memory for what a length announces. */
const bounds = { maxArrayLength: 8, maxMapLength: 0, maxStrLength: 0, maxBinLength: 0, maxExtLength: 0 } as const;

/** The MessagePack array after the kind byte; null when the bytes are none. */
function decodeFields(body: Buffer): unknown[] | null {
  try {
    const value = decode(body.subarray(1), bounds);
    return Array.isArray(value) ? value : null;
  } catch (error) {
    // The library reports malformed input by throwing: a RangeError or its own DecodeError.
    if (error instanceof Error) return null;
    throw error;
  }
}
