/** The decoders of the client protocol alone: what they accept says the same when it is written again. */
import { Reader, Writer } from '../../../engine/base/bytes.ts';
import type { Prng } from '../../../engine/base/prng.ts';
import { RequestCursor } from '../../../engine/txn/request.ts';
import { decodeIds, encodeIds, readAcls, writeAcls } from '../../../engine/wire/acl.ts';
import { decodeConnectRequest } from '../../../engine/wire/connect.ts';
import { FramesIn } from '../../../engine/wire/frames-in.ts';
import { Draft } from '../draft.ts';
import { chunks, damaged } from '../mutate.ts';
import { drawClientRequest, drawConnect, drawRequest, framed } from '../inputs/client.ts';
import { drawRequests } from '../inputs/peer.ts';
import { must, type Input, type Target } from './target.ts';

const frameBytesMax = 4096;
const decoders = ['connect', 'acls', 'ids', 'requests', 'frames'] as const;

function drawBody(prng: Prng, decoder: (typeof decoders)[number]): Buffer[] {
  switch (decoder) {
    case 'connect':
      return [damaged(prng, drawConnect(prng), 0.9)];
    case 'acls':
    case 'ids': {
      const draft = new Draft().size(2);
      for (const id of ['anyone', 'a:b']) {
        if (decoder === 'acls') draft.i32(31);
        draft.text('world').text(id);
      }
      return [damaged(prng, prng.chance(0.8) ? draft : drawRequest(prng).body, 0.9)];
    }
    case 'requests':
      return [drawRequests(prng, 0.7)];
    default: {
      const frames = [1, 2, 3].map((xid) => framed(prng, damaged(prng, drawClientRequest(prng, xid), 0.2), 0.1));
      return chunks(prng, Buffer.concat(frames));
    }
  }
}

function runConnect(bytes: Buffer): string {
  const request = decodeConnectRequest(bytes, 0, bytes.length);
  if (request === null) return 'refused';
  const again = new Writer();
  again.raw(bytes, 0, 4);
  again.i64(request.lastZxidSeen);
  again.i32(request.timeoutMs);
  again.i64(request.session);
  again.buffer(request.password);
  const isExact = Number.isSafeInteger(request.lastZxidSeen) && Number.isSafeInteger(request.session);
  // A null password (-1) reads as an empty one.
  const isNull = bytes.readInt32BE(24) === -1;
  const isSame = again.view().equals(bytes.subarray(0, again.at));
  must(!isExact || isNull || isSame, 'an accepted connect request says something else when written again');
  return 'accepted';
}

function runAcls(bytes: Buffer): string {
  const reader = new Reader().reset(bytes);
  const acls = readAcls(reader);
  if (reader.bad) return 'refused';
  must(reader.at <= bytes.length, 'an ACL reaches beyond its record');
  const again = new Writer();
  writeAcls(acls, again);
  const copy = readAcls(new Reader().reset(again.copy()));
  must(JSON.stringify(copy) === JSON.stringify(acls), 'an accepted ACL says something else when written again');
  return 'accepted';
}

function runIds(bytes: Buffer): string {
  const ids = decodeIds(bytes);
  const same = JSON.stringify(decodeIds(encodeIds(ids))) === JSON.stringify(ids);
  must(same, 'identities say something else when written again');
  return ids.length > 0 ? 'accepted' : 'refused';
}

function runRequests(bytes: Buffer): string {
  const cursor = new RequestCursor().reset(bytes);
  let end = 0;
  while (cursor.next()) {
    must(cursor.start === end && cursor.bodyEnd > end, 'requests follow each other');
    must(cursor.bodyEnd <= bytes.length && cursor.bodyStart <= cursor.bodyEnd, 'a request lies within its frame');
    end = cursor.bodyEnd;
  }
  return cursor.bad ? 'refused' : 'accepted';
}

/** However the stream is cut, the frames are the same. */
function runFrames(parts: Input): string {
  const whole = cut([Buffer.concat(parts)]);
  must(JSON.stringify(cut(parts)) === JSON.stringify(whole), 'frames depend on how the stream is cut');
  return whole.at(-1) === 'bad' ? 'refused' : 'accepted';
}

function cut(parts: Input): string[] {
  const frames = new FramesIn();
  const found: string[] = [];
  for (const part of parts) {
    frames.push(Buffer.from(part));
    for (;;) {
      const next = frames.next(frameBytesMax);
      if (next === 'more') break;
      found.push(next === 'bad' ? next : frames.bytes.toString('hex', frames.start, frames.end));
      if (next === 'bad') return found;
    }
  }
  return found;
}

export const wire: Target = {
  name: 'wire',
  about: 'connect requests, ACLs, identities, forwarded requests and frames, decoder by decoder',
  draw(prng) {
    const decoder = prng.below(decoders.length);
    return [Buffer.from([decoder]), ...drawBody(prng, decoders[decoder]!)];
  },
  run([head, ...parts]) {
    const decoder = decoders[head?.[0] ?? 0];
    const bytes = parts[0] ?? Buffer.alloc(0);
    switch (decoder) {
      case 'connect':
        return `${decoder} ${runConnect(bytes)}`;
      case 'acls':
        return `${decoder} ${runAcls(bytes)}`;
      case 'ids':
        return `${decoder} ${runIds(bytes)}`;
      case 'requests':
        return `${decoder} ${runRequests(bytes)}`;
      default:
        return `frames ${runFrames(parts)}`;
    }
  },
};
