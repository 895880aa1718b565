/**
 * Snapshots on disk, with a Piscina pool that compresses, checksums, writes and expands them.
 *
 *   <folder>/snapshot.<zxid in hex, 14 digits>       complete, durable, verified when it was made
 *   <folder>/snapshot.<…>.tmp                        unfinished: removed at the next start
 */
import {
  existsSync,
  readdirSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
  openSync,
  writeSync,
  fsyncSync,
  closeSync,
} from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Piscina } from 'piscina';
import { encodeFileHeader, fileHeaderBytes, Seal, type ChunkHeader } from '../snapshot/file.ts';
import type { SnapshotFile, SnapshotPort, SnapshotReceiver, SnapshotSink } from '../server/ports.ts';
import type { ReadChunk } from '../../workers/snapshot.ts';
import { crc32 } from './crc32.ts';
import { syncFolder } from './data-folder.ts';

function snapshotName(zxid: number): string {
  return `snapshot.${zxid.toString(16).padStart(14, '0')}`;
}

export class SnapshotStore implements SnapshotPort {
  readonly #folder: string;
  readonly #pool: Piscina;
  /** zxids of the complete snapshots, oldest first. */
  #complete: number[] = [];

  /** Opens the store; unfinished files of an earlier life are removed. */
  constructor(folder: string) {
    this.#folder = folder;
    for (const name of readdirSync(folder)) {
      if (/^snapshot\.[0-9a-f]{14}\.tmp$/.test(name)) unlinkSync(join(folder, name));
      else if (/^snapshot\.[0-9a-f]{14}$/.test(name)) this.#complete.push(Number.parseInt(name.slice(9), 16));
    }
    this.#complete.sort((a, b) => a - b);
    this.#pool = new Piscina({
      filename: new URL('../../workers/snapshot.js', import.meta.url).href,
      minThreads: 0,
      maxThreads: 2,
      idleTimeout: 1000,
      execArgv: [],
    });
  }

  get newest(): number {
    return this.#complete.at(-1) ?? -1;
  }

  /**
   * Verifies the newest snapshot and steps back to older ones until one is whole.
   *
   * @returns files that were found damaged and set aside, as `<name>.damaged`
   */
  async settle(): Promise<string[]> {
    const setAside: string[] = [];
    while (this.#complete.length > 0) {
      const path = this.#path(this.newest);
      const error = (await this.#pool.run({ path }, { name: 'verify' })) as string | null;
      if (error === null) break;
      renameSync(path, `${path}.damaged`);
      setAside.push(`${path}: ${error}`);
      this.#complete.pop();
    }
    return setAside;
  }

  create(zxid: number, progress: () => void): SnapshotSink {
    const path = `${this.#path(zxid)}.tmp`;
    writeFileSync(path, encodeFileHeader(zxid, crc32));
    return new Sink(path, this.#pool, progress, () => this.#publish(zxid));
  }

  open(done: (source: SnapshotFile | null) => void): void {
    const zxid = this.newest;
    if (zxid < 0) {
      done(null);
      return;
    }
    const path = this.#path(zxid);
    openFile(path, 'r').then(
      (file) => {
        const bytesTotal = statSync(path).size;
        done({
          zxid,
          bytesTotal,
          read(offset, length, given) {
            const bytes = Buffer.allocUnsafeSlow(length);
            file.read(bytes, 0, length, offset).then(
              ({ bytesRead }) => given(bytesRead === length ? bytes : null),
              () => given(null),
            );
          },
          close: () => void file.close(),
        });
      },
      () => done(null),
    );
  }

  receive(zxid: number, bytesTotal: number): SnapshotReceiver {
    const path = `${this.#path(zxid)}.tmp`;
    const file = openSync(path, 'w');
    return {
      write: (offset, bytes) => void writeSync(file, bytes, 0, bytes.length, offset),
      finish: (done) => {
        fsyncSync(file);
        closeSync(file);
        if (statSync(path).size !== bytesTotal) {
          done('the snapshot has another length than announced');
          return;
        }
        this.#pool.run({ path }, { name: 'verify' }).then(
          (error: string | null) => {
            if (error === null) this.#publish(zxid);
            done(error);
          },
          (error: Error) => done(error.message),
        );
      },
      abort: () => {
        closeSync(file);
        unlinkSync(path);
      },
    };
  }

  load(chunk: (bytes: Buffer) => void, done: (error: string | null) => void): void {
    this.#load(chunk).then(done, (error: Error) => done(error.message));
  }

  retain(keep: number, done: (oldest: number) => void): void {
    while (this.#complete.length > Math.max(keep, 2)) unlinkSync(this.#path(this.#complete.shift()!));
    syncFolder(this.#folder);
    done(this.#complete[0] ?? -1);
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #load(chunk: (bytes: Buffer) => void): Promise<string | null> {
    const path = this.#path(this.newest);
    const read = (offset: number): Promise<ReadChunk> =>
      this.#pool.run({ path, offset }, { name: 'read' }) as Promise<ReadChunk>;
    // One chunk is expanded ahead while the last one is taken in.
    let ahead = read(fileHeaderBytes);
    for (;;) {
      const { raw, next, error } = await ahead;
      if (error !== null) return error;
      if (raw === null) return null;
      ahead = read(next);
      chunk(Buffer.from(raw.buffer, raw.byteOffset, raw.length));
    }
  }

  #publish(zxid: number): void {
    const path = this.#path(zxid);
    renameSync(`${path}.tmp`, path);
    syncFolder(this.#folder);
    this.#complete = [...this.#complete.filter((known) => known !== zxid), zxid].sort((a, b) => a - b);
  }

  #path(zxid: number): string {
    return join(this.#folder, snapshotName(zxid));
  }
}

class Sink implements SnapshotSink {
  pending = 0;
  readonly #path: string;
  readonly #pool: Piscina;
  readonly #progress: () => void;
  readonly #publish: () => void;
  readonly #seal = new Seal(crc32);
  /** Tasks run one after another, so that chunks lie in order. */
  #chain: Promise<void> = Promise.resolve();
  #error: string | null = null;

  constructor(path: string, pool: Piscina, progress: () => void, publish: () => void) {
    this.#path = path;
    this.#progress = progress;
    this.#pool = pool;
    this.#publish = publish;
  }

  write(chunk: Buffer): void {
    this.pending++;
    this.#run(async () => {
      const header = (await this.#pool.run({ path: this.#path, raw: chunk }, { name: 'append' })) as ChunkHeader;
      this.#seal.add(header);
      this.pending--;
      this.#progress();
    });
  }

  finish(done: (error: string | null) => void): void {
    this.#run(async () => {
      await this.#pool.run({ path: this.#path, footer: this.#seal.encode() }, { name: 'finish' });
      this.#publish();
    });
    void this.#chain.then(() => done(this.#error));
  }

  abort(): void {
    this.#error = 'given up';
    void this.#chain.then(() => {
      if (existsSync(this.#path)) unlinkSync(this.#path);
    });
  }

  #run(task: () => Promise<void>): void {
    this.#chain = this.#chain.then(async () => {
      if (this.#error !== null) return;
      try {
        await task();
      } catch (error) {
        this.#error = (error as Error).message;
      }
    });
  }
}
