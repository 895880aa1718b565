/**
 * The log worker: takes what has gathered in the ring, writes it with one call, fsyncs once.
 *
 *   ring ─► group ─► write ─► fdatasync ─► synced(ticket)        while this runs, the next group gathers
 *
 * That is the whole group commit; there is no timer in it. What is done to the files is in
 * engine/log/writer.ts, strictly in the order of the ring; after a failure nothing is done any more.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { crc32 } from '../engine/io/crc32.ts';
import { FolderFiles } from '../engine/io/folder-files.ts';
import { LogWriter } from '../engine/log/writer.ts';
import { logRecord, type LogMessage, type LogWorkerData } from './protocol.ts';
import { RingReader } from './ring.ts';

/** A quiet log writes how far it is durable, so that a later loss of its tail is noticed. */
const idleMs = 50;

/** Files that know how long they were synced since they were last asked. */
class TimedFiles extends FolderFiles {
  #fsyncMs = 0;

  override sync(handle: number): void {
    const started = performance.now();
    super.sync(handle);
    this.#fsyncMs += performance.now() - started;
  }

  takeFsyncMs(): number {
    const ms = this.#fsyncMs;
    this.#fsyncMs = 0;
    return ms;
  }
}

class LogWorker {
  readonly #data: LogWorkerData;
  readonly #ring: RingReader;
  readonly #writer: LogWriter;
  #closing = false;

  constructor(data: LogWorkerData) {
    this.#data = data;
    this.#ring = new RingReader(data.ring);
    const files = new TimedFiles(data.folder);
    this.#writer = new LogWriter(files, data, data.recovered, crc32, {
      synced: (ticket, last) => post({ kind: 'synced', ticket, last, fsyncMs: files.takeFsyncMs() }),
      segments: (segments) => post({ kind: 'segments', segments }),
    });
  }

  run(): void {
    const writer = this.#writer;
    while (!this.#closing) {
      if (!this.#takeGroup()) {
        this.#ring.wait(writer.unmarked ? idleMs : Infinity);
        if (!this.#takeGroup()) writer.markDurable();
      }
      this.#flush();
    }
    writer.close();
  }

  #flush(): void {
    const bytes = this.#writer.groupBytes;
    if (bytes === 0) return;
    const started = performance.now();
    this.#writer.flush();
    const ms = performance.now() - started;
    if (ms > this.#data.slowMs) post({ kind: 'slow', ms: Math.round(ms), bytes });
  }

  /** Collects appends into one group; any other record ends it and is carried out after it. */
  #takeGroup(): boolean {
    let any = false;
    while (!this.#writer.full && this.#ring.next()) {
      any = true;
      const { kind, ticket, extra, length } = this.#ring;
      if (kind === logRecord.append) {
        this.#writer.append(ticket, length, extra, (target, at) => this.#ring.payload(target, at));
      } else {
        const payload = Buffer.alloc(length);
        this.#ring.payload(payload, 0);
        this.#other(kind, ticket, extra, payload);
      }
    }
    return any;
  }

  #other(kind: number, ticket: number, extra: number, payload: Buffer): void {
    const writer = this.#writer;
    switch (kind) {
      case logRecord.appendLarge: {
        const { message } = receiveMessageOnPort(this.#data.large) as { message: Uint8Array };
        writer.append(ticket, message.length, extra, (target, at) => target.set(message, at));
        break;
      }
      case logRecord.state:
        writer.saveState(ticket, {
          acceptedEpoch: payload.readDoubleBE(0),
          currentEpoch: payload.readDoubleBE(8),
          ensembleId: payload.readDoubleBE(16),
        });
        break;
      case logRecord.truncate:
        writer.truncate(ticket, extra);
        break;
      case logRecord.reset:
        writer.reset(ticket, extra);
        break;
      case logRecord.purge:
        writer.purge(extra);
        break;
      case logRecord.close:
        this.#closing = true;
        break;
      default:
        throw new Error(`a record of kind ${kind} in the log ring`);
    }
  }
}

function post(message: LogMessage): void {
  parentPort!.postMessage(message);
}

try {
  new LogWorker(workerData as LogWorkerData).run();
} catch (error) {
  post({ kind: 'failed', error: error instanceof Error ? error.message : String(error) });
}
