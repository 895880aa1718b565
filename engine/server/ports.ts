/**
 * What the server needs of the world, as interfaces.
 *
 * `io/` and `workers/` implement them with sockets, files and threads; `test/sim/` with a virtual
 * network, disk and clock. Everything asynchronous comes back as a call of a `Server` method; the
 * server then asks for a turn through `schedule` and does its work there.
 */
import type { Buffer } from 'node:buffer';
import type { Batch, Checksum } from '../txn/batch.ts';
import type { HardState } from '../consensus/core.ts';

export interface Clock {
  /** Monotonic milliseconds; all time-outs use this one. */
  now(): number;
  /** Wall-clock milliseconds since 1970; only for ctime and mtime. */
  wall(): number;
}

/**
 * The log and the hard state, behind one ordered queue of writes (the log worker).
 *
 * Every write has a ticket, one more than the write before it. The host calls `server.synced(ticket)`
 * once all writes up to that ticket are durable, and `server.failed(error)` on the first write or
 * fsync error, after which nothing is acknowledged any more (an fsync is never retried).
 */
export interface LogPort {
  append(ticket: number, batch: Batch, committed: number): void;
  saveState(ticket: number, state: HardState): void;
  /** Drops every batch after `last`. */
  truncate(ticket: number, last: number): void;
  /** Forgets all batches; the next one follows the installed snapshot at `zxid`. */
  reset(ticket: number, zxid: number): void;
  /** Hands over what was queued since the last call: one wake-up of the worker. */
  flush(): void;
  /**
   * Finds the largest batch boundary <= `after` and reads batches that follow it, in order, up to
   * about `bytesMax` (at least one, if there is one). Only what is already durable is read.
   * Calls `done` later: floor is that boundary, or -1 when the log starts after `after`, or `unreadable`.
   */
  read(after: number, bytesMax: number, done: (floor: number, batches: Batch[]) => void): void;
  /** Position before the first batch in the log: DIFF is possible from here on. */
  readonly start: number;
  /** Segments that end at or before `zxid` may be removed. */
  purge(zxid: number): void;
}

/** In the place of a floor: files or memory ran out for the moment. Whoever needs the log asks again. */
export const unreadable = -2;

/** Snapshots on disk. Chunks are raw state bytes; the port compresses, checksums and names them. */
export interface SnapshotPort {
  /** zxid of the newest complete snapshot on disk, -1 when there is none. */
  readonly newest: number;
  /** Starts writing a snapshot of the state at `zxid`; one at a time. `progress`: a chunk was written. */
  create(zxid: number, progress: () => void): SnapshotSink;
  /** Opens the file of the newest snapshot to send it to a learner as it is on disk. */
  open(done: (source: SnapshotFile | null) => void): void;
  /** Takes a snapshot file from the leader, byte for byte. */
  receive(zxid: number, bytesTotal: number): SnapshotReceiver;
  /** Reads the newest snapshot back, raw chunk after chunk in order, then `done`. */
  load(chunk: (bytes: Buffer) => void, done: (error: string | null) => void): void;
  /** Removes all but the newest `keep` (at least 2) snapshots; returns the oldest zxid kept. */
  retain(keep: number, done: (oldest: number) => void): void;
}

export interface SnapshotSink {
  /** Raw state bytes, handed over (the caller forgets them). */
  write(chunk: Buffer): void;
  /** Chunks handed over and not yet written; the server pauses while there are more than a few. */
  readonly pending: number;
  /** Everything was written: make it durable and visible, then call `done`. */
  finish(done: (error: string | null) => void): void;
  abort(): void;
}

export interface SnapshotFile {
  readonly zxid: number;
  readonly bytesTotal: number;
  read(offset: number, length: number, done: (bytes: Buffer | null) => void): void;
  close(): void;
}

export interface SnapshotReceiver {
  /** Returns why that failed, or null; after a failure it can only be aborted. */
  write(offset: number, bytes: Buffer): string | null;
  /** Verifies every checksum, makes the file durable and visible, then calls `done`. */
  finish(done: (error: string | null) => void): void;
  abort(): void;
}

