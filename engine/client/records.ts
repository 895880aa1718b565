/** Records of the protocol as values. A 64-bit number is a double, but an owner may use all 64 bits and is text. */
import { Buffer } from 'node:buffer';
import type { Reader, Writer } from '../base/bytes.ts';
import { permission, type Acl, type Id } from '../wire/acl.ts';

export interface Stat {
  /** zxid of the txn that created the node. */
  readonly czxid: number;
  /** zxid of the txn that changed its data last. */
  readonly mzxid: number;
  /** Milliseconds since 1970. */
  readonly ctime: number;
  readonly mtime: number;
  /** Changes of its data, of its children, of its ACL. */
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  /** The session that it ends with, as `client.sessionId` spells it; `0x0` for a node that is not ephemeral. */
  readonly ephemeralOwner: string;
  readonly dataLength: number;
  readonly numChildren: number;
  /** zxid of the txn that changed its children last. */
  readonly pzxid: number;
}

export interface NodeData {
  readonly data: Buffer | null;
  readonly stat: Stat;
}

/** The usual access control lists. */
export const acls = {
  /** Anyone may do anything. */
  open: [{ permissions: permission.all, scheme: 'world', id: 'anyone' }],
  /** Whoever creates the node may do anything, all others nothing; needs an identity (`addAuth`). */
  creatorAll: [{ permissions: permission.all, scheme: 'auth', id: '' }],
  /** Anyone may read. */
  read: [{ permissions: permission.read, scheme: 'world', id: 'anyone' }],
} as const satisfies Readonly<Record<string, readonly Acl[]>>;

export function readStat(from: Reader): Stat {
  return {
    czxid: from.i64(),
    mzxid: from.i64(),
    ctime: from.i64(),
    mtime: from.i64(),
    version: from.i32(),
    cversion: from.i32(),
    aversion: from.i32(),
    ephemeralOwner: readLongText(from),
    dataLength: from.i32(),
    numChildren: from.i32(),
    pzxid: from.i64(),
  };
}

/** All 64 bits, as ZooKeeper spells them: Apache's session ids do not fit a double. */
export function readLongText(from: Reader): string {
  const high = from.u32();
  const low = from.u32();
  if (high === 0) return low === 0 ? '0x0' : `0x${low.toString(16)}`;
  return `0x${high.toString(16)}${low.toString(16).padStart(8, '0')}`;
}

/** The bytes of a node, as a copy: the frame's memory is used again. */
export function readData(from: Reader): Buffer | null {
  const view = from.buffer();
  return view === null ? null : Buffer.from(view);
}

export function readStrings(from: Reader): string[] {
  const strings: string[] = [];
  for (let left = from.count(4); left > 0 && !from.bad; left--) strings.push(from.string());
  return strings;
}

export function readClientInfos(from: Reader): Id[] {
  const ids: Id[] = [];
  for (let left = from.count(8); left > 0 && !from.bad; left--) {
    ids.push({ scheme: from.stringOrNull() ?? '', id: from.stringOrNull() ?? '' });
  }
  return ids;
}

/** Text is written as UTF-8. */
export function writeData(data: Uint8Array | string | null, out: Writer): void {
  if (typeof data === 'string') out.string(data);
  else out.buffer(data);
}

export function writeStrings(strings: readonly string[], out: Writer): void {
  out.i32(strings.length);
  for (const string of strings) out.string(string);
}
