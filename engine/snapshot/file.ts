/**
 * A snapshot file: the chunks of a capture, compressed one by one, each with a checksum.
 *
 *   header   u32 magic · u32 version · f64 zxid · u32 crc of these                               (20 B)
 *   chunk    u32 crc of the rest · u32 raw length · u32 stored length · stored bytes
 *   footer   u32 crc of the rest · u32 0 · u32 0 · u32 chunks · f64 raw bytes · u32 crc of all chunk headers (28 B)
 *
 * A chunk that LZ4 cannot make smaller is stored as it is: both lengths are then equal.
 */
import { Buffer } from 'node:buffer';
import { isZxid } from '../base/zxid.ts';
import type { Checksum } from '../txn/batch.ts';

export const fileHeaderBytes = 20;
export const chunkHeaderBytes = 12;
export const footerBytes = 28;
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
  const zxid = view.getFloat64(8);
  return view.getUint32(16) === checksum(bytes, 0, 16) && isZxid(zxid) ? zxid : -1;
}

export interface ChunkHeader {
  readonly crc: number;
  readonly rawLength: number;
  readonly storedLength: number;
}

/** A chunk as it lies in the file, with its header. */
export function encodeChunk(rawLength: number, stored: Uint8Array, checksum: Checksum): Buffer {
  const bytes = Buffer.allocUnsafeSlow(chunkHeaderBytes + stored.length);
  bytes.set(stored, chunkHeaderBytes);
  bytes.writeUInt32BE(rawLength, 4);
  bytes.writeUInt32BE(stored.length, 8);
  bytes.writeUInt32BE(checksum(bytes, 4, bytes.length), 0);
  return bytes;
}

/** The chunk header at the start of `bytes`; lengths of 0 announce the footer. */
export function decodeChunkHeader(bytes: Buffer): ChunkHeader {
  return { crc: bytes.readUInt32BE(0), rawLength: bytes.readUInt32BE(4), storedLength: bytes.readUInt32BE(8) };
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

  add({ crc, rawLength }: ChunkHeader): void {
    this.chunks++;
    this.rawBytes += rawLength;
    const link = Buffer.alloc(8);
    link.writeUInt32BE(this.#crc, 0);
    link.writeUInt32BE(crc, 4);
    this.#crc = this.#checksum(link, 0, link.length);
  }

  encode(): Buffer {
    const bytes = Buffer.alloc(footerBytes);
    bytes.writeUInt32BE(this.chunks, 12);
    bytes.writeDoubleBE(this.rawBytes, 16);
    bytes.writeUInt32BE(this.#crc, 24);
    bytes.writeUInt32BE(this.#checksum(bytes, 4, footerBytes), 0);
    return bytes;
  }

  matches(footer: Buffer): boolean {
    return this.encode().equals(footer);
  }
}

/** A chunk holds at least one record, and a record at most one znode of the largest frame. */
const chunkBytesMax = 128 * 1024 * 1024;
/** A byte of an LZ4 block stands for so many at most: a chunk that claims more gets no memory for it. */
const expansionMax = 255;

/** Bytes of the file from `offset` on; fewer where it ends. */
export type ReadRange = (offset: number, length: number) => Buffer;

export interface FoundChunk {
  readonly header: ChunkHeader;
  /** Its bytes as they lie in the file; null at the footer. */
  readonly stored: Buffer | null;
  /** Where the next one begins. */
  readonly next: number;
  readonly error: string | null;
}

/** The chunk at `offset`, its checksum compared. */
export function readChunk(read: ReadRange, offset: number, checksum: Checksum): FoundChunk {
  const head = Buffer.alloc(chunkHeaderBytes);
  const isWhole = read(offset, chunkHeaderBytes).copy(head) === chunkHeaderBytes;
  const header = decodeChunkHeader(head);
  const { crc, rawLength, storedLength } = header;
  const found = (error: string | null): FoundChunk => ({ header, stored: null, next: offset, error });
  if (!isWhole) return found('it ends early');
  if (rawLength === 0 && storedLength === 0) return found(null);
  const damaged = `the chunk at ${offset} is damaged`;
  const expandsTo = Math.min(storedLength * expansionMax, chunkBytesMax);
  if (storedLength > rawLength || rawLength > expandsTo) return found(damaged);
  const length = chunkHeaderBytes + storedLength;
  const chunk = read(offset, length);
  if (chunk.length < length) return found('it ends early');
  if (checksum(chunk, 4, length) !== crc) return found(damaged);
  return { header, stored: chunk.subarray(chunkHeaderBytes), next: offset + length, error: null };
}

/** Takes what lies in a chunk; returns what is wrong with it, or null. */
export type ChunkVisitor = (stored: Buffer, rawLength: number) => string | null;

/**
 * Checks everything that can be checked of a file; returns what is wrong, or null.
 *
 * @param zxid as its name tells
 */
export function verifyFile(
  read: ReadRange,
  size: number,
  zxid: number,
  checksum: Checksum,
  visit: ChunkVisitor,
): string | null {
  const headZxid = decodeFileHeader(read(0, fileHeaderBytes), checksum);
  if (headZxid < 0) return 'its header is damaged';
  if (headZxid !== zxid) return 'its header tells another zxid than its name';
  const seal = new Seal(checksum);
  for (let offset = fileHeaderBytes; ;) {
    const { header, stored, next, error } = readChunk(read, offset, checksum);
    if (error !== null) return error;
    if (stored === null) {
      if (!seal.matches(read(offset, footerBytes))) return 'its footer does not match';
      return size === offset + footerBytes ? null : 'there are bytes after its footer';
    }
    const wrong = visit(stored, header.rawLength);
    if (wrong !== null) return wrong;
    seal.add(header);
    offset = next;
  }
}
