/** Snapshots in memory, as files in the production format; what is read or finished comes back soon. */
import { crc32 } from '../../engine/io/crc32.ts';
import type { SnapshotFile, SnapshotPort, SnapshotReceiver, SnapshotSink } from '../../engine/server/ports.ts';
import {
  chunkHeaderBytes,
  decodeChunkHeader,
  decodeFileHeader,
  encodeChunk,
  encodeFileHeader,
  fileHeaderBytes,
  footerBytes,
  Seal,
} from '../../engine/snapshot/file.ts';
import { lz4 } from '../../workers/lz4.ts';

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
      write: (_offset, bytes) => void parts.push(Buffer.from(bytes)),
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
    const file = this.files.get(this.newest)!;
    this.#soon(() => {
      for (const { raw } of chunksOf(file)) chunk(raw);
      done(null);
    });
  }

  retain(_keep: number, done: (oldest: number) => void): void {
    done(this.newest);
  }
}

function* chunksOf(file: Buffer): Iterable<{ header: Buffer; raw: Buffer; next: number }> {
  for (let at = fileHeaderBytes; at + chunkHeaderBytes <= file.length;) {
    const { rawLength, storedLength } = decodeChunkHeader(file.subarray(at));
    if (rawLength === 0 && storedLength === 0) return;
    const stored = file.subarray(at + chunkHeaderBytes, at + chunkHeaderBytes + storedLength);
    const header = file.subarray(at, at + chunkHeaderBytes);
    at += chunkHeaderBytes + storedLength;
    yield { header, raw: storedLength === rawLength ? stored : lz4.expand(stored, rawLength), next: at };
  }
}

/** What the production store finds wrong with a file, more or less (workers/snapshot.ts has a target of its own). */
function verify(file: Buffer, zxid: number): string | null {
  if (decodeFileHeader(file, crc32) !== zxid) return 'its header is damaged';
  const seal = new Seal(crc32);
  let end = fileHeaderBytes;
  try {
    for (const { header, next } of chunksOf(file)) {
      seal.add(decodeChunkHeader(header));
      end = next;
    }
  } catch (error) {
    return (error as Error).message;
  }
  return seal.matches(file.subarray(end, end + footerBytes)) ? null : 'its footer does not match';
}
