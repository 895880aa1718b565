/** What goes over the links between servers, made by hand. */
import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import type { Writer } from '../../engine/base/bytes.ts';
import type { Message } from '../../engine/consensus/zab/messages.ts';
import { encodeHead } from '../../engine/peer/frames.ts';

/** By which a server introduces itself to another. */
export interface Hello {
  readonly magic?: number;
  readonly version?: number;
  readonly id: number;
  readonly to: number;
  readonly ensemble?: number;
  readonly crc?: number;
}

export function hello({ magic = 0x5a424d48, version = 2, id, to, ensemble = 0, crc }: Hello): Buffer {
  const bytes = Buffer.alloc(32);
  for (const [n, value] of [magic, version, id, to].entries()) bytes.writeUInt32BE(value, n * 4);
  bytes.writeDoubleBE(ensemble, 16);
  bytes.writeUInt32BE(crc ?? crc32(bytes.subarray(0, 24)), 24);
  return bytes;
}

/** A frame around a body; what is given may be wrong. */
export function frame(body: Buffer, { crc = -1, length = body.length, covered = body.length } = {}): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(12), body]);
  bytes.writeUInt32BE(length, 4);
  bytes.writeUInt32BE(covered, 8);
  bytes.writeUInt32BE(crc === -1 ? crc32(bytes.subarray(4, 12 + covered)) : crc, 0);
  return bytes;
}

/** Appends the frame body of `message`. */
export function encodeMessage(message: Message, out: Writer): void {
  out.raw(encodeHead(message, out));
}
