/** Snapshots in memory, as files in the production format; what is read or finished comes back soon. */
import { crc32 } from '../../engine/io/crc32.ts';
import type { SnapshotFile, SnapshotPort, SnapshotReceiver, SnapshotSink } from '../../engine/server/ports.ts';
import {
  decodeChunkHeader,
  encodeChunk,
  encodeFileHeader,
  fileHeaderBytes,
  readChunk,
  Seal,
  verifyFile,
} from '../../engine/snapshot/file.ts';
import { expand } from '../../workers/snapshot.ts';

export class MemorySnapshots implements SnapshotPort {
  readonly files = new Map<number, Buffer>();
  readonly #soon: (run: () => void) => void;

  constructor(soon: (run: () => void) => void) {
    this.#soon = soon;
  }

  get newest(): number {
    return Math.max(-1, ...this.files.keys());
  }

  create(zxid: number, progress: () => void): SnapshotSink {
    const seal = new Seal(crc32);
    const parts = [encodeFileHeader(zxid, crc32)];
    return {
      pending: 0,
      write: (raw) => {
        const chunk = encodeChunk(raw.length, raw, crc32);
        seal.add(decodeChunkHeader(chunk));
        parts.push(chunk);
        this.#soon(progress);
      },
      finish: (done) => {
        this.files.set(zxid, Buffer.concat([...parts, seal.encode()]));
        this.#soon(() => done(null));
      },
      abort: () => {},
    };
  }

  open(done: (source: SnapshotFile | null) => void): void {
    const zxid = this.newest;
    const bytes = this.files.get(zxid);
    this.#soon(() => {
      if (bytes === undefined) return done(null);
      done({
        zxid,
        bytesTotal: bytes.length,
        read: (offset, length, given) => this.#soon(() => given(bytes.subarray(offset, offset + length))),
        close: () => {},
      });
    });
  }

  receive(zxid: number, bytesTotal: number): SnapshotReceiver {
    const parts: Buffer[] = [];
    return {
      write: (_offset, bytes) => {
        parts.push(Buffer.from(bytes));
        return null;
      },
      finish: (done) => {
        const file = Buffer.concat(parts);
        const error = file.length === bytesTotal ? verify(file, zxid) : 'it has another length than announced';
        if (error === null) this.files.set(zxid, file);
        this.#soon(() => done(error));
      },
      abort: () => {},
    };
  }

  load(chunk: (bytes: Buffer) => void, done: (error: string | null) => void): void {
    const chunks = rawChunks(this.files.get(this.newest)!);
    this.#soon(() => {
      for (const raw of chunks) chunk(raw);
      done(null);
    });
  }

  retain(_keep: number, done: (oldest: number) => void): void {
    done(this.newest);
  }
}

/** What is wrong with a file, or null; an LZ4 block that does not expand is reported by throwing, as by the worker. */
export function verify(file: Buffer, zxid: number): string | null {
  const read = (offset: number, length: number): Buffer => file.subarray(offset, offset + length);
  try {
    return verifyFile(read, file.length, zxid, crc32, (stored, rawLength) => {
      expand(stored, rawLength);
      return null;
    });
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError || !(error instanceof Error)) throw error;
    return error.message;
  }
}

/** The expanded chunks of a file that is whole. */
export function rawChunks(file: Buffer): Buffer[] {
  const read = (offset: number, length: number): Buffer => file.subarray(offset, offset + length);
  const chunks: Buffer[] = [];
  for (let offset = fileHeaderBytes; ;) {
    const { header, stored, next, error } = readChunk(read, offset, crc32);
    if (error !== null) throw new Error(`a whole file cannot be read: ${error}`);
    if (stored === null) return chunks;
    chunks.push(expand(stored, header.rawLength));
    offset = next;
  }
}
