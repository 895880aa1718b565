/**
 * Snapshots on disk, with a Piscina pool that compresses, checksums, writes and expands them.
 *
 *   <folder>/snapshot.<zxid in hex, 14 digits>       complete, durable, read back once when it was made
 *   <folder>/snapshot.<…>.tmp                        unfinished: removed at the next start
 *   <folder>/snapshot.<…>.damaged                    found damaged later: set aside for the operator
 */
import { closeSync, openSync, readdirSync, renameSync, rmSync, writeSync } from 'node:fs';
import { open as openFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Piscina } from 'piscina';
import { fileHeaderBytes, Seal, type ChunkHeader } from '../snapshot/file.ts';
import type { SnapshotFile, SnapshotPort, SnapshotReceiver, SnapshotSink } from '../server/ports.ts';
import type { AppendTask, BeginTask, PublishTask, ReadChunk, ReadTask, VerifyTask } from '../../workers/snapshot.ts';
import { crc32 } from './crc32.ts';
import { StorageError, syncFolder } from './data-folder.ts';

/** The tasks of workers/snapshot.ts. */
class Pool {
  #pool = this.#start();
  /** Each fails a task that is under way or waits for a thread. */
  readonly #failing = new Set<(error: Error) => void>();

  #start(): Piscina {
    const pool = new Piscina({
      filename: new URL('../../workers/snapshot.js', import.meta.url).href,
      minThreads: 0,
      maxThreads: 2,
      // Starting one takes a tenth of a second of two busy cores, keeping it some 10 MB.
      idleTimeout: 60_000,
      execArgv: [],
    });
    // A thread that fails before it takes a task leaves the tasks waiting: they must not wait for good.
    pool.once('error', (error: Error) => {
      pool.on('error', () => {});
      this.#pool = this.#start();
      for (const fail of this.#failing) fail(error);
      pool.destroy().catch(() => null);
    });
    return pool;
  }

  #run<T>(task: unknown, options: { name: string; transferList?: ArrayBuffer[] }): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#failing.add(reject);
      const running: Promise<T> = this.#pool.run(task, options);
      running.then(resolve, reject).finally(() => this.#failing.delete(reject));
    });
  }

  begin(task: BeginTask): Promise<void> {
    return this.#run(task, { name: 'begin' });
  }

  append(task: AppendTask): Promise<ChunkHeader> {
    const { buffer, byteLength } = task.raw;
    // A chunk that has its memory to itself is handed over instead of copied.
    const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
    return this.#run(task, { name: 'append', ...(isWhole ? { transferList: [buffer] } : {}) });
  }

  publish(task: PublishTask): Promise<string | null> {
    return this.#run(task, { name: 'publish' });
  }

  verify(task: VerifyTask): Promise<string | null> {
    return this.#run(task, { name: 'verify' });
  }

  read(task: ReadTask): Promise<ReadChunk> {
    return this.#run(task, { name: 'read' });
  }

  close(): Promise<void> {
    // A result that comes just now is for a task that was given up.
    this.#pool.removeAllListeners('error').on('error', () => {});
    return this.#pool.destroy();
  }
}

export class SnapshotStore implements SnapshotPort {
  readonly #folder: string;
  readonly #pool = new Pool();
  readonly #damaged: (reason: string) => void;
  readonly #reserve: number;
  /** zxids of the complete snapshots, oldest first. */
  #complete: number[] = [];
  /** What `retain` does away with is gone, or could not be removed. */
  #removed: Promise<unknown> = Promise.resolve();
  /** Of those whether they are whole, as far as somebody asked: a large one takes longer than a learner waits. */
  readonly #verdicts = new Map<number, Promise<boolean>>();

  /**
   * Opens the store; unfinished files of an earlier life are removed.
   *
   * @param damaged told of each file that is found damaged and set aside
   * @param reserve bytes that a snapshot has to leave free on the disk, for the log
   */
  constructor(folder: string, damaged: (reason: string) => void, reserve: number) {
    this.#folder = folder;
    this.#reserve = reserve;
    this.#damaged = damaged;
    for (const name of readdirSync(folder)) {
      if (/^snapshot\..*\.tmp$/.test(name)) rmSync(join(folder, name));
      else if (/^snapshot\.[0-9a-f]{14}$/.test(name)) this.#complete.push(Number.parseInt(name.slice(9), 16));
    }
    this.#complete.sort((a, b) => a - b);
    // A kill may have come between a rename and this.
    syncFolder(folder);
  }

