/**
 * From request to txn, on the leader: every decision is made here, once, against the tree as it will be.
 *
 *   request ─► session alive and here? ─► decode ─► checks in ZooKeeper's order ─► one txn, always
 *
 * A refusal is a txn as well (`error`), so each request takes exactly one zxid and its answer keeps
 * its place among the session's replies. Order of checks: PrepRequestProcessor.pRequest2Txn.
 */
import { Buffer } from 'node:buffer';
import { Reader, Writer } from '../base/bytes.ts';
import type { BatchWriter } from '../txn/batch.ts';
import { internalOp, type RequestCursor } from '../txn/request.ts';
import { passwordBytes, txnType, type TxnType } from '../txn/types.ts';
import type { TreeView } from '../tree/view.ts';
import { errorCode, type ErrorCode } from '../wire/errors.ts';
import { opcode } from '../wire/opcodes.ts';
import type { Secrets } from './access.ts';
import { Changes, type Rules } from './changes.ts';
import { prepareMulti } from './multi.ts';
import { Overlay } from './overlay.ts';

export class Prep {
  readonly overlay: Overlay;
  readonly #changes: Changes;
  readonly #tree: TreeView;
  readonly #secrets: Secrets;
  readonly #takesCommands: boolean;
  /** Sessions created, moved or closed by txns in flight: the owner, or 0 when closed. */
  readonly #sessions = new Map<number, { owner: number; zxid: number }>();
  readonly #reader = new Reader();
  readonly #body = new Writer(4096);
  readonly #password = Buffer.alloc(passwordBytes);
  #request!: RequestCursor;

  /**
   * @param takesCommands this server has a state machine of its program's own
   * @param ephemeralsRecordedMax beyond how many the nodes of a closing session are deleted as one; for tests
   */
  constructor(tree: TreeView, secrets: Secrets, rules: Rules, takesCommands: boolean, ephemeralsRecordedMax?: number) {
    this.#tree = tree;
    this.#takesCommands = takesCommands;
    this.#secrets = secrets;
    this.overlay = new Overlay(tree, rules, ephemeralsRecordedMax);
    this.#changes = new Changes(tree, this.overlay, rules);
  }

  /** Turns the request under the cursor, from a client of server `origin`, into the next txn of `out`. */
  prepare(request: RequestCursor, origin: number, out: BatchWriter): void {
    this.#request = request;
    const body = this.#body;
    body.clear();
    this.#changes.begin(request, out.time);
    const type = this.#decide(request, origin, out.nextZxid);
    if (type < 0) {
      body.clear();
      body.i32(type);
      body.i32(request.op);
      out.add(txnType.error, origin, request.session, request.cxid, body.bytes, 0, body.at);
    } else {
      out.add(type, origin, request.session, request.cxid, body.bytes, 0, body.at);
    }
  }

  /** Everything up to `zxid` has been applied to the tree. */
  applied(zxid: number): void {
    this.overlay.applied(zxid);
    if (this.#sessions.size === 0) return;
    for (const [id, change] of this.#sessions) {
      if (change.zxid > zxid) break;
      this.#sessions.delete(id);
    }
  }

  /** Writes the body and returns the txn's type, or returns the error code. */
  #decide(request: RequestCursor, origin: number, zxid: number): TxnType | ErrorCode {
    const reader = this.#reader.reset(request.bytes, request.bodyStart, request.bodyEnd);
    if (request.op === internalOp.createSession) return this.#createSession(reader, zxid, origin);
    if (request.op === internalOp.command) {
      // Once it is committed, every server has to carry it out.
      if (!this.#takesCommands) return errorCode.unimplemented;
      this.#body.raw(request.bytes, request.bodyStart, request.bodyEnd);
      return txnType.command;
    }
    if (origin === 0) {
      // The leader's own requests.
      if (request.op === opcode.deleteContainer) return this.#changes.reap(reader, this.#body, zxid);
      if (request.op === internalOp.setMembership) return this.#changes.setMembership(reader, this.#body, zxid);
    }
    const refusal = this.#checkSession(request, origin);
    if (request.op === internalOp.resumeSession) return this.#resumeSession(reader, zxid, origin, refusal);
    if (refusal !== errorCode.ok) return refusal;
    switch (request.op) {
      case opcode.multi:
        return prepareMulti(this.#changes, reader, this.#body, zxid);
      case opcode.closeSession:
        return this.#closeSession(request.session, zxid);
      case opcode.sync:
        return this.#sync(reader);
      default:
        return this.#changes.change(request.op, reader, this.#body, zxid);
    }
  }

  // ---- sessions ----------------------------------------------------------------------------------

  #checkSession(request: RequestCursor, origin: number): ErrorCode {
    const owner = this.#sessions.get(request.session)?.owner ?? this.#tree.session(request.session)?.owner ?? 0;
    if (owner === 0) return errorCode.sessionExpired;
    if (request.op === internalOp.resumeSession || origin === 0 || owner === origin) return errorCode.ok;
    return errorCode.sessionMoved;
  }

  #createSession(reader: Reader, zxid: number, origin: number): TxnType | ErrorCode {
    const timeoutMs = reader.i32();
    const tag = reader.i32();
    if (reader.bad) return errorCode.marshalling;
    this.#secrets.random(this.#password);
    this.#body.i32(timeoutMs);
    this.#body.raw(this.#password);
    this.#body.i32(tag);
    this.#setSession(zxid, origin, zxid);
    return txnType.createSession;
  }

  #resumeSession(reader: Reader, zxid: number, origin: number, refusal: ErrorCode): TxnType | ErrorCode {
    const password = reader.view(passwordBytes);
    const timeoutMs = reader.i32();
    const tag = reader.i32();
    const session = this.#tree.session(this.#request.session);
    // A session whose creation is still in flight has told no client its password yet.
    if (reader.bad || refusal !== errorCode.ok || session === null) return errorCode.sessionExpired;
    if (!this.#secrets.equalSecret(password, session.password)) return errorCode.sessionExpired;
    this.#body.i32(timeoutMs);
    this.#body.i32(tag);
    this.#setSession(session.id, origin, zxid);
    return txnType.resumeSession;
  }

  #closeSession(session: number, zxid: number): TxnType {
    this.overlay.closeSession(session, zxid);
    this.#setSession(session, 0, zxid);
    return txnType.closeSession;
  }

  #setSession(id: number, owner: number, zxid: number): void {
    // Delete first: the map's order is the order of the last change, which `applied` relies on.
    this.#sessions.delete(id);
    this.#sessions.set(id, { owner, zxid });
  }

  /** `sync` names a path and asks nothing of it; its commit is the proof (ZooKeeper never checks it). */
  #sync(reader: Reader): TxnType | ErrorCode {
    const path = reader.string();
    if (reader.bad) return errorCode.marshalling;
    this.#body.string(path);
    return txnType.sync;
  }
}
