/**
 * Two servers in boxes, and a third that says whatever it likes.
 *
 *   box 1 ◄──────► box 2         established before, or looking for a leader meanwhile
 *      ▲              ▲
 *      └── fuzzed 3 ──┘
 *
 * Nothing throws. While 1 and 2 have a leader among them their clients are served; once 3 is gone
 * they find one again.
 */
import { AssertionFailed } from '../../../engine/base/assert.ts';
import type { Prng } from '../../../engine/base/prng.ts';
import { zxidOf } from '../../../engine/base/zxid.ts';
import { opcode } from '../../../engine/wire/opcodes.ts';
import { connectRequest, Record } from '../../support/raw-client.ts';
import { Box, type BoxLink } from '../box.ts';
import { drawAnyMessage, drawPlay, ensembleId } from '../inputs/peer.ts';
import { checkTree } from './state.ts';
import { must, type Target } from './target.ts';

/** First byte of a part; the second is the server that it concerns. */
const happening = { frame: 0, up: 1, down: 2, time: 3, cut: 4, join: 5 } as const;
const fuzzed = 3;
/** Exchanges until two servers have nothing to say to each other. */
const roundsMax = 3000;

class Pair {
  readonly boxes = [1, 2].map((id) => new Box({ id, servers: 3, ensembleId }));
  /** Servers with a link to the fuzzed one. */
  readonly #up = new Set<number>();
  #joined = false;
  #broken = false;

  box(id: number): Box {
    return this.boxes[id - 1] ?? this.boxes[0]!;
  }