  get newest(): number {
    return this.#complete.at(-1) ?? -1;
  }

  /**
   * Verifies the newest snapshot and steps back to older ones until one is whole.
   *
   * @throws StorageError when it could not be verified, which tells nothing of the snapshot
   */
  async settle(): Promise<void> {
    while (this.newest >= 0 && !(await this.#isWhole(this.newest)));
  }

  create(zxid: number, progress: () => void): SnapshotSink {
    const path = `${this.#path(zxid)}.tmp`;
    return new Sink(this.#pool, path, zxid, this.#reserve, progress, (task) => this.#publish(task));
  }

  open(done: (source: SnapshotFile | null) => void): void {
    // A learner would refuse a damaged one again and again, so it is verified before it is sent.
    this.settle()
      .then(() => (this.newest < 0 ? null : this.#openSource(this.newest)))
      .then(done, () => done(null));
  }

  receive(zxid: number, bytesTotal: number): SnapshotReceiver {
    return new Receiver(`${this.#path(zxid)}.received.tmp`, zxid, bytesTotal, (task) => this.#publish(task));
  }

  load(chunk: (bytes: Buffer) => void, done: (error: string | null) => void): void {
    this.#load(chunk).then(done, (error: Error) => done(error.message));
  }

  retain(keep: number, done: (oldest: number) => void): void {
    const removed = this.#retain(keep);
    this.#removed = Promise.allSettled([this.#removed, removed]);
    void removed.then(() => done(this.#complete[0] ?? -1));
  }

  async close(): Promise<void> {
    await this.#removed;
    await this.#pool.close();
  }

  async #retain(keep: number): Promise<void> {
    while (this.#complete.length > Math.max(keep, 2)) {
      const oldest = this.#complete[0]!;
      this.#forget(oldest);
      // Not by the main thread: of gigabytes it takes tenths of a second. Somebody may have removed it by hand.
      await rm(this.#path(oldest), { force: true });
    }
  }

  async #load(chunk: (bytes: Buffer) => void): Promise<string | null> {
    const path = this.#path(this.newest);
    // One chunk is expanded ahead while the last one is taken in.
    let ahead = this.#pool.read({ path, offset: fileHeaderBytes });
    for (;;) {
      const { raw, next, error } = await ahead;
      if (error !== null) return `${path}: ${error}`;
      if (raw === null) return null;
      ahead = this.#pool.read({ path, offset: next });
      chunk(Buffer.from(raw.buffer, raw.byteOffset, raw.length));
    }
  }

  /** One verification per file, shared by all who ask; what could not be verified is tried anew. */
  #isWhole(zxid: number): Promise<boolean> {
    let verdict = this.#verdicts.get(zxid);
    if (verdict === undefined) {
      verdict = this.#verify(zxid);
      this.#verdicts.set(zxid, verdict);
      verdict.catch(() => this.#verdicts.delete(zxid));
    }
    return verdict;
  }

  async #verify(zxid: number): Promise<boolean> {
    const path = this.#path(zxid);
    const error = await this.#pool.verify({ path, zxid }).catch((thrown: Error) => {
      throw new StorageError(`${path} could not be verified: ${thrown.message}. It stays as it is.`);
    });
    if (error === null) return true;
    renameSync(path, `${path}.damaged`);
    this.#forget(zxid);
    this.#damaged(`${path}: ${error}`);
    return false;
  }

  #forget(zxid: number): void {
    this.#complete = this.#complete.filter((known) => known !== zxid);
    this.#verdicts.delete(zxid);
  }

  async #openSource(zxid: number): Promise<SnapshotFile> {
    const file = await openFile(this.#path(zxid), 'r');
    const { size } = await file.stat();
    return {
      zxid,
      bytesTotal: size,
      read: (offset, length, given) => {
        // Whoever got all of it and asks again may have found it damaged meanwhile.
        if (offset + length === size) this.#verdicts.delete(zxid);
        const bytes = Buffer.allocUnsafeSlow(length);
        const failed = (): void => {
          this.#verdicts.delete(zxid);
          given(null);
        };
        file
          .read(bytes, 0, length, offset)
          .then(({ bytesRead }) => (bytesRead === length ? given(bytes) : failed()), failed);
      },
      close: () => void file.close(),
    };
  }

  /** Verifies a finished file and makes it visible; what fails leaves nothing behind. */
  async #publish({ path, zxid, footer }: Unpublished): Promise<string | null> {
    const error = await this.#pool
      .publish({ path, name: this.#path(zxid), zxid, footer })
      .catch((thrown: Error) => thrown.message);
    if (error === null) this.#complete = [...new Set([...this.#complete, zxid])].sort((a, b) => a - b);
    else rmSync(path, { force: true });
    return error;
  }

  #path(zxid: number): string {
    return join(this.#folder, `snapshot.${zxid.toString(16).padStart(14, '0')}`);
  }
}

type Unpublished = Omit<PublishTask, 'name'>;
type Publish = (task: Unpublished) => Promise<string | null>;

class Sink implements SnapshotSink {
  pending = 0;
  readonly #pool: Pool;
  readonly #path: string;
  readonly #zxid: number;
  readonly #reserve: number;
  readonly #progress: () => void;
  readonly #publish: Publish;
  readonly #seal = new Seal(crc32);
  /** Tasks run one after another, so that chunks lie in order; after the first error none does. */
  #chain: Promise<void> = Promise.resolve();
  #error: string | null = null;

  constructor(pool: Pool, path: string, zxid: number, reserve: number, progress: () => void, publish: Publish) {
    this.#pool = pool;
    this.#path = path;
    this.#zxid = zxid;
    this.#reserve = reserve;
    this.#progress = progress;
    this.#publish = publish;
    this.#run(() => pool.begin({ path, zxid }));
  }

  write(chunk: Buffer): void {
    this.pending++;
    const task = { path: this.#path, raw: chunk, reserve: this.#reserve };
    this.#run(async () => this.#seal.add(await this.#pool.append(task)));
    void this.#chain.then(() => {
      this.pending--;
      this.#progress();
    });
  }

  finish(done: (error: string | null) => void): void {
    this.#run(async () => {
      this.#error = await this.#publish({ path: this.#path, zxid: this.#zxid, footer: this.#seal.encode() });
    });
    void this.#chain.then(() => {
      if (this.#error !== null) rmSync(this.#path, { force: true });
      done(this.#error);
    });
  }

  abort(): void {
    this.#error = 'given up';
    void this.#chain.then(() => rmSync(this.#path, { force: true }));
  }

  #run(task: () => Promise<void>): void {
    this.#chain = this.#chain.then(async () => {
      if (this.#error !== null) return;
      try {
        await task();
      } catch (error) {
        this.#error = (error as Error).message;
        // What it takes already may be what others lack.
        await rm(this.#path, { force: true }).catch(() => null);
      }
    });
  }
}

