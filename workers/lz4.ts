/**
 * LZ4 blocks, by the faster of two libraries that write the same format.
 *
 * node-lz4 (`lz4`) is a native build and an optional dependency; where it did not build, `lz4-napi`
 * (prebuilt) does the same. Only this file knows which. A block does not tell its raw length: the
 * caller stores it.
 */
import { createRequire } from 'node:module';

export interface Lz4 {
  readonly name: string;
  compress(raw: Buffer): Buffer;
  /** @throws Error when the block is malformed or does not expand to `rawLength` bytes */
  expand(block: Buffer, rawLength: number): Buffer;
}

interface NodeLz4 {
  encodeBound(length: number): number;
  encodeBlock(input: Buffer, output: Buffer): number;
  decodeBlock(input: Buffer, output: Buffer): number;
}

interface NapiLz4 {
  compressSync(input: Buffer): Buffer;
  uncompressSync(input: Buffer): Buffer;
}

const require = createRequire(import.meta.url);

/** node-lz4, null where its native part is absent. */
export function nodeLz4(): Lz4 | null {
  let native: NodeLz4;
  try {
    native = require('lz4') as NodeLz4;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'MODULE_NOT_FOUND' || code === 'ERR_DLOPEN_FAILED' || message.includes('bindings')) return null;
    throw error;
  }
  return {
    name: 'lz4',
    compress(raw) {
      const block = Buffer.allocUnsafeSlow(native.encodeBound(raw.length));
      return block.subarray(0, native.encodeBlock(raw, block));
    },
    expand(block, rawLength) {
      const raw = Buffer.allocUnsafeSlow(rawLength);
      if (native.decodeBlock(block, raw) !== rawLength) throw new Error('malformed LZ4 block');
      return raw;
    },
  };
}

/** lz4-napi, whose blocks carry the raw length in four bytes ahead. */
export function napiLz4(): Lz4 {
  const native = require('lz4-napi') as NapiLz4;
  return {
    name: 'lz4-napi',
    compress: (raw) => native.compressSync(raw).subarray(4),
    expand(block, rawLength) {
      const sized = Buffer.allocUnsafeSlow(4 + block.length);
      sized.writeUInt32LE(rawLength, 0);
      block.copy(sized, 4);
      const raw = native.uncompressSync(sized);
      if (raw.length !== rawLength) throw new Error('malformed LZ4 block');
      return raw;
    },
  };
}

export const lz4: Lz4 = nodeLz4() ?? napiLz4();
