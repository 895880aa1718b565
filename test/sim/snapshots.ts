/** Snapshots on a simulated disk, in the production file format but for compression. */
import { crc32 } from '../../engine/io/crc32.ts';
import type { SnapshotFile, SnapshotPort, SnapshotReceiver, SnapshotSink } from '../../engine/server/ports.ts';
import {
  chunkHeaderBytes,
  decodeChunkHeader,
  encodeChunk,
  encodeFileHeader,
  fileHeaderBytes,
  Seal,
  verifyFile,
} from '../../engine/snapshot/file.ts';
import type { SimDisk } from './disk.ts';
import type { World } from './world.ts';

export interface SnapshotEvents {
  /** Runs something in the process. */
  later(run: () => void): void;
  /** Runs calls of the disk that may meet a fault. */
  guard(run: () => void): void;
}

export class SimSnapshots implements SnapshotPort {
  readonly #world: World;
  readonly #disk: SimDisk;
  readonly #events: SnapshotEvents;
  #complete: number[] = [];

  constructor(world: World, disk: SimDisk, events: SnapshotEvents) {
    this.#world = world;
    this.#disk = disk;
    this.#events = events;
  }

  /** As at the start of the real store: unfinished files go, the newest whole one counts. */
  settle(): void {
    for (const name of this.#disk.list()) {
      if (/^snapshot\..*\.tmp$/.test(name)) this.#disk.remove(name);
      else if (/^snapshot\.[0-9a-f]{14}$/.test(name)) this.#complete.push(Number.parseInt(name.slice(9), 16));
    }
    this.#complete.sort((a, b) => a - b);
    while (this.#complete.length > 0 && verify(this.#disk.read(nameOf(this.newest)), this.newest) !== null) {
      this.#disk.rename(nameOf(this.newest), `${nameOf(this.newest)}.damaged`);
      this.#complete.pop();
    }
  }

  get newest(): number {
    return this.#complete.at(-1) ?? -1;
  }

  chunks(zxid: number): Buffer[] {
    return [...chunksOf(this.#disk.read(nameOf(zxid)))];
  }

  create(zxid: number, progress: () => void): SnapshotSink {
    const parts: Buffer[] = [encodeFileHeader(zxid, crc32)];
    const seal = new Seal(crc32);
    let aborted = false;
    const sink = {
      pending: 0,
      write: (chunk: Buffer) => {
        sink.pending++;
        this.#world.after(1, () => {
          const stored = encodeChunk(chunk.length, chunk, crc32);
          parts.push(stored);
          seal.add(decodeChunkHeader(stored));
          sink.pending--;
          this.#events.later(progress);
        });
      },
      finish: (done: (error: string | null) => void) => {
        this.#world.after(this.#disk.syncMs() * 2 + 2, () => {
          if (aborted) return;
          parts.push(seal.encode());
          this.#events.guard(() => {
            this.#publish(zxid, Buffer.concat(parts));
            this.#events.later(() => done(null));
          });
        });
      },
      abort: () => {
        aborted = true;
      },
    };
    return sink;
  }

  open(done: (source: SnapshotFile | null) => void): void {
    const zxid = this.newest;
    this.#soon(() => {
      const name = nameOf(zxid);
      if (zxid < 0 || !this.#disk.exists(name)) {
        done(null);
        return;
      }
      const bytes = this.#disk.read(name);
      done({
        zxid,
        bytesTotal: bytes.length,
        read: (offset, length, given) => this.#soon(() => given(bytes.subarray(offset, offset + length))),
        close: () => {},
      });
    });
  }

  receive(zxid: number, bytesTotal: number): SnapshotReceiver {
    const bytes = Buffer.alloc(bytesTotal);
    return {
      write: (offset, chunk) => {
        chunk.copy(bytes, offset);
        return null;
      },
      finish: (done) => {
        this.#world.after(this.#disk.syncMs() * 2, () => {
          this.#events.guard(() => {
            const error = verify(bytes, zxid);
            if (error === null) this.#publish(zxid, bytes);
            this.#events.later(() => done(error));
          });
        });
      },
      abort: () => {},
    };
  }

  load(chunk: (bytes: Buffer) => void, done: (error: string | null) => void): void {
    const chunks = this.chunks(this.newest);
    this.#soon(() => {
      for (const each of chunks) chunk(each);
      done(null);
    });
  }

  retain(keep: number, done: (oldest: number) => void): void {
    this.#events.guard(() => {
      while (this.#complete.length > Math.max(keep, 2)) this.#disk.remove(nameOf(this.#complete.shift()!));
      this.#disk.syncFolder();
      done(this.#complete[0] ?? -1);
    });
  }

  #publish(zxid: number, bytes: Buffer): void {
    const name = nameOf(zxid);
    const file = this.#disk.create(`${name}.tmp`);
    this.#disk.write(file, bytes, bytes.length, 0);
    this.#disk.sync(file);
    this.#disk.close(file);
    this.#disk.rename(`${name}.tmp`, name);
    this.#disk.syncFolder();
    this.#complete = [...this.#complete.filter((known) => known !== zxid), zxid].sort((a, b) => a - b);
  }

  #soon(run: () => void): void {
    this.#world.after(this.#world.between(0.1, 3), () => this.#events.later(run));
  }
}

function nameOf(zxid: number): string {
  return `snapshot.${zxid.toString(16).padStart(14, '0')}`;
}

function* chunksOf(bytes: Buffer): Iterable<Buffer> {
  for (let at = fileHeaderBytes; ;) {
    const { storedLength } = decodeChunkHeader(bytes.subarray(at, at + chunkHeaderBytes));
    if (storedLength === 0) return;
    yield bytes.subarray(at + chunkHeaderBytes, at + chunkHeaderBytes + storedLength);
    at += chunkHeaderBytes + storedLength;
  }
}

/** What is wrong with the file, or null. */
function verify(bytes: Buffer, zxid: number): string | null {
  return verifyFile(
    (offset, length) => bytes.subarray(offset, offset + length),
    bytes.length,
    zxid,
    crc32,
    () => null,
  );
}
