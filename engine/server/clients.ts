/**
 * The client side of a server: frames in, requests sorted, replies and events out.
 *
 *   bytes ─► frames ─► handshake │ read (answered here) │ write (forwarded) │ auth
 *   committed txn of ours ─► reply ─► reads parked behind it ─► one write per connection and turn
 *
 * Semantics: ZooKeeper's NIOServerCnxn, ZooKeeperServer and FinalRequestProcessor.
 */
import { Buffer } from 'node:buffer';
import { Reader } from '../base/bytes.ts';
import { isAllowed } from '../prep/access.ts';
import { Results } from '../read/results.ts';
import type { Tree } from '../tree/tree.ts';
import { Watches } from '../tree/watches.ts';
import type { TxnCursor } from '../txn/batch.ts';
import { internalOp, type RequestCursor } from '../txn/request.ts';
import { txnType } from '../txn/types.ts';
import { permission } from '../wire/acl.ts';
import { decodeConnectRequest } from '../wire/connect.ts';
import { errorCode } from '../wire/errors.ts';
import type { EventType } from '../wire/events.ts';
import { isWriteOp, opcode } from '../wire/opcodes.ts';
import { writeEvent } from '../wire/replies.ts';
import type { Connection } from './connection.ts';
import { Connections } from './connections.ts';
import type { Forwarding } from './forwarding.ts';
import { Handshakes } from './handshakes.ts';
import { logIn } from './log-in.ts';
import type { ServerOptions } from './options.ts';
import type { ClientLink, Ports } from './ports.ts';
import { Reading } from './reading.ts';
import { ReadOnlySessions } from './read-only.ts';
import type { Refusals } from './refusals.ts';
import { Throttle } from './throttle.ts';
import type { Traffic } from './traffic.ts';

const requestHeaderBytes = 8;

export class Clients {
  readonly watches: Watches;
  readonly #traffic: Traffic;
  readonly #connections: Connections;
  readonly #handshakes: Handshakes;
  readonly #options: ServerOptions;
  readonly #ports: Ports;
  readonly #forwarding: Forwarding;
  readonly #refusals: Refusals;
  readonly #throttle: Throttle;
  readonly #reading: Reading;
  readonly #reader = new Reader();
  #tree: Tree;
  #results: Results;
  #serving = false;