  /** Connects the two, or cuts them off from each other. */
  join(up: boolean): void {
    if (this.#joined === up) return;
    this.#dial();
    this.#joined = up;
    for (const box of this.boxes) this.#tell(box, 3 - box.id, up);
    this.settle();
  }

  /** The link to the fuzzed server comes up or goes down. */
  link(id: number, up: boolean): void {
    if (this.#up.has(id) === up) return;
    this.#tell(this.box(id), fuzzed, up);
    this.settle();
  }

  /** What was on its way over a link is lost with it. */
  #tell(box: Box, peer: number, up: boolean): void {
    if (peer === fuzzed) this.#up[up ? 'add' : 'delete'](box.id);
    if (up) {
      box.server.peerUp(peer);
      return;
    }
    box.server.peerDown(peer);
    box.sent.splice(0, box.sent.length, ...box.sent.filter(({ to }) => to !== peer));
  }

  /** The fuzzed server says something; a link that was closed is dialled anew before. */
  frame(id: number, body: Buffer): void {
    this.link(id, true);
    this.box(id).server.peerFrame(fuzzed, Buffer.from(body));
    this.settle();
  }

  pass(ms: number): void {
    this.#dial();
    for (const box of this.boxes) box.pass(ms);
    this.settle();
  }

  settle(): void {
    for (let rounds = 0; rounds < roundsMax; rounds++) {
      for (const box of this.boxes) box.settle();
      if (!this.#exchange()) return;
    }
    throw new Error(`two servers have not come to rest after ${roundsMax} exchanges`);
  }

  /** Carries what they say to each other; what they say to the fuzzed one is lost. */
  #exchange(): boolean {
    let any = false;
    for (const box of this.boxes) {
      for (const peer of box.resets.splice(0)) {
        any = true;
        must(peer === fuzzed || this.#joined, 'only a link that is up is reset');
        if (peer !== fuzzed) this.#break();
        else if (this.#up.has(box.id)) this.#tell(box, fuzzed, false);
      }
      for (const { to, frame } of box.sent.splice(0)) {
        if (to === fuzzed || !this.#joined || this.#broken) continue;
        any = true;
        this.box(to).server.peerFrame(box.id, frame);
      }
    }
    return any;
  }

  /** The link between the two was reset: it is dialled anew later. */
  #break(): void {
    if (this.#broken) return;
    this.#broken = true;
    for (const box of this.boxes) this.#tell(box, 3 - box.id, false);
  }

  #dial(): void {
    if (!this.#broken) return;
    this.#broken = false;
    for (const box of this.boxes) this.#tell(box, 3 - box.id, true);
  }

  get leads(): boolean {
    return this.boxes.every(({ server }) => server.serving && server.core.leader !== fuzzed);
  }

  /** A client of each asks for a round through the quorum. */
  serves(): void {
    for (const box of this.boxes) {
      const link = box.open();
      this.#say(box, link, connectRequest());
      this.#say(box, link, new Record().int(1).int(opcode.sync).buffer('/').bytes());
      const received = Buffer.concat(link.received);
      must(received.length === 41 + 20 + 5, `server ${box.id} does not serve its clients`);
      must(received.readInt32BE(41 + 16) === 0, 'a sync fails');
      box.close(link);
      this.settle();
    }
  }

  #say(box: Box, link: BoxLink, payload: Buffer): void {
    box.feed(link, new Record().buffer(payload).bytes());
    this.settle();
  }
}

function draw(prng: Prng): Buffer[] {
  const parts: Buffer[] = [];
  const isEstablished = prng.chance(0.5);
  if (isEstablished) parts.push(Buffer.from([happening.join, 0]));
  const end = isEstablished ? zxidOf(1, 4) : 0;
  const target = 1 + prng.below(2);
  parts.push(Buffer.from([happening.up, target]));
  if (prng.chance(0.3)) parts.push(Buffer.from([happening.up, 3 - target]));
  for (const message of drawPlay(prng, end)) {
    parts.push(Buffer.concat([Buffer.from([happening.frame, prng.chance(0.9) ? target : 3 - target]), message]));
    if (prng.chance(0.05)) parts.push(Buffer.from([happening.time, prng.below(256)]));
    if (prng.chance(0.03)) parts.push(Buffer.from([happening.cut, 0]));
    if (prng.chance(0.05)) parts.push(Buffer.from([prng.chance(0.5) ? happening.down : happening.up, target]));
    if (prng.chance(0.05)) parts.push(Buffer.concat([Buffer.from([happening.frame, target]), drawAnyMessage(prng, 1)]));
  }
  return parts;
}

/** How a server ends whose leader contradicts the tree: on purpose, before it tells anybody what is wrong. */
function isContradiction(error: unknown): boolean {
  return error instanceof AssertionFailed && /tree\/tree|session\/table/.test(error.stack ?? '');
}

function play(pair: Pair, part: Buffer): void {
  const [what, which] = part;
  const to = which === 2 ? 2 : 1;
  switch (what) {
    case happening.join:
    case happening.cut:
      pair.join(what === happening.join);
      if (pair.leads) pair.serves();
      break;
    case happening.up:
    case happening.down:
      pair.link(to, what === happening.up);
      break;
    case happening.time:
      pair.pass((part[1] ?? 0) * 20);
      break;
    default:
      pair.frame(to, part.subarray(2));
  }
}

export const peer: Target = {
  name: 'peer',
  about: 'frames of a server, to two whole servers in memory',
  draw,
  run(parts) {
    const pair = new Pair();
    let wasLed = false;
    const look = (): void => {
      wasLed ||= pair.boxes.some(({ server }) => server.core.leader === fuzzed);
    };
    try {
      for (const part of parts) {
        play(pair, part);
        look();
      }
      for (const id of [1, 2]) pair.link(id, false);
      pair.join(true);
      for (let left = 100; left > 0 && !pair.leads; left--) pair.pass(500);
      must(wasLed || pair.leads, 'two servers of three find no leader');
      if (pair.leads) pair.serves();
    } catch (error) {
      look();
      if (wasLed && isContradiction(error)) return 'followed, contradicts the tree';
      throw error;
    }
    if (!pair.leads) return 'followed, not served';
    for (const { server } of pair.boxes) checkTree(server.tree);
    return wasLed ? 'followed, served' : 'ignored, served';
  },
};
