/** A txn for people: its body as named fields, for the tools that print logs. */
import type { Buffer } from 'node:buffer';
import type { Reader } from '../base/bytes.ts';
import { readAcls, type Acl } from '../wire/acl.ts';
import { nodeKind, passwordBytes, txnType, type TxnType } from './types.ts';

export interface TxnFields {
  readonly type: string;
  readonly path?: string;
  readonly data?: Buffer | null;
  readonly acl?: readonly Acl[];
  /** `persistent`, `ephemeral`, … */
  readonly kind?: string;
  /** Session of an ephemeral node. */
  readonly owner?: number;
  readonly ttlMs?: number;
  /** Of the node, of its ACL, or asked for by a check. */
  readonly version?: number;
  /** Children that the parent ever had, this one included. */
  readonly parentCreations?: number;
  readonly timeoutMs?: number;
  readonly code?: number;
  /** Operation that was refused: its number, or its place in a multi. */
  readonly operation?: number;
  readonly operations?: readonly TxnFields[];
}

const typeNames = new Map<number, string>(Object.entries(txnType).map(([name, type]) => [type, name]));
const kindNames = new Map<number, string>(Object.entries(nodeKind).map(([name, kind]) => [kind, name]));

/** Null when the body is not one of that type. */
export function describeTxn(type: number, body: Reader): TxnFields | null {
  const fields = read(type, body);
  return body.bad || body.left > 0 ? null : { type: typeNames.get(type) ?? `type ${type}`, ...fields };
}

function read(type: number, body: Reader): Omit<TxnFields, 'type'> {
  switch (type as TxnType) {
    case txnType.create:
    case txnType.create2:
      return readCreate(body);
    case txnType.delete:
    case txnType.sync:
      return { path: body.string() };
    case txnType.setData:
      return { path: body.string(), data: body.buffer(), version: body.i32() };
    case txnType.setAcl:
      return { path: body.string(), acl: readAcls(body), version: body.i32() };
    case txnType.reconfig:
      return { data: body.buffer() };
    case txnType.check:
      return { path: body.string(), version: body.i32() };
    case txnType.multi:
      return { operations: readOperations(body) };
    case txnType.createSession: {
      const timeoutMs = body.i32();
      // Whoever knows it can take the session over: it is not for people.
      body.view(passwordBytes);
      body.i32();
      return { timeoutMs };
    }
    case txnType.resumeSession: {
      const timeoutMs = body.i32();
      body.i32();
      return { timeoutMs };
    }
    case txnType.closeSession:
      return {};
    case txnType.error:
      return { code: body.i32(), operation: body.i32() };
    case txnType.multiError: {
      body.i32();
      return { operation: body.i32(), code: body.i32() };
    }
    case txnType.command:
      return { data: body.view(body.left) };
    default:
      body.fail();
      return {};
  }
}

function readCreate(body: Reader): Omit<TxnFields, 'type'> {
  const path = body.string();
  const data = body.buffer();
  const acl = readAcls(body);
  const kind = body.u8();
  const owner = body.i64();
  const parentCreations = body.i32();
  return {
    path,
    data,
    acl,
    kind: kindNames.get(kind) ?? `kind ${kind}`,
    ...(kind === nodeKind.ephemeral ? { owner } : {}),
    ...(kind === nodeKind.ttl ? { ttlMs: owner } : {}),
    parentCreations,
  };
}

function readOperations(body: Reader): TxnFields[] {
  const operations: TxnFields[] = [];
  for (let left = body.count(5); left > 0 && !body.bad; left--) {
    const type = body.u8();
    const end = body.i32() + body.at;
    operations.push({ type: typeNames.get(type) ?? `type ${type}`, ...read(type, body) });
    if (body.at !== end) body.fail();
  }
  return operations;
}
