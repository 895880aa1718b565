/**
 * One session, over as many connections as it takes.
 *
 *   pausing ─► opening ─► greeting ─► ready ──────► ended
 *      ▲          │           │         │ lost        expired · authFailed · closed
 *      └──────────┴───────────┴─────────┘
 *
 * Replies come in the order of the requests. When a connection is lost, what was sent has an unknown
 * outcome and ends with ConnectionLossError; what was not sent waits for the next one. All waiting is
 * bounded: one timer is armed for whatever is due first.
 */
import { Buffer } from 'node:buffer';
import { Reader, type Writer } from '../base/bytes.ts';
import { errorCode } from '../wire/errors.ts';
import type { EventType } from '../wire/events.ts';
import { opcode, specialXid } from '../wire/opcodes.ts';
import type { Environment } from './environment.ts';
import {
  AuthFailedError,
  ClientClosedError,
  ConnectionLossError,
  SessionExpiredError,
  type KeeperError,
} from './errors.ts';
import { Hosts } from './hosts.ts';
import { Link } from './link.ts';
import type { Auth, Settings } from './options.ts';
import { Pending } from './pending.ts';
import { probe } from './probe.ts';
import { writeData } from './records.ts';
import { Request, type CallOptions, type Decode } from './request.ts';
import type { ServerAddress } from './transport.ts';
import { WatchTable } from './watch-table.ts';

/**
 * `connecting`: there is no connection at the moment, calls wait; `connectedReadOnly`: the server is cut
 * off from its ensemble; `expired`, `authFailed` and `closed` are final.
 */
export type SessionState = 'connecting' | 'connected' | 'connectedReadOnly' | 'expired' | 'authFailed' | 'closed';
export type StateListener = (state: SessionState) => void;

/** Pings are sent at least this often, so that a dead connection is noticed with long sessions as well, ms. */
const pingMsMax = 10_000;
/** A server that takes writes is looked for this often, from … doubling to …, ms. */
const probeMs = 100;
const probeMsMax = 60_000;

export class Session {
  readonly watches: WatchTable;
  state: SessionState = 'connecting';
  /** Eight bytes: an id may use all 64 bits. */
  id: Buffer;
  password: Buffer;
  /** As the server granted it. */
  timeoutMs: number;
  lastZxid = 0;
  /** Why there is no connection, for messages. */
  lastError: Error | null = null;

  readonly #settings: Settings;
  readonly #environment: Environment;
  readonly #hosts: Hosts;
  readonly #auths: Auth[];
  readonly #listeners = new Set<StateListener>();
  readonly #reader = new Reader();
  readonly #pending = new Pending();
  /** Who waits for replies to auth, in order; null for an identity that was presented anew. */
  #authReplies: (((code: number) => void) | null)[] = [];
  #setWatchesLeft = 0;
  #phase: 'pausing' | 'opening' | 'greeting' | 'ready' | 'ended' = 'pausing';
  #link: Link | null = null;
  #hasReadWrite = false;
  /** Set once close() was called. */
  #closed: Promise<void> | null = null;
  /** When the pause or the attempt is over. */
  #phaseEnds: number;
  #stopTimer: (() => void) | null = null;
  #armedFor = Infinity;
  /** When the handshake was begun, and when the newest one that the ensemble has answered. */
  #greetedAt = 0;
  #resumedAt = -Infinity;
  #probePause = probeMs;
  #probeAt = Infinity;
  #stopProbe: (() => void) | null = null;

  constructor(settings: Settings, toClientPath: (path: string) => string) {
    this.#settings = settings;
    this.#environment = settings.environment;
    this.#hosts = new Hosts(settings.servers, settings.sessionTimeoutMs, () => this.#environment.random());
    this.#auths = [...settings.auth];
    this.watches = new WatchTable(toClientPath);
    this.id = settings.sessionId;
    this.password = settings.sessionPassword;
    this.timeoutMs = settings.sessionTimeoutMs;
    this.#hasReadWrite = settings.sessionId.some((byte) => byte !== 0);
    this.#phaseEnds = this.#environment.now();
    this.#arm();
  }

