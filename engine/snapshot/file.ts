/**
 * A snapshot file: the chunks of a capture, compressed one by one, each with a checksum.
 *
 *   header   u32 magic · u32 version · f64 zxid · u32 crc of these                               (20 B)
 *   chunk    u32 raw length · u32 stored length · u32 crc of the stored bytes · stored bytes
 *   footer   u32 0 · u32 0 · u32 chunks · f64 raw bytes · u32 crc of all chunk headers in order   (24 B)
 *
 * A chunk that LZ4 cannot make smaller is stored as it is: both lengths are then equal.
 */
import { Buffer } from 'node:buffer';
import type { Checksum } from '../txn/batch.ts';

export const fileHeaderBytes = 20;
export const chunkHeaderBytes = 12;
export const footerBytes = 24;
const magic = 0x5a42534e;
const formatVersion = 1;

export function encodeFileHeader(zxid: number, checksum: Checksum): Buffer {
  const bytes = Buffer.alloc(fileHeaderBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(0, magic);
  view.setUint32(4, formatVersion);
  view.setFloat64(8, zxid);
  view.setUint32(16, checksum(bytes, 0, 16));
  return bytes;
}

/** zxid of the snapshot, or -1 when the bytes are no header. */
export function decodeFileHeader(bytes: Buffer, checksum: Checksum): number {
  if (bytes.length < fileHeaderBytes) return -1;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (view.getUint32(0) !== magic || view.getUint32(4) !== formatVersion) return -1;
  return view.getUint32(16) === checksum(bytes, 0, 16) ? view.getFloat64(8) : -1;
}

export interface ChunkHeader {
  readonly rawLength: number;
  readonly storedLength: number;
  readonly crc: number;
}

export function encodeChunkHeader(header: ChunkHeader): Buffer {
  const bytes = Buffer.alloc(chunkHeaderBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(0, header.rawLength);
  view.setUint32(4, header.storedLength);
  view.setUint32(8, header.crc);
  return bytes;
}

/** The chunk header at the start of `bytes`; lengths of 0 announce the footer. */
export function decodeChunkHeader(bytes: Buffer): ChunkHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return { rawLength: view.getUint32(0), storedLength: view.getUint32(4), crc: view.getUint32(8) };
}

/** What the footer vouches for: the number of chunks, their raw bytes and their headers. */
export class Seal {
  chunks = 0;
  rawBytes = 0;
  #crc = 0;
  readonly #checksum: Checksum;

  constructor(checksum: Checksum) {
    this.#checksum = checksum;
  }

  add(header: ChunkHeader): void {
    this.chunks++;
    this.rawBytes += header.rawLength;
    const link = Buffer.alloc(chunkHeaderBytes + 4);
    encodeChunkHeader(header).copy(link, 0);
    new DataView(link.buffer, link.byteOffset).setUint32(chunkHeaderBytes, this.#crc);
    this.#crc = this.#checksum(link, 0, link.length);
  }

  encode(): Buffer {
    const bytes = Buffer.alloc(footerBytes);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    view.setUint32(8, this.chunks);
    view.setFloat64(12, this.rawBytes);
    view.setUint32(20, this.#crc);
    return bytes;
  }

  matches(footer: Buffer): boolean {
    return this.encode().equals(footer);
  }
}
