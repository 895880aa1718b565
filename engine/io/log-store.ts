/**
 * The log and the hard state on disk: a front for the log worker.
 *
 *   append, saveState, … ─► ring ─► log worker (workers/log-writer.ts) ─► synced(ticket)
 *   read ◄── segment files (log-reader.ts), by the main thread's own asynchronous calls
 */
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { unreachable } from '../base/assert.ts';
import type { HardState } from '../consensus/core.ts';
import type { LogWriterOptions, SegmentInfo } from '../log/writer.ts';
import { unreadable, type LogPort } from '../server/ports.ts';
import type { Batch } from '../txn/batch.ts';
import { logRecord, type LogMessage, type LogWorkerData } from '../../workers/protocol.ts';
import { createRing, RingWriter } from '../../workers/ring.ts';
import { LogReader, type LogView } from './log-reader.ts';
import type { RecoveredLog } from './log-recovery.ts';

export interface LogOptions extends LogWriterOptions {
  readonly folder: string;
  /** A power of two. */
  readonly ringBytes: number;
  readonly slowMs: number;
}

/** What keeps a file from being read and tells nothing of the file. */
const shortages: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** What the log tells the server. */
export interface LogEvents {
  synced(ticket: number, fsyncMs: number): void;
  /** Once at most; nothing is acknowledged any more after it. */
  failed(error: string): void;
  slow(ms: number, bytes: number): void;
}

export class LogStore implements LogPort, LogView {
  segments: readonly SegmentInfo[];
  durable: number;
  readonly #events: LogEvents;
  readonly #worker: Worker;
  readonly #ring: RingWriter;
  readonly #large: MessagePort;
  /** Records that found the ring full, in order; a large batch is announced in the ring as well. */
  #waiting: { kind: number; ticket: number; extra: number; payload: Uint8Array }[] = [];
  #dirty = false;
  readonly #reader: LogReader;
  /** Tickets of the last truncation or reset, and of the last write known durable. */
  #changed = 0;
  #synced = 0;
  #closing = false;
  /** Why nothing is written any more. */
  #failure: string | null = null;
  #ended: () => void = () => {};
  /** The worker has ended, in whatever way. */
  readonly #end = new Promise<void>((resolve) => (this.#ended = resolve));

  constructor(options: LogOptions, recovered: RecoveredLog, events: LogEvents) {
    this.#events = events;
    this.segments = recovered.restart ? [] : recovered.segments;
    this.durable = recovered.last;
    this.#reader = new LogReader(options.folder, this);
    const memory = createRing(options.ringBytes);
    this.#ring = new RingWriter(memory);
    const { port1, port2 } = new MessageChannel();
    this.#large = port1;
    const data: LogWorkerData = { ...options, ring: memory, large: port2, recovered };
    this.#worker = new Worker(new URL('../../workers/log-writer.js', import.meta.url), {
      workerData: data,
      transferList: [port2],
      // The flags of a program that embeds us are not the worker's: some of them would keep it from starting.
      execArgv: [],
    });
    this.#worker.on('message', (message: LogMessage) => this.#onMessage(message));
    this.#worker.on('error', (error) => this.#fail(error.message));
    this.#worker.on('exit', () => {
      if (!this.#closing) this.#fail('its thread has ended');
      this.#ended();
    });
    port1.unref();
  }

  append(ticket: number, batch: Batch, committed: number): void {
    this.#push(logRecord.append, ticket, committed, batch.bytes);
  }

  saveState(ticket: number, state: HardState): void {
    const payload = Buffer.alloc(24);
    payload.writeDoubleBE(state.acceptedEpoch, 0);
    payload.writeDoubleBE(state.currentEpoch, 8);
    payload.writeDoubleBE(state.ensembleId, 16);
    this.#push(logRecord.state, ticket, 0, payload);
  }

  truncate(ticket: number, last: number): void {
    this.#changed = ticket;
    this.#push(logRecord.truncate, ticket, last, nothing);
  }

  reset(ticket: number, zxid: number): void {
    this.#changed = ticket;
    this.#push(logRecord.reset, ticket, zxid, nothing);
  }

  purge(zxid: number): void {
    this.#push(logRecord.purge, 0, zxid, nothing);
    this.flush();
  }

  flush(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    this.#ring.wake();
  }

  get start(): number {
    return this.segments[0]?.start ?? this.durable;
  }

  get isChanging(): boolean {
    return this.#changed > this.#synced && this.#failure === null;
  }

  read(after: number, bytesMax: number, done: (floor: number, batches: Batch[]) => void): void {
    this.#reader.read(after, bytesMax).then(
      ({ floor, batches }) => done(floor, batches),
      (error: NodeJS.ErrnoException) => {
        // Nobody waits for it any more, and the folder may be gone.
        if (this.#closing) return;
        if (shortages.has(error.code)) done(unreadable, []);
        else this.#fail(`reading it back: ${error.message}`);
      },
    );
  }

  /** Writes what is queued, unless the log has failed; resolves once the worker is gone. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#push(logRecord.close, 0, 0, nothing);
    this.flush();
    if (this.#failure !== null) await this.#worker.terminate();
    await this.#end;
    this.#large.close();
  }

  #push(kind: number, ticket: number, extra: number, payload: Uint8Array): void {
    if (this.#failure !== null) return;
    this.#dirty = true;
    if (this.#waiting.length > 0 || !this.#pushNow(kind, ticket, extra, payload)) {
      this.#waiting.push({ kind, ticket, extra, payload });
    }
  }

  #pushNow(kind: number, ticket: number, extra: number, payload: Uint8Array): boolean {
    if (!this.#ring.tooLarge(payload.length)) return this.#ring.push(kind, ticket, extra, payload);
    if (!this.#ring.hasRoom(0)) return false;
    // The bytes must be there before the record that announces them.
    this.#large.postMessage(payload);
    return this.#ring.push(logRecord.appendLarge, ticket, extra, nothing);
  }

  #drainWaiting(): void {
    let done = 0;
    for (const { kind, ticket, extra, payload } of this.#waiting) {
      if (!this.#pushNow(kind, ticket, extra, payload)) break;
      done++;
    }
    if (done === 0) return;
    this.#waiting = this.#waiting.slice(done);
    this.#dirty = true;
    this.flush();
  }

  #onMessage(message: LogMessage): void {
    if (this.#failure !== null) return;
    switch (message.kind) {
      case 'synced':
        this.durable = message.last;
        this.#synced = message.ticket;
        if (this.#waiting.length > 0) this.#drainWaiting();
        this.#events.synced(message.ticket, message.fsyncMs);
        break;
      case 'segments':
        this.segments = message.segments;
        this.#reader.forgetPlaces();
        break;
      case 'slow':
        this.#events.slow(message.ms, message.bytes);
        break;
      case 'failed':
        this.#fail(message.error);
        break;
      default:
        unreachable(message);
    }
  }

  #fail(error: string): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#waiting = [];
    this.#events.failed(error);
  }
}

const nothing = new Uint8Array(0);
