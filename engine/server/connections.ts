/**
 * Who is connected, and what leaves for them: one write per connection and turn.
 *
 * A connection is found by the link it came with, by its number (watches and handshakes refer to
 * that) and, once its handshake is done, by its session.
 */
import type { Buffer } from 'node:buffer';
import { Writer } from '../base/bytes.ts';
import type { Histogram } from '../base/histogram.ts';
import { writeReply } from '../wire/replies.ts';
import { Connection } from './connection.ts';
import type { ClientLink, Clock } from './ports.ts';
import type { Traffic } from './traffic.ts';

/** A reply buffer starts with this much. */
const outBytes = 4 * 1024;

export class Connections {
  readonly #clock: Clock;
  readonly #traffic: Traffic;
  readonly #byLink = new Map<ClientLink, Connection>();
  readonly #byId = new Map<number, Connection>();
  readonly #bySession = new Map<number, Connection>();
  /** Told of each connection that ends, once. */
  readonly #gone: (connection: Connection) => void;
  #nextId = 1;
  /** Those without a whole handshake, oldest first. */
  readonly #new = new Set<Connection>();
  #dirty: Connection[] = [];
  #touched: Connection[] = [];

  constructor(clock: Clock, traffic: Traffic, gone: (connection: Connection) => void) {
    this.#clock = clock;
    this.#traffic = traffic;
    this.#gone = gone;
  }

  get count(): number {
    return this.#byId.size;
  }

  all(): Iterable<Connection> {
    return this.#byId.values();
  }

  ofLink(link: ClientLink): Connection | undefined {
    return this.#byLink.get(link);
  }

  ofId(id: number): Connection | undefined {
    return this.#byId.get(id);
  }

  ofSession(id: number): Connection | undefined {
    return this.#bySession.get(id);
  }

  open(link: ClientLink): Connection {
    const connection = new Connection(this.#nextId++, link, this.#clock.now());
    this.#byLink.set(link, connection);
    this.#byId.set(connection.id, connection);
    this.#new.add(connection);
    return connection;
  }

  /** The link is no more. */
  closed(link: ClientLink): void {
    const connection = this.#byLink.get(link);
    if (connection === undefined) return;
    this.#byLink.delete(link);
    this.#byId.delete(connection.id);
    this.#detach(connection);
  }

  /** The connection's first frame is whole. */
  greeted(connection: Connection): void {
    this.#new.delete(connection);
  }

  /** The connection that has been silent longest, if it is older than `ms`. */
  overdue(ms: number): Connection | null {
    for (const connection of this.#new) return this.#clock.now() - connection.since > ms ? connection : null;
    return null;
  }

  /** Gives the session to this connection; one that held it before is closed. */
  attach(connection: Connection, session: number): void {
    const before = this.#bySession.get(session);
    if (before !== undefined && before !== connection) this.close(before);
    this.#bySession.set(session, connection);
    connection.session = session;
  }

  /** The session is no more; returns the connection that held it. */
  release(session: number): Connection | undefined {
    const connection = this.#bySession.get(session);
    if (connection !== undefined) this.#bySession.delete(session);
    return connection;
  }

  close(connection: Connection): void {
    this.#detach(connection);
    connection.link.close();
  }

  closeAll(): void {
    for (const connection of this.#byId.values()) this.close(connection);
  }

  /** Takes no more input; closes once what is written has left. */
  closeAfterFlush(connection: Connection): void {
    connection.closeAfterFlush = true;
    connection.phase = 'closing';
  }

  #detach(connection: Connection): void {
    connection.phase = 'closing';
    connection.held = null;
    this.#new.delete(connection);
    this.#gone(connection);
    if (this.#bySession.get(connection.session) === connection) this.#bySession.delete(connection.session);
  }

  // ---- what leaves -------------------------------------------------------------------------------

  /** Where to write what shall leave at the end of this turn. */
  out(connection: Connection): Writer {
    connection.out ??= new Writer(outBytes);
    if (connection.out.at === 0) this.#dirty.push(connection);
    return connection.out;
  }

  /** Something leaves that answers no request: an event, a word. */
  sent(connection: Connection): void {
    connection.counts.sent++;
    this.#traffic.sent++;
  }

  /** A reply of `bytes` is written to a request that came at `since`. */
  answered(connection: Connection, latency: Histogram, since: number, now: number, bytes: number): void {
    connection.answered(since, now);
    this.#traffic.answered(latency, now - since, bytes);
  }

  /** Writes a reply without a body. */
  reply(connection: Connection, xid: number, zxid: number, code: number): void {
    const out = this.out(connection);
    const at = out.at;
    writeReply(out, xid, zxid, code);
    this.answered(connection, this.#traffic.reads, connection.heardAt, this.#clock.now(), out.at - at);
  }

  /** One write per connection that has something to send. */
  flush(): void {
    if (this.#dirty.length === 0) return;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const connection of dirty) {
      if (connection.listing && connection.phase !== 'closing') {
        this.#dirty.push(connection);
        continue;
      }
      this.flushNow(connection);
      if (connection.closeAfterFlush) this.close(connection);
    }
  }

  flushNow(connection: Connection): void {
    this.#traffic.bytesSent += connection.out?.at ?? 0;
    connection.flush();
  }

  /** Sends a reply that was made apart from all others. */
  sendApart(connection: Connection, bytes: Buffer): void {
    this.#traffic.bytesSent += bytes.length;
    connection.link.write(bytes);
  }

  // ---- who was heard -----------------------------------------------------------------------------

  touch(connection: Connection): void {
    if (connection.touched) return;
    connection.touched = true;
    this.#touched.push(connection);
  }

  /** Sessions heard since the last call. */
  takeTouched(): number[] {
    const sessions: number[] = [];
    for (const connection of this.#touched) {
      connection.touched = false;
      if (connection.session !== 0) sessions.push(connection.session);
    }
    this.#touched = [];
    return sessions;
  }
}
