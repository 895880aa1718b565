/** ACLs and identities: vector<ACL{i32 perms, Id{ustring scheme, ustring id}}> and vector<Id>. */
import { Buffer } from 'node:buffer';
import { Reader, Writer } from '../base/bytes.ts';

/** Rights (ZooKeeper's ZooDefs.Perms). */
export const permission = { read: 1, write: 2, create: 4, delete: 8, admin: 16, all: 31 } as const;

export interface Id {
  readonly scheme: string;
  readonly id: string;
}

export interface Acl extends Id {
  readonly permissions: number;
}

/**
 * Reads a vector<ACL>; a malformed one marks the reader as bad. null (-1) is an empty list, and an
 * empty text: kazoo writes the id of scheme `auth` so.
 */
export function readAcls(reader: Reader): Acl[] {
  const acls: Acl[] = [];
  for (let left = reader.count(12); left > 0 && !reader.bad; left--) {
    acls.push({ permissions: reader.i32(), scheme: text(reader), id: text(reader) });
  }
  return acls;
}

function text(reader: Reader): string {
  return reader.stringOrNull() ?? '';
}

export function writeAcls(acls: readonly Acl[], out: Writer): void {
  out.i32(acls.length);
  for (const acl of acls) {
    out.i32(acl.permissions);
    out.string(acl.scheme);
    out.string(acl.id);
  }
}

/** Decodes the bytes that a node keeps. */
export function decodeAcls(bytes: Buffer): Acl[] {
  return readAcls(new Reader().reset(bytes));
}

export function decodeIds(bytes: Buffer, start = 0, end = bytes.length): Id[] {
  const reader = new Reader().reset(bytes, start, end);
  const ids: Id[] = [];
  for (let left = reader.count(8); left > 0 && !reader.bad; left--) {
    ids.push({ scheme: reader.string(), id: reader.string() });
  }
  return ids;
}

export function encodeIds(ids: readonly Id[]): Buffer {
  const out = new Writer(64);
  out.i32(ids.length);
  for (const { scheme, id } of ids) {
    out.string(scheme);
    out.string(id);
  }
  return out.copy();
}