  get isEnded(): boolean {
    return this.#phase === 'ended';
  }

  get servers(): string {
    return this.#hosts.text;
  }

  /** The server of the present connection. */
  get server(): ServerAddress | null {
    return this.#phase === 'ready' ? this.#link!.address : null;
  }

  onState(listener: StateListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Sends a request, now or as soon as there is a connection.
   *
   * @param began told of the request once it is encoded
   */
  call<T>(
    op: number,
    path: string | null,
    options: CallOptions,
    encode: (out: Writer) => void,
    decode: Decode<T>,
    began: ((request: Request) => void) | null = null,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      options.signal?.throwIfAborted();
      if (this.#closed !== null || this.#phase === 'ended') throw this.finalError(path);
      const timeoutMs = options.timeoutMs ?? this.#settings.requestTimeoutMs;
      const now = this.#environment.now();
      const deadline = timeoutMs > 0 ? now + timeoutMs : Infinity;
      const request = new Request(op, path, now, deadline, decode, resolve as (value: unknown) => void, reject);
      this.#submit(request, encode);
      began?.(request);
      if (options.signal !== undefined) request.endsWith(options.signal);
    });
  }

  /** Presents an identity, now and on every later connection. */
  addAuth(auth: Auth): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== null || this.#phase === 'ended') throw this.finalError(null);
      this.#auths.push(auth);
      if (this.#phase !== 'ready') {
        resolve();
        return;
      }
      this.#writeAuth(auth, (code) => (code === 0 ? resolve() : reject(new AuthFailedError())));
      this.#link!.wrote();
    });
  }

  /**
   * Ends the session at the server, after everything that was asked before; then ends for good. A connection
   * that is lost meanwhile is made anew, within the session's time.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const deadline = this.#environment.now() + this.timeoutMs;
    for (let asks = this.#phase === 'ready'; asks && this.#phase !== 'ended';) asks = await this.#askToEnd(deadline);
    this.#end('closed');
  }

  /** Ends for good, at once: the servers learn nothing, and keep the session until it expires. */
  readonly destroy = (): void => this.#end('closed');

  /** Resolves with whether to ask again: the connection was lost, and be it to another client of this session. */
  #askToEnd(deadline: number): Promise<boolean> {
    return new Promise((resolve) => {
      const failed = (error: unknown): void => resolve(error instanceof ConnectionLossError);
      const ended = (): void => resolve(false);
      const now = this.#environment.now();
      this.#submit(new Request(opcode.closeSession, null, now, deadline, () => null, ended, failed), () => {});
    });
  }

  #submit(request: Request, encode: (out: Writer) => void): void {
    const link = this.#phase === 'ready' ? this.#link! : null;
    this.#pending.add(request, encode, link?.out ?? null);
    link?.wrote();
    if (request.deadline < this.#armedFor) this.#arm();
  }

  // ---- the connection ------------------------------------------------------------------------------

  #attempt(): void {
    this.#phase = 'opening';
    this.#phaseEnds = this.#environment.now() + this.#settings.connectTimeoutMs;
    const { connector, replyBytesMax } = this.#settings;
    const link: Link = new Link(connector, this.#hosts.next(), replyBytesMax, this.#environment, {
      opened: () => this.#greet(link),
      frame: (bytes, start, end) => this.#frame(bytes, start, end),
      closed: (reason) => this.#lost(reason),
    });
    this.#link = link;
  }

  #greet({ out }: Link): void {
    this.#phase = 'greeting';
    this.#greetedAt = this.#environment.now();
    out.i32(45);
    out.i32(0);
    out.i64(this.lastZxid);
    out.i32(this.#settings.sessionTimeoutMs);
    // What a server that is cut off gave is no session of the ensemble.
    if (this.#hasReadWrite) out.raw(this.id);
    else out.i64(0);
    out.buffer(this.#hasReadWrite ? this.password : Buffer.alloc(16));
    out.bool(this.#settings.canBeReadOnly);
    this.#link!.wrote();
  }

  #frame(bytes: Buffer, start: number, end: number): void {
    const from = this.#reader.reset(bytes, start, end);
    if (this.#phase === 'greeting') {
      this.#greeted(from);
      return;
    }
    const xid = from.i32();
    const zxid = from.i64();
    const code = from.i32();
    switch (xid) {
      case specialXid.event: {
        const type = from.i32() as EventType;
        from.i32();
        const path = from.string();
        if (!from.bad) this.watches.fire(type, path, zxid);
        return;
      }
      case specialXid.ping:
        return;
      case specialXid.auth:
        this.#authReplies.shift()?.(code);
        if (code !== 0) this.#end('authFailed');
        return;
      case specialXid.setWatches:
        if (--this.#setWatchesLeft === 0 && code === 0) this.watches.resumed();
        return;
      default: {
        if (zxid > this.lastZxid) this.lastZxid = zxid;
        const wrong = this.#pending.reply(xid, code, from);
        if (wrong !== null) this.#link?.fail(wrong);
      }
    }
  }

  #greeted(from: Reader): void {
    from.i32();
    const timeoutMs = from.i32();
    const id = Buffer.from(from.view(8));
    const password = Buffer.from(from.buffer() ?? Buffer.alloc(16));
    const isReadOnly = from.left > 0 && from.bool();
    if (from.bad) {
      this.#link!.fail('the answer to the handshake is malformed');
      return;
    }
    if (timeoutMs <= 0) {
      this.#end(this.#closed === null ? 'expired' : 'closed');
      return;
    }
    this.id = id;
    this.password = password;
    this.timeoutMs = timeoutMs;
    this.#phase = 'ready';
    if (!isReadOnly) this.#resumedAt = this.#greetedAt;
    this.#hosts.succeeded();
    this.#hasReadWrite ||= !isReadOnly;
    this.lastError = null;
    this.#resume();
    if (isReadOnly) this.#probeAt = this.#environment.now() + this.#probePause;
    else this.#probePause = probeMs;
    this.#arm();
    if (this.#closed === null) this.#setState(isReadOnly ? 'connectedReadOnly' : 'connected');
  }

  /** Identities first, since watches need rights; then watches, before anything can be read that they missed. */
  #resume(): void {
    const link = this.#link!;
    this.#authReplies = [];
    for (const auth of this.#auths) this.#writeAuth(auth, null);
    this.#setWatchesLeft = this.watches.writeSetWatches(this.lastZxid, link.out);
    this.#pending.writeAll(link.out);
    link.wrote();
  }

  #writeAuth({ scheme, auth }: Auth, replied: ((code: number) => void) | null): void {
    const { out } = this.#link!;
    const at = out.at;
    out.i32(0);
    out.i32(specialXid.auth);
    out.i32(opcode.auth);
    out.i32(0);
    out.string(scheme);
    writeData(auth, out);
    out.setI32(at, out.at - at - 4);
    this.#authReplies.push(replied);
  }

  #lost(reason: Error | null): void {
    const wasReady = this.#phase === 'ready';
    this.#link = null;
    this.#stopProbing();
    this.lastError = reason ?? new Error('the server closed the connection');
    this.#phase = 'pausing';
    this.#phaseEnds = this.#environment.now() + this.#hosts.pause();
    if (wasReady) {
      for (const replied of this.#authReplies.splice(0)) replied?.(0);
      this.#pending.rejectLost();
    }
    this.#arm();
    if (wasReady && this.#closed === null) this.#setState('connecting');
  }

  #end(state: 'expired' | 'authFailed' | 'closed'): void {
    if (this.#phase === 'ended') return;
    const link = this.#link;
    this.#phase = 'ended';
    this.state = state;
    this.#link = null;
    link?.close();
    this.#stopProbing();
    this.#stopTimer?.();
    for (const replied of this.#authReplies.splice(0)) replied?.(errorCode.authFailed);
    this.#pending.rejectAll(({ path }) => this.finalError(path));
    this.watches.end();
    this.#announce(state);
  }

  /** Why nothing can be asked any more. */
  finalError(path: string | null): KeeperError {
    if (this.state === 'expired') return new SessionExpiredError(path);
    if (this.state === 'authFailed') return new AuthFailedError();
    return new ClientClosedError(path);
  }

  #setState(state: SessionState): void {
    this.state = state;
    this.#announce(state);
  }

  #announce(state: SessionState): void {
    for (const listener of this.#listeners) queueMicrotask(() => listener(state));
  }

  // ---- time ----------------------------------------------------------------------------------------

  /**
   * The leader counts from when it hears of the client, which is not before it spoke. What a server answers by itself,
   * reads and pings, tells nothing: it may be cut off from a leader that has given the session up.
   */
  get lastsUntil(): number {
    if (this.#phase === 'ended') return -Infinity;
    return Math.max(this.#resumedAt, this.#pending.confirmedAt) + this.timeoutMs;
  }

  get #pingMs(): number {
    return Math.min(pingMsMax, this.timeoutMs / 3);
  }

  /** When the next thing is due. */
  #nextDue(): number {
    const due = Math.min(this.#pending.earliestDeadline, this.#probeAt);
    if (this.#phase !== 'ready') return Math.min(due, this.#phaseEnds);
    const { lastSent, lastHeard } = this.#link!;
    return Math.min(due, lastSent + this.#pingMs, lastHeard + (this.timeoutMs * 2) / 3);
  }

  /** Arms the timer for the next thing, unless it is armed for an earlier one anyway. */
  #arm(): void {
    if (this.#phase === 'ended') return;
    const due = this.#nextDue();
    if (due >= this.#armedFor) return;
    this.#stopTimer?.();
    this.#armedFor = due;
    this.#stopTimer = this.#environment.after(Math.max(0, due - this.#environment.now()) + 0.5, () => this.#tick());
  }

  #tick(): void {
    this.#stopTimer = null;
    this.#armedFor = Infinity;
    const now = this.#environment.now();
    if (now >= this.#pending.earliestDeadline) this.#pending.rejectLate(now);
    if (this.#phase === 'ready') this.#tickReady(now, this.#link!);
    else if (now >= this.#phaseEnds) this.#tickAttempt();
    this.#arm();
  }

  #tickAttempt(): void {
    if (this.#phase === 'pausing') {
      this.#attempt();
      return;
    }
    const { host, port } = this.#link!.address;
    this.#link!.fail(`${host}:${port} did not answer within ${this.#settings.connectTimeoutMs} ms`);
  }

  #tickReady(now: number, link: Link): void {
    if (now >= link.lastHeard + (this.timeoutMs * 2) / 3) {
      link.fail(`nothing was heard of the server for ${Math.round(now - link.lastHeard)} ms`);
      return;
    }
    if (now >= link.lastSent + this.#pingMs) {
      link.out.i32(8);
      link.out.i32(specialXid.ping);
      link.out.i32(opcode.ping);
      link.lastSent = now;
      link.wrote();
    }
    if (now >= this.#probeAt) this.#probeNext();
  }

  #probeNext(): void {
    this.#probeAt = Infinity;
    this.#probePause = Math.min(probeMsMax, this.#probePause * 2);
    const server = this.#hosts.next();
    this.#stopProbe = probe(this.#settings.connector, server, this.#environment, (isReadWrite) => {
      this.#stopProbe = null;
      if (!isReadWrite) {
        this.#probeAt = this.#environment.now() + this.#probePause;
        this.#arm();
        return;
      }
      this.#hosts.prefer(server);
      this.#link!.fail('another server takes writes');
    });
  }

  #stopProbing(): void {
    this.#stopProbe?.();
    this.#stopProbe = null;
    this.#probeAt = Infinity;
  }
}
