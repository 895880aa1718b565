/**
 * Tasks of the snapshot pool: compress and append a chunk, expand a chunk, verify and publish a file.
 *
 * The main thread serializes a bit of the tree per turn and hands the bytes over; everything that
 * costs time or waits for the disk happens here. What is wrong with a file is a result; an error
 * that is thrown rejects the task.
 */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from '../engine/io/crc32.ts';
import { syncFolder } from '../engine/io/data-folder.ts';
import {
  decodeChunkHeader,
  encodeChunk,
  encodeFileHeader,
  readChunk,
  verifyFile,
  type ChunkHeader,
  type ReadRange,
} from '../engine/snapshot/file.ts';
import { lz4 } from './lz4.ts';

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
  /** Bytes that must stay free on the file system. Default: none. */
  readonly reserve?: number;
}

/**
 * Compresses a chunk and appends it to the file; returns its header for the seal.
 *
 * @throws Error when the file system has no room for it
 */
export function append({ path, raw, reserve = 0 }: AppendTask): ChunkHeader {
  const { blocks, bavail, bsize } = statfsSync(path);
  // Some file systems have no bound, and tell of no blocks at all.
  if (blocks > 0 && bavail * bsize < reserve + raw.length)
    throw new Error(`only ${bavail * bsize} bytes are free where ${path} is, and the log needs room as well`);
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

/**
 * Checks everything that can be checked of a file; returns what is wrong with it, or null.
 *
 * @throws Error when it could not be checked
 */
export function verify({ path, zxid }: VerifyTask): string | null {
  try {
    return withFile(path, 'r', (file) => verifyFile(rangesOf(file), fstatSync(file).size, zxid, crc32, expansionError));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // The disk has the file no more, as it was written.
    if (code === 'EIO') return message;
    throw error;
  }
}

function expansionError(stored: Buffer, rawLength: number): string | null {
  try {
    expand(stored, rawLength);
    return null;
  } catch (error) {
    // No memory for it.
    if (error instanceof RangeError) throw error;
    return `a chunk does not expand: ${(error as Error).message}`;
  }
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
  return withFile(path, 'r', (file) => {
    const { header, stored, next, error } = readChunk(rangesOf(file), offset, crc32);
    return { header, raw: stored === null ? null : expand(stored, header.rawLength), next, error };
  });
}

/** The raw bytes of a chunk; one that LZ4 could not make smaller is stored as it is. */
export function expand(stored: Buffer, rawLength: number): Buffer {
  return stored.length === rawLength ? stored : lz4.expand(stored, rawLength);
}

export function rangesOf(file: number): ReadRange {
  const { size } = fstatSync(file);
  return (offset, length) => {
    // A header may announce more than there is.
    const bytes = Buffer.allocUnsafeSlow(Math.min(length, Math.max(size - offset, 0)));
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, offset));
  };
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