  constructor(
    options: ServerOptions,
    ports: Ports,
    traffic: Traffic,
    forwarding: Forwarding,
    refusals: Refusals,
    tree: Tree,
  ) {
    this.#options = options;
    this.#ports = ports;
    this.#traffic = traffic;
    this.#forwarding = forwarding;
    this.#refusals = refusals;
    this.#throttle = new Throttle(options, forwarding, refusals, ports);
    this.#tree = tree;
    this.#connections = new Connections(ports.clock, traffic, (connection) => this.watches.forget(connection.id));
    const { clock } = ports;
    this.#handshakes = new Handshakes(options, traffic, this.#connections, clock, (connection, op, session, body) =>
      this.#forward(connection, op, session, connection.id, body.bytes, 0, body.at),
    );
    this.watches = new Watches((id, type, path, aclId) => this.#event(id, type, path, aclId));
    this.#reading = new Reading(
      {
        options,
        clock,
        traffic,
        connections: this.#connections,
        handshakes: this.#handshakes,
        throttle: this.#throttle,
        refusals,
        watches: this.watches,
      },
      tree,
    );
    this.#results = new Results(tree);
    tree.watches = this.watches;
  }

  /** Another tree took the place of ours; nobody is connected who could notice. */
  setTree(tree: Tree): void {
    this.#tree = tree;
    this.#reading.setTree(tree);
    this.#results = new Results(tree);
    tree.watches = this.watches;
  }

  get results(): Results {
    return this.#results;
  }

  get connections(): Iterable<Connection> {
    return this.#connections.all();
  }

  get count(): number {
    return this.#connections.count;
  }

  // ---- coming and going --------------------------------------------------------------------------

  opened(link: ClientLink): void {
    this.#connections.open(link);
  }

  closed(link: ClientLink): void {
    this.#connections.closed(link);
  }

  bytes(link: ClientLink, chunk: Buffer): void {
    const connection = this.#connections.ofLink(link);
    if (connection === undefined || connection.phase === 'closing') return;
    this.#traffic.bytesReceived += chunk.length;
    connection.frames.push(chunk);
    connection.heardAt = this.#ports.clock.now();
    this.#process(connection);
    this.#ports.schedule();
  }

  /** From now on requests are taken; those that waited come first. */
  serve(): void {
    this.#serving = true;
    this.#connectHeld();
    this.resumePaused();
  }

  /**
   * There is no leader, and reads are served to clients that allow it: those that wait to connect are
   * looked at now, all others leave.
   */
  serveReadOnly(): void {
    for (const connection of this.#connections.all())
      if (connection.phase !== 'new' && connection.held === null) this.#connections.close(connection);
    this.#handshakes.readOnly = new ReadOnlySessions(this.#ports, this.#options.tickTime);
    this.#connectHeld();
    this.resumePaused();
  }

  /** Keeps the sessions that `serveReadOnly` gave out, while it lasts. */
  tendReadOnly(): void {
    const sessions = this.#handshakes.readOnly;
    if (sessions === null) return;
    for (const id of this.takeTouched()) sessions.touch(id);
    for (const id of sessions.expired()) this.sessionClosed(id);
  }

  /** There is a leader again: who was served without one connects anew. */
  endReadOnly(): void {
    this.#handshakes.readOnly = null;
    this.leave();
  }

  /** Reads are served and nothing else. */
  get readOnly(): boolean {
    return this.#handshakes.readOnly !== null;
  }

  /** Sessions that this server alone knows. */
  get localSessions(): number {
    return this.#handshakes.readOnly?.size ?? 0;
  }

  #connectHeld(): void {
    for (const connection of this.#connections.all()) {
      if (connection.held === null) continue;
      const { held } = connection;
      connection.held = null;
      this.#handshakes.connect(connection, held, this.#tree);
    }
  }

  /** There is no leader: connections stay, their requests wait. */
  suspend(): void {
    this.#serving = false;
  }

  /** Nobody can be served for long: clients had better look for another server. Words are answered on. */
  leave(): void {
    for (const connection of this.#connections.all())
      if (connection.phase !== 'new') this.#connections.close(connection);
  }

  closeAll(): void {
    this.#traffic.closedWithoutLeader += this.count;
    this.#connections.closeAll();
  }

  // ---- requests ----------------------------------------------------------------------------------

  #process(connection: Connection): void {
    const { frames } = connection;
    while (connection.phase !== 'closing') {
      if (connection.phase !== 'new' && this.#mustWait(connection)) return;
      const found = frames.next(this.#options.juteMaxBuffer);
      if (found === 'more') return;
      this.#traffic.received++;
      connection.counts.received++;
      if (found === 'bad') return this.#badFrame(connection);
      this.#throttle.took(connection, frames.end - frames.start);
      if (connection.phase === 'new') this.#firstFrame(connection);
      else this.#request(connection, frames.bytes, frames.start, frames.end);
    }
  }

  /** True, and the connection is held, when its next request has to wait. */
  #mustWait(connection: Connection): boolean {
    if (connection.phase !== 'opening' && (this.#serving || this.readOnly)) return this.#throttle.mustWait(connection);
    this.#throttle.hold(connection, null);
    return true;
  }

  /** Lets connections go on that no longer have to wait. */
  resumePaused(): void {
    this.#throttle.release((connection) => {
      if (this.#serving || this.readOnly) this.#reading.runParked(connection);
      this.#process(connection);
    });
  }

  /** Goes on with what takes more than one turn to read; true when there is more to do. */
  workOnLists(): boolean {
    return this.#reading.workOnLists();
  }

  /** Ends connections whose handshake does not come. */
  endOverdue(): void {
    const { sessionlessCnxnTimeout } = this.#options;
    for (;;) {
      const connection = this.#connections.overdue(sessionlessCnxnTimeout);
      if (connection === null) return;
      this.#refusals.note('handshakeTimeout', connection.link.label);
      this.#connections.close(connection);
    }
  }

  /** A length out of range: a four-letter word in a new connection, else garbage. */
  #badFrame(connection: Connection): void {
    const isNew = connection.phase === 'new';
    connection.phase = 'closing';
    const answer = isNew ? this.#ports.words(connection.frames.badWord, connection.frames.rest) : null;
    if (answer !== null) {
      connection.link.write(Buffer.from(answer, 'utf8'));
      this.#connections.sent(connection);
    } else {
      this.#refusals.note('frameBytes', connection.link.label);
    }
    this.#connections.close(connection);
  }

  #firstFrame(connection: Connection): void {
    const { bytes, start, end } = connection.frames;
    const request = decodeConnectRequest(bytes, start, end);
    if (request === null) {
      this.#connections.close(connection);
      return;
    }
    this.#traffic.connects++;
    if (!this.#handshakes.admits()) {
      this.#refusals.note('connectionRate', connection.link.label);
      this.#connections.close(connection);
      return;
    }
    this.#connections.greeted(connection);
    connection.phase = 'opening';
    connection.readOnlyByte = request.hasReadOnlyByte;
    if (this.#serving || this.readOnly) this.#handshakes.connect(connection, request, this.#tree);
    else connection.held = request;
  }

  #request(connection: Connection, bytes: Buffer, start: number, end: number): void {
    const header = this.#reader.reset(bytes, start, end);
    const xid = header.i32();
    const op = header.i32();
    if (header.bad) {
      this.#connections.close(connection);
      return;
    }
    this.#connections.touch(connection);
    connection.asked(xid, op);
    const bodyStart = start + requestHeaderBytes;
    if (this.#throttle.waitedTooLong(connection, op)) {
      this.#refusals.note('throttledOp', connection.link.label);
      this.#reading.refuse(connection, xid, op);
    } else if (isWriteOp(op) && !this.readOnly) {
      this.#forward(connection, op, connection.session, xid, bytes, bodyStart, end);
      if (op === opcode.closeSession) connection.phase = 'opening';
    } else if (op === opcode.auth || op === opcode.sasl) {
      this.#logIn(connection, op, xid, header);
    } else {
      this.#reading.take(connection, xid, op, bytes, bodyStart, end);
    }
  }

  #forward(
    connection: Connection,
    op: number,
    session: number,
    xid: number,
    body: Buffer,
    start: number,
    end: number,
  ): void {
    this.#forwarding.add(op, session, xid, connection.identity, body, start, end);
    connection.outstanding.push(xid, op, connection.heardAt, null, end - start);
  }

  #logIn(connection: Connection, op: number, xid: number, reader: Reader): void {
    this.#connections.sent(connection);
    const { superDigest } = this.#options;
    const isKept = logIn(connection, op, xid, reader, this.#connections.out(connection), this.#ports, superDigest);
    if (isKept) return;
    this.#traffic.authFailures++;
    this.#connections.closeAfterFlush(connection);
  }

  // ---- replies -----------------------------------------------------------------------------------

  /** A committed txn of one of our clients was applied; its batch was begun at `now`. */
  completed(txn: TxnCursor, now: number): void {
    if (!this.#forwarding.complete(txn.session, txn.cxid)) return;
    const connection = this.#requester(txn);
    if (connection === undefined || connection.outstanding.length === 0) return;
    const { outstanding } = connection;
    const { xid, op, since } = outstanding;
    if (xid !== txn.cxid || outstanding.body !== null) return;
    outstanding.shift();
    const at = connection.out?.at ?? 0;
    if (isHandshakeOp(op)) {
      this.#handshakes.answered(connection, txn, this.#tree);
    } else if (this.#results.errorOf(txn) === errorCode.sessionMoved) {
      this.#connections.close(connection);
      return;
    } else {
      this.#results.answer(xid, txn, this.#connections.out(connection));
      connection.lastZxid = txn.zxid;
      if (op === opcode.closeSession) this.#connections.closeAfterFlush(connection);
    }
    this.#connections.answered(connection, this.#traffic.updates, since, now, (connection.out?.at ?? 0) - at);
    this.#reading.runParked(connection);
  }

  /** Whether the request is to connect a client that has left since. */
  gaveUp({ op, cxid }: RequestCursor): boolean {
    return isHandshakeOp(op) && (this.#connections.ofId(cxid)?.phase ?? 'closing') === 'closing';
  }

  /** Handshakes are found by the connection's number, everything else by its session. */
  #requester(txn: TxnCursor): Connection | undefined {
    const op = this.#results.refusedOp(txn);
    const isHandshake = txn.type === txnType.createSession || txn.type === txnType.resumeSession || isHandshakeOp(op);
    return isHandshake ? this.#connections.ofId(txn.cxid) : this.#connections.ofSession(txn.session);
  }

  /** The session is no more, whoever closed it. */
  sessionClosed(id: number): void {
    const connection = this.#connections.release(id);
    if (connection !== undefined && !connection.closeAfterFlush) this.#connections.close(connection);
  }

  /** Who may not read a node does not hear of it either, as in ZooKeeper since 3.8.4 (CVE-2024-23944). */
  #event(id: number, type: EventType, path: string, aclId: number): void {
    const connection = this.#connections.ofId(id);
    if (connection === undefined || connection.phase === 'closing') return;
    const { identity } = connection;
    if (aclId !== 0 && !isAllowed(this.#tree.aclBytes(aclId), permission.read, identity, 0, identity.length)) return;
    if (this.#throttle.isDeaf(connection)) {
      // It cannot miss an event and stay: it comes back and asks for what it missed.
      this.#refusals.note('unreadEvents', connection.link.label);
      this.#connections.close(connection);
      return;
    }
    const out = this.#connections.out(connection);
    const at = out.at;
    this.#connections.sent(connection);
    writeEvent(out, type, path);
    this.#traffic.eventBytes += out.at - at;
  }

  // ---- ends of turns -----------------------------------------------------------------------------

  flush(): void {
    this.#connections.flush();
  }

  takeTouched(): number[] {
    return this.#connections.takeTouched();
  }
}

function isHandshakeOp(op: number): boolean {
  return op === internalOp.createSession || op === internalOp.resumeSession;
}
