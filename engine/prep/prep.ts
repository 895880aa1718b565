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
import { nodeKind, passwordBytes, txnType, type TxnType } from '../txn/types.ts';
import { parentOf } from '../tree/paths.ts';
import type { TreeView } from '../tree/view.ts';
import { decodeIds, permission, readAcls, writeAcls } from '../wire/acl.ts';
import { errorCode, type ErrorCode } from '../wire/errors.ts';
import { opcode } from '../wire/opcodes.ts';
import { isValidPath } from '../wire/paths.ts';
import { expandAcls, isAllowed, type Secrets } from './access.ts';
import { Overlay, type Change } from './overlay.ts';
import { prepareMulti } from './multi.ts';

const protectedPaths = new Set(['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config']);

/** Create flags (CreateMode): ephemeral 1, sequential 2; 4 makes a plain node unless asked with its own op. */
const flagEphemeral = 1;
const flagSequential = 2;
const flagsMax = 6;

export class Prep {
  readonly overlay: Overlay;
  readonly #tree: TreeView;
  readonly #secrets: Secrets;
  /** Sessions created, moved or closed by txns in flight: the owner, or 0 when closed. */
  readonly #sessions = new Map<number, { owner: number; zxid: number }>();
  readonly #reader = new Reader();
  readonly #body = new Writer(4096);
  readonly #password = Buffer.alloc(passwordBytes);
  #request!: RequestCursor;

  constructor(tree: TreeView, secrets: Secrets) {
    this.#tree = tree;
    this.#secrets = secrets;
    this.overlay = new Overlay(tree);
  }

