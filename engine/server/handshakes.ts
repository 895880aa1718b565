/**
 * The first frame of a connection: a session is made or resumed, through the log like any write.
 *
 *   new ── connect request ──► opening ── createSession or resumeSession committed ──► open
 *                                     └── expired, unknown, wrong password ──► told so, and closed
 *
 * While there is no leader, `readOnly` takes the log's place.
 *
 * Semantics: ZooKeeperServer.processConnectRequest and finishSessionInit.
 */
import { Buffer } from 'node:buffer';
import { Writer } from '../base/bytes.ts';
import type { Tree } from '../tree/tree.ts';
import type { TxnCursor } from '../txn/batch.ts';
import { internalOp } from '../txn/request.ts';
import { passwordBytes, txnType } from '../txn/types.ts';
import { writeConnectResponse, type ConnectRequest } from '../wire/connect.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import type { ServerOptions } from './options.ts';
import type { Clock } from './ports.ts';
import type { ReadOnlySessions } from './read-only.ts';
import { TokenBucket } from './token-bucket.ts';
import type { Traffic } from './traffic.ts';

const noPassword = Buffer.alloc(passwordBytes);

/** Sends an operation of a handshake to whoever prepares it; its number is the connection's. */
export type ForwardHandshake = (connection: Connection, op: number, session: number, body: Writer) => void;

export class Handshakes {
  readonly #options: ServerOptions;
  readonly #traffic: Traffic;
  readonly #connections: Connections;
  readonly #forward: ForwardHandshake;
  readonly #clock: Clock;
  /** How many handshakes may begin; null: any number. */
  readonly #rate: TokenBucket | null;
  readonly #body = new Writer(64);
  /** Local sessions, while this server serves without a leader; else null. */
  readOnly: ReadOnlySessions | null = null;

  constructor(
    options: ServerOptions,
    traffic: Traffic,
    connections: Connections,
    clock: Clock,
    forward: ForwardHandshake,
  ) {
    this.#options = options;
    this.#traffic = traffic;
    this.#connections = connections;
    this.#clock = clock;
    this.#forward = forward;
    const { connectionThrottleTokens, connectionThrottleFillTime, connectionThrottleFillCount } = options;
    this.#rate =
      connectionThrottleTokens === 0
        ? null
        : new TokenBucket(
            connectionThrottleTokens,
            connectionThrottleFillTime,
            connectionThrottleFillCount,
            clock.now(),
          );
  }

  /** Whether one more handshake may begin now. */
  admits(): boolean {
    return this.#rate === null || this.#rate.take(this.#clock.now());
  }

  connect(connection: Connection, request: ConnectRequest, tree: Tree): void {
    const { readOnly } = this;
    // Who has seen more than we have would go back in time here and must try another server.
    if (request.lastZxidSeen > tree.lastZxid || (readOnly !== null && !request.readOnly)) {
      this.#connections.close(connection);
      return;
    }
    const { minSessionTimeout, maxSessionTimeout } = this.#options;
    connection.timeoutMs = Math.min(Math.max(request.timeoutMs, minSessionTimeout), maxSessionTimeout);
    if (readOnly !== null) {
      this.#connectReadOnly(connection, request, readOnly, tree);
      return;
    }
    const body = this.#body;
    body.clear();
    if (request.session === 0) {
      body.i32(connection.timeoutMs);
      body.i32(connection.id);
      this.#forward(connection, internalOp.createSession, 0, body);
    } else if (
      request.password.length === passwordBytes &&
      Number.isSafeInteger(request.session) &&
      request.session > 0
    ) {
      this.#traffic.resumes++;
      body.raw(request.password);
      body.i32(connection.timeoutMs);
      body.i32(connection.id);
      this.#forward(connection, internalOp.resumeSession, request.session, body);
    } else {
      this.#refuse(connection);
    }
  }

  /** What the leader decided about this connection's session was applied just now. */
  answered(connection: Connection, txn: TxnCursor, tree: Tree): void {
    const id = txn.type === txnType.createSession ? txn.zxid : txn.session;
    const session = txn.type === txnType.error ? null : tree.session(id);
    if (session === null) {
      this.#refuse(connection);
      return;
    }
    connection.timeoutMs = session.timeoutMs;
    this.#open(connection, id, session.password, txn.zxid);
  }

  #connectReadOnly(connection: Connection, request: ConnectRequest, readOnly: ReadOnlySessions, tree: Tree): void {
    const session = readOnly.connect(request, connection.timeoutMs);
    if (session === 'elsewhere') this.#connections.close(connection);
    else if (session === 'expired') this.#refuse(connection);
    else this.#open(connection, session.id, session.password, tree.lastZxid);
  }

  #open(connection: Connection, session: number, password: Buffer, zxid: number): void {
    this.#connections.attach(connection, session);
    connection.phase = 'open';
    connection.asked(0, internalOp.createSession);
    connection.lastZxid = zxid;
    this.#respond(connection, connection.timeoutMs, session, password);
  }

  /** Session expired, unknown, or wrong password: the client is told and must start anew. */
  #refuse(connection: Connection): void {
    this.#respond(connection, 0, 0, noPassword);
    this.#connections.closeAfterFlush(connection);
  }

  #respond(connection: Connection, timeoutMs: number, session: number, password: Buffer): void {
    const readOnly = connection.readOnlyByte ? this.readOnly !== null : null;
    writeConnectResponse(this.#connections.out(connection), timeoutMs, session, password, readOnly);
  }
}