/** A file that comes from the leader, byte for byte. */
class Receiver implements SnapshotReceiver {
  readonly #path: string;
  readonly #zxid: number;
  readonly #bytesTotal: number;
  readonly #publish: Publish;
  #file = -1;
  #bytes = 0;
  #error: string | null = null;

  constructor(path: string, zxid: number, bytesTotal: number, publish: Publish) {
    this.#path = path;
    this.#zxid = zxid;
    this.#bytesTotal = bytesTotal;
    this.#publish = publish;
    this.#try(() => (this.#file = openSync(path, 'w')));
  }

  write(offset: number, bytes: Buffer): string | null {
    this.#try(() => {
      for (let done = 0; done < bytes.length;) {
        done += writeSync(this.#file, bytes, done, bytes.length - done, offset + done);
      }
      this.#bytes = Math.max(this.#bytes, offset + bytes.length);
    });
    return this.#error;
  }

  finish(done: (error: string | null) => void): void {
    if (this.#bytes !== this.#bytesTotal) this.#error ??= 'it has another length than announced';
    this.#close();
    if (this.#error !== null) {
      rmSync(this.#path, { force: true });
      done(this.#error);
      return;
    }
    void this.#publish({ path: this.#path, zxid: this.#zxid, footer: null }).then(done);
  }

  abort(): void {
    this.#close();
    rmSync(this.#path, { force: true });
  }

  #try(work: () => void): void {
    if (this.#error !== null) return;
    try {
      work();
    } catch (error) {
      this.#error = (error as Error).message;
    }
  }

  #close(): void {
    if (this.#file !== -1) closeSync(this.#file);
    this.#file = -1;
  }
}
