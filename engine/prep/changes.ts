/**
 * From a request to change one znode to its txn, or to the code that refuses it.
 *
 * Every check looks at the tree as it will be once all txns in flight are applied, in the order of
 * ZooKeeper's PrepRequestProcessor.pRequest2Txn.
 */
import { Buffer } from 'node:buffer';
import type { Reader, Writer } from '../base/bytes.ts';
import type { RequestCursor } from '../txn/request.ts';
import { nodeKind, txnType, type NodeKind, type TxnType } from '../txn/types.ts';
import { parentOf } from '../tree/paths.ts';
import { mayHold } from '../tree/quotas.ts';
import type { TreeView } from '../tree/view.ts';
import { decodeIds, permission, readAcls, writeAcls } from '../wire/acl.ts';
import { errorCode, type ErrorCode } from '../wire/errors.ts';
import { opcode } from '../wire/opcodes.ts';
import { versionText } from '../wire/members.ts';
import { isValidPath } from '../wire/paths.ts';
import { expandAcls, isAllowed } from './access.ts';
import type { Change, Overlay } from './overlay.ts';
import type { QuotaRules } from './quota-ledger.ts';
import { isDue, type ReapingRules } from './reaping.ts';
import { checkReconfig, configPath, type ReconfigRules } from './reconfig.ts';

const protectedPaths = new Set(['/', '/zookeeper', '/zookeeper/quota', configPath]);

/** Create flags (CreateMode): ephemeral 1, sequential 2; both 3; container 4; with a ttl 5, and sequential 6. */
const flagEphemeral = 1;
const flagSequential = 2;
export const flagsContainer = 4;
export const flagsTtl = 5;
const flagsMax = 6;
const noTtl = -1;
/** ZooKeeper keeps a ttl in five bytes: some 34 years. */
const ttlMsMax = 2 ** 40 - 1;

type CreateOp = typeof opcode.create | typeof opcode.create2 | typeof opcode.createContainer | typeof opcode.createTtl;

/** What an operator has switched. */
export type Rules = ReapingRules & QuotaRules & ReconfigRules;

export class Changes {
  readonly overlay: Overlay;
  readonly #tree: TreeView;
  readonly #rules: Rules;
  #request!: RequestCursor;
  #time = 0;

  constructor(tree: TreeView, overlay: Overlay, rules: Rules) {
    this.#tree = tree;
    this.overlay = overlay;
    this.#rules = rules;
  }

  /** Whose request the following changes are, and what time it is for them. */
  begin(request: RequestCursor, time: number): void {
    this.#request = request;
    this.#time = time;
  }

