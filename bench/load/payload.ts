/** Data for znodes: letters and digits drawn at random, always the same, hardly compressible. */
import { Buffer } from 'node:buffer';
import { Prng } from '../../engine/base/prng.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-';

export function payload(bytes: number): Buffer {
  const random = new Prng(42);
  return Buffer.from(Uint8Array.from({ length: bytes }, () => alphabet.charCodeAt(random.u32() & 63)));
}