/** The mesh of links to the other servers: one connection per pair, frames in order. */
export interface PeerPort {
  /**
   * Queues one frame (a body of `peer/frames.ts`) in two parts; dropped when the link is down. The head is
   * copied, the tail is kept as it is until it has left: it must never change.
   *
   * @param isChecked the tail has a checksum of its own, which whoever gets it looks at
   */
  send(to: number, head: Uint8Array, tail: Uint8Array, isChecked: boolean): void;
  /** Lets go what `send` gathered, `first` before the others: one write per peer and turn. */
  flush(first: number): void;
  /** Bytes accepted by `send` and not yet taken by the kernel. */
  backlog(to: number): number;
  /** Closes a link whose frames made no sense; it is dialled anew later. */
  reset(to: number, reason: string): void;
}

/** One client connection, whatever carries it (TCP, TLS, in-process, simulated). */
export interface ClientLink {
  /** Client's address without port, as `127.0.0.1`, for ACLs of scheme ip and limits. */
  readonly address: string;
  /** `address:port`, as four-letter words print it. */
  readonly label: string;
  /**
   * Sends bytes. Returns true when they have left the buffer, so that the caller may reuse it at
   * once; false when the link keeps the buffer and the caller must take a new one.
   */
  write(bytes: Uint8Array): boolean;
  /** Bytes accepted by `write` and not yet taken by the kernel. */
  readonly backlog: number;
  /** Stops and restarts the delivery of `clientBytes`: backpressure. */
  pause(): void;
  resume(): void;
  /** Closes after what was written has been sent. */
  close(): void;
}

/** What a program proposed, once it is committed. */
export interface Command {
  /** Its place among all txns: it grows from command to command, on every server the same. */
  readonly zxid: number;
  /** The leader's wall clock when it took the command, ms since 1970: the only time that all servers agree on. */
  readonly time: number;
  /** The machine's own. */
  readonly data: Buffer;
}

/**
 * State of the embedding program's own that all servers of the ensemble hold, beside the znodes: the same
 * log, the same snapshots, the same order. Each server has one, from the start of the ensemble on.
 *
 * A machine depends on nothing but its commands: no clock, no randomness, no other input. An error that
 * it throws ends the process as any uncaught one: no server may pass over a command that others carry out.
 */
export interface StateMachine {
  /**
   * Carries out committed commands, in order; the results (if any, one per command) go to those who
   * proposed them on this server, as they are. A restart begins at the newest snapshot and comes here with
   * the rest again.
   */
  apply(batch: readonly Command[]): readonly unknown[] | void;
  /**
   * The state as it is at this call, in pieces that are asked for while commands go on to be applied: what
   * is given must not show them. Only the first piece is asked for at once: a generator must have copied what
   * it needs before its first `yield`. All pieces together have to fit into memory wherever they are restored.
   */
  snapshot(): Iterable<Uint8Array>;
  /**
   * Puts a state that `snapshot` gave in the place of the present one. Its bytes may come cut into other
   * pieces; no pieces: as it was before the first command.
   */
  restore(pieces: readonly Buffer[]): void;
}

/** One line per event that an operator would want to know; nothing per request. */
export interface Journal {
  info(event: string, fields?: Readonly<Record<string, string | number | boolean>>): void;
  warn(event: string, fields?: Readonly<Record<string, string | number | boolean>>): void;
  error(event: string, fields?: Readonly<Record<string, string | number | boolean>>): void;
}

export interface Ports {
  readonly clock: Clock;
  readonly log: LogPort;
  readonly snapshots: SnapshotPort;
  readonly peers: PeerPort;
  /** Absent: there are znodes only. */
  readonly machine?: StateMachine;
  readonly journal: Journal;
  readonly checksum: Checksum;
  /** Fills with bytes nobody can predict: session passwords, ensemble ids. */
  random(into: Uint8Array): void;
  /** SHA-1 of a text in base64, for ACLs of scheme digest. */
  sha1Base64(text: string): string;
  /** Compares secrets in constant time. */
  equalSecret(a: Uint8Array, b: Uint8Array): boolean;
  /** Text of a four-letter word, null when there is no such word; `argument` is what came with it. */
  words(word: string, argument: Buffer): string | null;
  /** Asks for one call of `server.turn()` soon; asking again before it came changes nothing. */
  schedule(): void;
}