  /** A change of one node, alone or as a part of a multi. */
  change(op: number, reader: Reader, body: Writer, zxid: number): TxnType | ErrorCode {
    switch (op) {
      case opcode.setData:
        return this.#setData(reader, body, zxid);
      case opcode.create:
      case opcode.create2:
      case opcode.createContainer:
      case opcode.createTtl:
        return this.#create(op, reader, body, zxid);
      case opcode.delete:
        return this.#delete(reader, body, zxid);
      case opcode.setAcl:
        return this.#setAcl(reader, body, zxid);
      case opcode.check:
        return this.#check(reader, body);
      case opcode.reconfig:
        return this.#reconfig(reader);
      case opcode.deleteContainer:
        // For the leader alone. ZooKeeper makes no path of what a client sends.
        return errorCode.badArguments;
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
    const dataBytes = Math.max(length, 0);
    if (!mayHold(path, reader.bytes, pathEnd + 4, pathEnd + 4 + dataBytes)) return errorCode.badArguments;
    if (!this.overlay.quotas.allows(path, dataBytes - node.dataBytes, 0)) return errorCode.quotaExceeded;
    if (version !== -1 && version !== node.version) return errorCode.badVersion;
    const change = this.overlay.touch(path, zxid);
    // After 2**31 changes the version would be -1, which means "any": ZooKeeper skips it (4743).
    change.version = change.version === -2 ? 0 : (change.version + 1) | 0;
    this.overlay.resize(change, dataBytes);
    body.need(reader.at - start);
    body.raw(reader.bytes, start, pathEnd);
    body.raw(reader.bytes, pathEnd, reader.at - 4);
    body.i32(change.version);
    return txnType.setData;
  }

  #create(op: CreateOp, reader: Reader, body: Writer, zxid: number): TxnType | ErrorCode {
    let path = reader.string();
    const data = reader.buffer();
    const acls = readAcls(reader);
    const flags = reader.i32();
    const ttl = op === opcode.createTtl ? reader.i64() : noTtl;
    if (reader.bad) return errorCode.marshalling;
    const refusal = this.#checkMode(op, flags, ttl);
    if (refusal !== errorCode.ok) return refusal;
    if (!hasParent(path)) return errorCode.badArguments;
    const expanded = expandAcls(acls, acls.some((acl) => acl.scheme === 'auth') ? this.#identity() : []);
    if (expanded === null) return errorCode.invalidAcl;
    const parentPath = parentOf(path);
    const parent = this.overlay.find(parentPath);
    if (parent === null) return errorCode.noNode;
    if (!this.#allowed(parent, permission.create)) return errorCode.noAuth;
    if (isSequential(flags)) path += sequenceText(parent.creations);
    if (!isValidPath(path)) return errorCode.badArguments;
    const parentIsEphemeral = parent.kind === nodeKind.ephemeral;
    if (path === '/' || this.overlay.find(path) !== null) return errorCode.nodeExists;
    if (parentIsEphemeral) return errorCode.noChildrenForEphemerals;
    if (data !== null && !mayHold(path, data, 0, data.length)) return errorCode.badArguments;
    const dataBytes = data === null ? 0 : data.length;
    if (!this.overlay.quotas.allows(path, dataBytes, 1)) return errorCode.quotaExceeded;

    const kind = kindOf(op, flags);
    const owner = kind === nodeKind.ephemeral ? this.#request.session : kind === nodeKind.ttl ? ttl : 0;
    const change = this.overlay.touch(parentPath, zxid);
    change.creations = (change.creations + 1) | 0;
    change.children++;
    const { creations } = change;
    body.string(path);
    body.buffer(data);
    const aclStart = body.at;
    writeAcls(expanded, body);
    const isOpen =
      expanded.length === 1 && expanded[0]!.scheme === 'world' && expanded[0]!.permissions === permission.all;
    const acl = isOpen ? null : Buffer.from(body.bytes.subarray(aclStart, body.at));
    this.overlay.create(path, zxid, dataBytes, kind, owner, acl);
    body.u8(kind);
    body.i64(owner);
    body.i32(creations);
    return op === opcode.create ? txnType.create : txnType.create2;
  }

  /** Whether the flags exist, and whether the ttl fits them. */
  #checkMode(op: CreateOp, flags: number, ttl: number): ErrorCode {
    if (flags < 0 || flags > flagsMax) return errorCode.badArguments;
    const hasTtl = flags >= flagsTtl;
    if (hasTtl && !this.#rules.extendedTypesEnabled) return errorCode.unimplemented;
    // ZooKeeper 3.8 ends itself over a createTTL whose flags have none.
    if (hasTtl ? ttl <= 0 || ttl > ttlMsMax : op === opcode.createTtl) return errorCode.badArguments;
    return errorCode.ok;
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
    this.overlay.unlink(path, zxid);
    body.string(path);
    return txnType.delete;
  }

  /**
   * Deletes a container or TTL node that the leader found due. Whatever happened to it meanwhile, it
   * must still be due now; while something about it is in flight it is left for the next time.
   */
  reap(reader: Reader, body: Writer, zxid: number): TxnType | ErrorCode {
    const path = reader.string();
    const node = this.overlay.find(path);
    if (node === null) return errorCode.noNode;
    if (node.children > 0) return errorCode.notEmpty;
    if (node.zxid !== 0 || !isDue(this.#tree, this.#tree.find(path), this.#time, this.#rules))
      return errorCode.badVersion;
    this.overlay.unlink(path, zxid);
    body.string(path);
    return txnType.delete;
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

  #reconfig(reader: Reader): ErrorCode {
    const tree = this.#tree;
    const wrong = checkReconfig(reader, tree.dataText(tree.find(configPath)), this.#rules);
    if (wrong !== errorCode.ok) return wrong;
    const node = this.overlay.find(configPath)!;
    return this.#allowed(node, permission.write) ? errorCode.unimplemented : errorCode.noAuth;
  }

  /** The leader's configuration has other servers than /zookeeper/config: now that has them as well. */
  setMembership(reader: Reader, body: Writer, zxid: number): TxnType {
    const servers = reader.buffer()!;
    const data = Buffer.concat([servers, Buffer.from(versionText(zxid))]);
    const change = this.overlay.touch(configPath, zxid);
    change.version = -1;
    this.overlay.resize(change, data.length);
    body.buffer(data);
    return txnType.reconfig;
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

function isSequential(flags: number): boolean {
  return (flags & flagSequential) !== 0;
}

/** createContainer makes a container whatever its flags say, as in ZooKeeper; create makes none. */
function kindOf(op: CreateOp, flags: number): NodeKind {
  if (op === opcode.createContainer) return nodeKind.container;
  if (flags >= flagsTtl) return nodeKind.ttl;
  return flags < flagsContainer && (flags & flagEphemeral) !== 0 ? nodeKind.ephemeral : nodeKind.persistent;
}
