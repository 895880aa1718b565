/**
 * Tasks of the snapshot pool: compress and append a chunk, expand a chunk, verify a file.
 *
 * The main thread serializes a bit of the tree per turn and hands the bytes over; everything that
 * costs time happens here.
 */
import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { crc32 } from '../engine/io/crc32.ts';
import {
  chunkHeaderBytes,
  decodeChunkHeader,
  decodeFileHeader,
  encodeChunkHeader,
  fileHeaderBytes,
  footerBytes,
  Seal,
  type ChunkHeader,
} from '../engine/snapshot/file.ts';
import { lz4 } from './lz4.ts';

export interface AppendTask {
  readonly path: string;
  readonly raw: Uint8Array;
}

/** Compresses a chunk and appends it to the file; returns its header for the seal. */
export function append({ path, raw }: AppendTask): ChunkHeader {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.length);
  const compressed = lz4.compress(bytes);
  const stored = compressed.length < bytes.length ? compressed : bytes;
  const header = { rawLength: bytes.length, storedLength: stored.length, crc: crc32(stored, 0, stored.length) };
  const file = openSync(path, 'a');
  writeSync(file, encodeChunkHeader(header));
  for (let done = 0; done < stored.length;) done += writeSync(file, stored, done);
  closeSync(file);
  return header;
}

export interface FinishTask {
  readonly path: string;
  readonly footer: Uint8Array;
}

/** Appends the footer and makes the file durable. */
export function finish({ path, footer }: FinishTask): void {
  const file = openSync(path, 'a');
  writeSync(file, footer);
  fsyncSync(file);
  closeSync(file);
}

export interface ReadTask {
  readonly path: string;
  readonly offset: number;
}

export interface ReadChunk {
  readonly header: ChunkHeader;
  /** Null at the footer. */
  readonly raw: Uint8Array | null;
  readonly next: number;
  readonly error: string | null;
}

/** Reads and expands the chunk at `offset`. */
export function read({ path, offset }: ReadTask): ReadChunk {
  const file = openSync(path, 'r');
  try {
    return readAt(file, offset);
  } finally {
    closeSync(file);
  }
}

/** Checks everything that can be checked of a file; returns what is wrong, or null. */
export function verify({ path }: { readonly path: string }): string | null {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(fileHeaderBytes);
    readSync(file, head, 0, head.length, 0);
    if (decodeFileHeader(head, crc32) < 0) return 'its header is damaged';
    const seal = new Seal(crc32);
    for (let offset = fileHeaderBytes; ;) {
      const chunk = readAt(file, offset);
      if (chunk.error !== null) return chunk.error;
      if (chunk.raw === null) {
        const footer = Buffer.alloc(footerBytes);
        readSync(file, footer, 0, footerBytes, offset);
        return seal.matches(footer) ? null : 'its footer does not match';
      }
      seal.add(chunk.header);
      offset = chunk.next;
    }
  } finally {
    closeSync(file);
  }
}

function readAt(file: number, offset: number): ReadChunk {
  const head = Buffer.alloc(chunkHeaderBytes);
  const got = readSync(file, head, 0, chunkHeaderBytes, offset);
  const header = decodeChunkHeader(head);
  const failed = (error: string): ReadChunk => ({ header, raw: null, next: offset, error });
  if (got < chunkHeaderBytes) return failed('it ends early');
  if (header.rawLength === 0 && header.storedLength === 0) return { header, raw: null, next: offset, error: null };
  if (header.storedLength > header.rawLength || header.rawLength > chunkBytesMax)
    return failed(`the chunk at ${offset} is damaged`);
  const stored = Buffer.allocUnsafeSlow(header.storedLength);
  if (readSync(file, stored, 0, stored.length, offset + chunkHeaderBytes) < stored.length)
    return failed('it ends early');
  if (crc32(stored, 0, stored.length) !== header.crc) return failed(`the chunk at ${offset} is damaged`);
  const raw = header.storedLength === header.rawLength ? stored : lz4.expand(stored, header.rawLength);
  return { header, raw, next: offset + chunkHeaderBytes + header.storedLength, error: null };
}

/** A chunk holds at least one record, and a record at most one znode of the largest frame. */
const chunkBytesMax = 128 * 1024 * 1024;
