/**
 * The first frame of a connection: a session is made or resumed, through the log like any write.
 *
 *   new ── connect request ──► opening ── createSession or resumeSession committed ──► open
 *                                     └── expired, unknown, wrong password ──► told so, and closed
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

const noPassword = Buffer.alloc(passwordBytes);

/** Sends an operation of a handshake to whoever prepares it; its number is the connection's. */
export type ForwardHandshake = (connection: Connection, op: number, session: number, body: Writer) => void;

export class Handshakes {
  readonly #options: ServerOptions;
  readonly #connections: Connections;
  readonly #forward: ForwardHandshake;
  readonly #body = new Writer(64);

  constructor(options: ServerOptions, connections: Connections, forward: ForwardHandshake) {
    this.#options = options;
    this.#connections = connections;
    this.#forward = forward;
  }

  connect(connection: Connection, request: ConnectRequest, tree: Tree): void {
    if (request.lastZxidSeen > tree.lastZxid) {
      // It has seen more than we have: it would go back in time here and must try another server.
      this.#connections.close(connection);
      return;
    }
    const { minSessionTimeout, maxSessionTimeout } = this.#options;
    connection.timeoutMs = Math.min(Math.max(request.timeoutMs, minSessionTimeout), maxSessionTimeout);
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
    this.#connections.attach(connection, id);
    connection.timeoutMs = session.timeoutMs;
    connection.phase = 'open';
    connection.asked(0, internalOp.createSession);
    connection.lastZxid = txn.zxid;
    const out = this.#connections.out(connection);
    writeConnectResponse(out, session.timeoutMs, id, session.password, connection.readOnlyByte);
  }

  /** Session expired, unknown, or wrong password: the client is told and must start anew. */
  #refuse(connection: Connection): void {
    writeConnectResponse(this.#connections.out(connection), 0, 0, noPassword, connection.readOnlyByte);
    this.#connections.closeAfterFlush(connection);
  }
}