  /** Turns the request under the cursor, from a client of server `origin`, into the next txn of `out`. */
  prepare(request: RequestCursor, origin: number, out: BatchWriter): void {
    this.#request = request;
    const body = this.#body;
    body.clear();
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
    const refusal = this.#checkSession(request, origin);
    if (request.op === internalOp.resumeSession) return this.#resumeSession(reader, zxid, origin, refusal);
    if (refusal !== errorCode.ok) return refusal;
    switch (request.op) {
      case opcode.multi:
        return prepareMulti(this, reader, this.#body, zxid);
      case opcode.closeSession:
        return this.#closeSession(request.session, zxid);
      case opcode.sync:
        return this.#sync(reader);
      default:
        return this.change(request.op, reader, this.#body, zxid);
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
    for (const path of this.overlay.ephemeralsOf(session)) this.#removeNode(path, zxid);
    this.#setSession(session, 0, zxid);
    return txnType.closeSession;
  }

  #setSession(id: number, owner: number, zxid: number): void {
    // Delete first: the map's order is the order of the last change, which `applied` relies on.
    this.#sessions.delete(id);
    this.#sessions.set(id, { owner, zxid });
  }

  // ---- znodes ------------------------------------------------------------------------------------

  /** A change of one node, alone or as a part of a multi. */
  change(op: number, reader: Reader, body: Writer, zxid: number): TxnType | ErrorCode {
    switch (op) {
      case opcode.setData:
        return this.#setData(reader, body, zxid);
      case opcode.create:
      case opcode.create2:
        return this.#create(op, reader, body, zxid);
      case opcode.delete:
        return this.#delete(reader, body, zxid);
      case opcode.setAcl:
        return this.#setAcl(reader, body, zxid);
      case opcode.check:
        return this.#check(reader, body);
      default:
        return errorCode.unimplemented;
    }
  }

  #setData(reader: Reader, body: Writer, zxid: number): TxnType | ErrorCode {
    const start = reader.at;
    const path = reader.string();
    const pathEnd = reader.at;
    const length = reader.i32();
    if (length > 0) reader.at += length;
    const version = reader.i32();
    if (reader.bad || length < -1) return errorCode.marshalling;
    if (!isValidPath(path)) return errorCode.badArguments;
    const node = this.overlay.find(path);
    if (node === null) return errorCode.noNode;
    if (!this.#allowed(node, permission.write)) return errorCode.noAuth;
    if (version !== -1 && version !== node.version) return errorCode.badVersion;
    const change = this.overlay.touch(path, zxid);
    // After 2**31 changes the version would be -1, which means "any": ZooKeeper skips it (4743).
    change.version = change.version === -2 ? 0 : (change.version + 1) | 0;
    body.need(reader.at - start);
    body.raw(reader.bytes, start, pathEnd);
    body.raw(reader.bytes, pathEnd, reader.at - 4);
    body.i32(change.version);
    return txnType.setData;
  }

  #create(
    op: typeof opcode.create | typeof opcode.create2,
    reader: Reader,
    body: Writer,
    zxid: number,
  ): TxnType | ErrorCode {
    let path = reader.string();
    const data = reader.buffer();
    const acls = readAcls(reader);
    const flags = reader.i32();
    if (reader.bad) return errorCode.marshalling;
    if (flags < 0 || flags > flagsMax) return errorCode.badArguments;
    if (flags > 4) return errorCode.unimplemented;
    const sequential = flags < 4 && (flags & flagSequential) !== 0;
    const ephemeral = flags < 4 && (flags & flagEphemeral) !== 0;
    if (!hasParent(path)) return errorCode.badArguments;
    const expanded = expandAcls(acls, acls.some((acl) => acl.scheme === 'auth') ? this.#identity() : []);
    if (expanded === null) return errorCode.invalidAcl;
    const parentPath = parentOf(path);
    const parent = this.overlay.find(parentPath);
    if (parent === null) return errorCode.noNode;
    if (!this.#allowed(parent, permission.create)) return errorCode.noAuth;
    if (sequential) path += sequenceText(parent.creations);
    if (!isValidPath(path)) return errorCode.badArguments;
    const parentIsEphemeral = parent.kind === nodeKind.ephemeral;
    if (path === '/' || this.overlay.find(path) !== null) return errorCode.nodeExists;
    if (parentIsEphemeral) return errorCode.noChildrenForEphemerals;

    const kind = ephemeral ? nodeKind.ephemeral : nodeKind.persistent;
    const owner = ephemeral ? this.#request.session : 0;
    const change = this.overlay.touch(parentPath, zxid);
    change.creations = (change.creations + 1) | 0;
    change.children++;
    const { creations } = change;
    body.string(path);
    body.buffer(data);
    const aclStart = body.at;
    writeAcls(expanded, body);
    const open =
      expanded.length === 1 && expanded[0]!.scheme === 'world' && expanded[0]!.permissions === permission.all;
    this.overlay.create(path, zxid, kind, owner, open ? null : Buffer.from(body.bytes.subarray(aclStart, body.at)));
    body.u8(kind);
    body.i64(owner);
    body.i32(creations);
    return op === opcode.create2 ? txnType.create2 : txnType.create;
  }

  #delete(reader: Reader, body: Writer, zxid: number): TxnType | ErrorCode {
    const path = reader.string();
    const version = reader.i32();
    if (reader.bad) return errorCode.marshalling;
    if (!hasParent(path) || protectedPaths.has(path)) return errorCode.badArguments;
    const parent = this.overlay.find(parentOf(path));
    if (parent === null) return errorCode.noNode;
    if (!this.#allowed(parent, permission.delete)) return errorCode.noAuth;
    const node = this.overlay.find(path);
    if (node === null) return errorCode.noNode;
    if (version !== -1 && version !== node.version) return errorCode.badVersion;
    if (node.children > 0) return errorCode.notEmpty;
    this.#removeNode(path, zxid);
    body.string(path);
    return txnType.delete;
  }

  #removeNode(path: string, zxid: number): void {
    this.overlay.touch(parentOf(path), zxid).children--;
    this.overlay.remove(path, zxid);
  }

  #setAcl(reader: Reader, body: Writer, zxid: number): TxnType | ErrorCode {
    const path = reader.string();
    const acls = readAcls(reader);
    const version = reader.i32();
    if (reader.bad) return errorCode.marshalling;
    if (!isValidPath(path)) return errorCode.badArguments;
    const expanded = expandAcls(acls, this.#identity());
    if (expanded === null) return errorCode.invalidAcl;
    const node = this.overlay.find(path);
    if (node === null) return errorCode.noNode;
    if (!this.#allowed(node, permission.admin)) return errorCode.noAuth;
    if (version !== -1 && version !== node.aclVersion) return errorCode.badVersion;
    const change = this.overlay.touch(path, zxid);
    change.aclVersion = change.aclVersion === -2 ? 0 : (change.aclVersion + 1) | 0;
    body.string(path);
    const aclStart = body.at;
    writeAcls(expanded, body);
    change.acl = Buffer.from(body.bytes.subarray(aclStart, body.at));
    body.i32(change.aclVersion);
    return txnType.setAcl;
  }

  #check(reader: Reader, body: Writer): TxnType | ErrorCode {
    const path = reader.string();
    const version = reader.i32();
    if (reader.bad) return errorCode.marshalling;
    if (!isValidPath(path)) return errorCode.badArguments;
    const node = this.overlay.find(path);
    if (node === null) return errorCode.noNode;
    if (!this.#allowed(node, permission.read)) return errorCode.noAuth;
    if (version !== -1 && version !== node.version) return errorCode.badVersion;
    body.string(path);
    body.i32(version);
    return txnType.check;
  }

  /** `sync` names a path and asks nothing of it; its commit is the proof (ZooKeeper never checks it). */
  #sync(reader: Reader): TxnType | ErrorCode {
    const path = reader.string();
    if (reader.bad) return errorCode.marshalling;
    this.#body.string(path);
    return txnType.sync;
  }

  #allowed(node: Change, wanted: number): boolean {
    const { bytes, identityStart, identityEnd } = this.#request;
    return isAllowed(node.acl, wanted, bytes, identityStart, identityEnd);
  }

  #identity(): ReturnType<typeof decodeIds> {
    return decodeIds(this.#request.bytes, this.#request.identityStart, this.#request.identityEnd);
  }
}

/** All that ZooKeeper asks of a path before it looks for the parent; what is wrong with the rest shows later. */
function hasParent(path: string): boolean {
  return path.includes('/') && !path.includes('\0');
}

/** ZooKeeper's `%010d` of a signed 32-bit number. */
function sequenceText(creations: number): string {
  return creations < 0 ? `-${String(-creations).padStart(9, '0')}` : String(creations).padStart(10, '0');
}
