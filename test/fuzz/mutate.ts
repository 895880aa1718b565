/**
 * Damage with a sense of structure: fields get values from the edge of what they can hold, and parts
 * that begin and end at fields are cut, repeated, moved and grown.
 *
 * A draft that comes out unchanged is fine: valid inputs set the stage for damaged ones.
 */
import type { Prng } from '../../engine/base/prng.ts';
import type { Draft, Mark } from './draft.ts';

const sizes = [-1, 0, 1, -2, 2, 3, 4, 0x7fff_ffff, -0x8000_0000, 0x7fff_fffe, 0xf_ffff, 0x10_0000, 0xffff, 0x1_0000];
const doubles = [
  [0, -0, 1, -1, 0.5, 2 ** 21, 2 ** 32, 2 ** 32 + 1, 2 ** 52, 2 ** 53 - 1, 2 ** 53, 2 ** 53 + 2, -(2 ** 53)],
  [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.MIN_VALUE, Number.MAX_VALUE],
].flat();
const texts = [
  ['', '/', '//', '/.', '/..', '/a/../b', '/\0', '\0', 'a', '/zookeeper', '/zookeeper/config', '/zookeeper/quota'],
  ['\u00e9\u4e2d', '/\ud83d\ude00', '__proto__', 'constructor', 'world', 'auth', 'digest', 'ip', 'sasl', 'x509'],
]
  .flat()
  .map((text) => Buffer.from(text, 'utf8'));
/** Not UTF-8: a lone continuation, an overlong slash, a surrogate, one above the last code point. */
const badTexts = ['80', 'c0af', 'eda080', 'f4908080', 'fffe'].map((hex) => Buffer.from(hex, 'hex'));

/** Bytes and what is known of their fields. */
export type Marked = Pick<Draft, 'bytes' | 'marks'>;

/** Damaged with the given probability, as it is otherwise; bytes of its own either way. */
export function damaged(prng: Prng, draft: Marked, probability: number): Buffer {
  return prng.chance(probability) ? mutate(prng, draft) : Buffer.from(draft.bytes);
}

export function mutate(prng: Prng, { bytes, marks }: Marked): Buffer {
  const out = Buffer.from(bytes);
  const isShape = prng.chance(0.35);
  // Fields keep their places as long as the shape stays.
  for (let times = isShape ? prng.below(2) : 1 + prng.below(3); times > 0; times--) {
    if (marks.length > 0 && prng.chance(0.8)) changeField(prng, out, prng.pick(marks));
    else changeBits(prng, out, 0, out.length);
  }
  return isShape ? reshape(prng, out, marks) : out;
}

function changeField(prng: Prng, out: Buffer, { kind, at, length }: Mark): void {
  if (length === 0) return;
  switch (kind) {
    case 'size': {
      const now = out.readInt32BE(at);
      const value = prng.chance(0.6) ? prng.pick(sizes) : now + prng.pick([-1, 1, -4, 4, 256]);
      out.writeInt32BE(value | 0, at);
      break;
    }
    case 'int':
      out.writeInt32BE(prng.chance(0.7) ? prng.pick(sizes) : prng.u32() | 0, at);
      break;
    case 'long':
      out.writeInt32BE(prng.pick(sizes), at);
      out.writeInt32BE(prng.pick(sizes), at + 4);
      break;
    case 'double':
      out.writeDoubleBE(prng.chance(0.6) ? prng.pick(doubles) : out.readDoubleBE(at) + prng.pick([-1, 1, 0.5]), at);
      break;
    case 'byte':
      out[at] = prng.chance(0.5) ? prng.below(32) : prng.below(256);
      break;
    default:
      changeText(prng, out, at, length);
  }
}

function changeText(prng: Prng, out: Buffer, at: number, length: number): void {
  const kind = prng.below(3);
  if (kind === 0) prng.pick(texts).copy(out, at + prng.below(length), 0);
  else if (kind === 1) prng.pick(badTexts).copy(out, at + prng.below(length), 0);
  else changeBits(prng, out, at, length);
}

function changeBits(prng: Prng, out: Buffer, at: number, length: number): void {
  if (length === 0) return;
  for (let times = 1 + prng.below(4); times > 0; times--) out[at + prng.below(length)]! ^= 1 << prng.below(8);
}

function reshape(prng: Prng, bytes: Buffer, marks: readonly Mark[]): Buffer {
  const edge = (): number =>
    marks.length > 0 && prng.chance(0.7) ? prng.pick(marks).at : prng.below(bytes.length + 1);
  const [start, end] = [edge(), edge()].sort((a, b) => a - b) as [number, number];
  const part = bytes.subarray(start, end);
  switch (prng.below(7)) {
    case 0:
      return bytes.subarray(0, end);
    case 1:
      return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, end), part, bytes.subarray(end)]);
    case 3: {
      // Repeated until it is large: nesting, long vectors.
      const times = Math.min(prng.pick([8, 64, 500]), Math.floor(64_000 / Math.max(part.length, 1)));
      return Buffer.concat([
        bytes.subarray(0, start),
        ...Array.from({ length: times }, () => part),
        bytes.subarray(end),
      ]);
    }
    case 4:
      return Buffer.concat([bytes.subarray(0, start), prng.pick(texts), bytes.subarray(end)]);
    case 5:
      return Buffer.concat([bytes, noise(prng, prng.pick([1, 3, 4, 8, 100, 3000]))]);
    default:
      return Buffer.concat([bytes.subarray(0, start), noise(prng, prng.below(9)), bytes.subarray(start)]);
  }
}

export function noise(prng: Prng, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = prng.below(256);
  return bytes;
}

/** A stream in chunks as a network may cut it: whole, in a few pieces, or byte by byte. */
export function chunks(prng: Prng, bytes: Buffer): Buffer[] {
  const pieces = prng.pick([1, 1, 1, 2, 5]);
  if (bytes.length > 0 && bytes.length < 80 && prng.chance(0.1)) return [...bytes].map((byte) => Buffer.from([byte]));
  const cuts = Array.from({ length: pieces - 1 }, () => prng.below(bytes.length + 1)).sort((a, b) => a - b);
  return [...cuts, bytes.length].map((cut, index) => bytes.subarray(cuts[index - 1] ?? 0, cut));
}
