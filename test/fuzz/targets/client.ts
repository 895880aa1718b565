/**
 * Damaged client streams to a server in a box, with a healthy client beside them.
 *
 * Nothing throws, the healthy client is served as before, nothing is left behind when the damaged
 * ones are gone, and the state that came of it survives a snapshot.
 */
import type { Prng } from '../../../engine/base/prng.ts';
import { opcode } from '../../../engine/wire/opcodes.ts';
import { connectRequest, openAcl, Record } from '../../support/raw-client.ts';
import { Box, type BoxLink } from '../box.ts';
import { drawClientRequest, drawConnect, framed } from '../inputs/client.ts';
import { chunks, damaged } from '../mutate.ts';
import { checkTree } from './state.ts';
import { must, type Target } from './target.ts';

/** First byte of a part: what happens to which of the damaged connections. */
const happening = { bytes: 0, close: 1, time: 2 } as const;
const connections = 3;

/** A client that does everything right. */
class Healthy {
  readonly #box: Box;
  readonly #link: BoxLink;
  #xid = 0;

  constructor(box: Box) {
    this.#box = box;
    this.#link = box.open();
    this.#say(connectRequest());
    must(this.#take().length === 41, 'a healthy client gets its session');
  }

  /** Sends a request and returns the code of the reply. */
  ask(op: number, record: Record): number {
    this.#say(new Record().int(++this.#xid).int(op).raw(record.bytes()).bytes());
    const reply = this.#take();
    must(reply.length >= 20, 'a healthy client gets its answer');
    must(reply.readInt32BE(0) === reply.length - 4, 'one answer comes to one request');
    must(reply.readInt32BE(4) === this.#xid, 'the answer is to the request');
    return reply.readInt32BE(16);
  }

  #say(payload: Buffer): void {
    must(!this.#link.closed, 'a healthy client keeps its connection');
    this.#box.feed(this.#link, new Record().buffer(payload).bytes());
  }

  #take(): Buffer {
    return Buffer.concat(this.#link.received.splice(0));
  }
}

export function drawStream(prng: Prng): Buffer[] {
  const probability = prng.pick([0.1, 0.4]);
  const frames = [framed(prng, damaged(prng, drawConnect(prng), 0.2), 0.03)];
  for (let left = prng.pick([1, 4, 12, 30]), xid = 1; left > 0; left--, xid++)
    frames.push(framed(prng, damaged(prng, drawClientRequest(prng, xid), probability), probability / 10));
  return chunks(prng, Buffer.concat(frames));
}

function draw(prng: Prng): Buffer[] {
  const parts: Buffer[] = [];
  for (let link = 0; link < connections; link++) {
    for (const chunk of drawStream(prng)) parts.push(Buffer.concat([Buffer.from([happening.bytes, link]), chunk]));
    if (prng.chance(0.3)) parts.push(Buffer.from([happening.close, link]));
    if (prng.chance(0.1)) parts.push(Buffer.from([happening.time, prng.below(256)]));
  }
  return parts;
}

/** How many frames a server has written. */
function framesIn(received: readonly Buffer[]): number {
  const bytes = Buffer.concat(received);
  let count = 0;
  for (let at = 0; at + 4 <= bytes.length; at += 4 + bytes.readInt32BE(at)) count++;
  return count;
}

const path = '/healthy';

export const client: Target = {
  name: 'client',
  about: 'client streams, to a whole server in memory beside a healthy client',
  draw,
  run(parts) {
    const box = new Box({ id: 1, servers: 1, ensembleId: 1 });
    const healthy = new Healthy(box);
    must(healthy.ask(opcode.create, new Record().buffer(path).buffer('').acl(openAcl).int(0)) === 0, 'a create fails');
    const links: (BoxLink | undefined)[] = [];
    for (const part of parts) {
      const [what, which] = [part[0]!, part[1]! % connections];
      if (what === happening.time) {
        box.pass((part[1] ?? 0) * 10);
      } else if (what === happening.close) {
        if (links[which] !== undefined) box.close(links[which]);
        delete links[which];
      } else {
        links[which] ??= box.open();
        if (!links[which].closed) box.feed(links[which], part.subarray(2));
      }
      must(healthy.ask(opcode.setData, new Record().buffer(path).buffer('x').int(-1)) === 0, 'a setData fails');
    }
    const replies = links.reduce((sum, link) => sum + framesIn(link?.received ?? []), 0);
    for (const link of links) if (link !== undefined) box.close(link);
    const { server } = box;
    must(server.outstanding === 0, `${server.outstanding} requests are outstanding for ever`);
    must(server.clients.count === 1, `${server.clients.count} connections are left`);
    must(server.clients.watches.count === 0, `${server.clients.watches.count} watches are left`);
    must(box.errors.length === 0, `the journal tells of errors: ${box.errors.join(', ')}`);
    checkTree(server.tree);
    return replies > connections ? 'answered' : 'refused';
  },
};
