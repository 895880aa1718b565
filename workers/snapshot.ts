/**
 * Tasks of the snapshot pool: compress and append a chunk, expand a chunk, verify and publish a file.
 *
 * The main thread serializes a bit of the tree per turn and hands the bytes over; everything that
 * costs time or waits for the disk happens here. What is wrong with a file is a result; an error
 * that is thrown rejects the task.
 */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from '../engine/io/crc32.ts';
import { syncFolder } from '../engine/io/data-folder.ts';
import {
  chunkHeaderBytes,
  decodeChunkHeader,
  decodeFileHeader,
  encodeChunk,
  encodeFileHeader,
  fileHeaderBytes,
  footerBytes,
  Seal,
  type ChunkHeader,
} from '../engine/snapshot/file.ts';
import { lz4 } from './lz4.ts';

/** A chunk holds at least one record, and a record at most one znode of the largest frame. */
const chunkBytesMax = 128 * 1024 * 1024;

export interface BeginTask {
  readonly path: string;
  readonly zxid: number;
}

/** Starts a file anew. */
export function begin({ path, zxid }: BeginTask): void {
  writeFileSync(path, encodeFileHeader(zxid, crc32));
}

export interface AppendTask {
  readonly path: string;
  readonly raw: Uint8Array;
}

/** Compresses a chunk and appends it to the file; returns its header for the seal. */
export function append({ path, raw }: AppendTask): ChunkHeader {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.length);
  const compressed = lz4.compress(bytes);
  const chunk = encodeChunk(bytes.length, compressed.length < bytes.length ? compressed : bytes, crc32);
  withFile(path, 'a', (file) => writeAll(file, chunk));
  return decodeChunkHeader(chunk);
}

export interface PublishTask {
  /** The temporary file, and the name that it gets. */
  readonly path: string;
  readonly name: string;
  readonly zxid: number;
  /** Appended first; null for a file that came with its own. */
  readonly footer: Uint8Array | null;
}

/**
 * Makes a file durable and reads it back; when it is whole it gets its name.
 *
 * @returns what is wrong with the file, or null
 */
export function publish({ path, name, zxid, footer }: PublishTask): string | null {
  withFile(path, 'a', (file) => {
    if (footer !== null) writeAll(file, footer);
    fsyncSync(file);
  });
  const error = verify({ path, zxid });
  if (error !== null) return error;
  renameSync(path, name);
  syncFolder(dirname(name));
  return null;
}

export interface VerifyTask {
  readonly path: string;
  readonly zxid: number;
}

/** Checks everything that can be checked of a file; returns what is wrong, or null. */
export function verify({ path, zxid }: VerifyTask): string | null {
  return withFile(path, 'r', (file) => {
    const head = Buffer.alloc(fileHeaderBytes);
    readSync(file, head, 0, head.length, 0);
    const headZxid = decodeFileHeader(head, crc32);
    if (headZxid < 0) return 'its header is damaged';
    if (headZxid !== zxid) return 'its header tells another zxid than its name';
    const seal = new Seal(crc32);
    for (let offset = fileHeaderBytes; ;) {
      const chunk = readAt(file, offset);
      if (chunk.error !== null) return chunk.error;
      if (chunk.raw === null) {
        const footer = Buffer.alloc(footerBytes);
        readSync(file, footer, 0, footerBytes, offset);
        if (!seal.matches(footer)) return 'its footer does not match';
        return fstatSync(file).size === offset + footerBytes ? null : 'there are bytes after its footer';
      }
      seal.add(chunk.header);
      offset = chunk.next;
    }
  });
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
  return withFile(path, 'r', (file) => readAt(file, offset));
}

function readAt(file: number, offset: number): ReadChunk {
  const head = Buffer.alloc(chunkHeaderBytes);
  const got = readSync(file, head, 0, chunkHeaderBytes, offset);
  const header = decodeChunkHeader(head);
  const { crc, rawLength, storedLength } = header;
  const failed = (error: string): ReadChunk => ({ header, raw: null, next: offset, error });
  if (got < chunkHeaderBytes) return failed('it ends early');
  if (rawLength === 0 && storedLength === 0) return { header, raw: null, next: offset, error: null };
  const damaged = `the chunk at ${offset} is damaged`;
  if (storedLength > rawLength || rawLength > chunkBytesMax) return failed(damaged);
  const chunk = Buffer.allocUnsafeSlow(chunkHeaderBytes + storedLength);
  if (readSync(file, chunk, 0, chunk.length, offset) < chunk.length) return failed('it ends early');
  if (crc32(chunk, 4, chunk.length) !== crc) return failed(damaged);
  const stored = chunk.subarray(chunkHeaderBytes);
  const raw = storedLength === rawLength ? stored : lz4.expand(stored, rawLength);
  return { header, raw, next: offset + chunk.length, error: null };
}

function withFile<T>(path: string, flags: string, work: (file: number) => T): T {
  const file = openSync(path, flags);
  try {
    return work(file);
  } finally {
    closeSync(file);
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
}
