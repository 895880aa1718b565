/**
 * Who may do what: ACL checks and the ACLs that clients send (ZooKeeper's ZooKeeperServer.checkACL,
 * PrepRequestProcessor.fixupACL and the authentication providers world, auth, digest, ip).
 */
import { Buffer } from 'node:buffer';
import { aclBytesMax } from '../base/limits.ts';
import { decodeAcls, decodeIds, permission, type Acl, type Id } from '../wire/acl.ts';

/** Crypto that the pure layers borrow from the host. */
export interface Secrets {
  sha1Base64(text: string): string;
  equalSecret(a: Uint8Array, b: Uint8Array): boolean;
  random(into: Uint8Array): void;
}

/** Permissions and two lengths. */
const aclEntryBytes = 12;

/** The identity whose holder passes every check. */
const superScheme = 'super';

/** Who looked at an ACL last, and what he may. */
interface Look {
  readonly identity: Buffer;
  readonly rights: number;
}

/** By the bytes of the ACL, which never change: a long one takes milliseconds, and a multi may look at it often. */
const looks = new WeakMap<Buffer, Look>();

/** True when one of the connection's identities has `wanted` by the ACL. `acl` null is open to all. */
export function isAllowed(acl: Buffer | null, wanted: number, identity: Buffer, start: number, end: number): boolean {
  if (acl === null) return true;
  let look = looks.get(acl);
  if (look === undefined || !look.identity.equals(identity.subarray(start, end))) {
    const rights = rightsOf(decodeAcls(acl), decodeIds(identity, start, end));
    look = { identity: Buffer.from(identity.subarray(start, end)), rights };
    looks.set(acl, look);
  }
  return (look.rights & wanted) !== 0;
}

export function holdsRight(acls: readonly Acl[], wanted: number, ids: readonly Id[]): boolean {
  return (rightsOf(acls, ids) & wanted) !== 0;
}

/** All permissions that somebody with these identities has by the ACL. */
function rightsOf(acls: readonly Acl[], ids: readonly Id[]): number {
  if (acls.length === 0 || ids.some((id) => id.scheme === superScheme)) return permission.all;
  const proved = new Set(ids.map(keyOf));
  const addresses = ids.filter(({ scheme }) => scheme === 'ip');
  const matches = (acl: Acl): boolean =>
    isAnyone(acl) ||
    (acl.scheme === 'ip' ? addresses.some(({ id }) => addressMatches(id, acl.id)) : proved.has(keyOf(acl)));
  let rights = 0;
  for (const acl of acls) if ((acl.permissions & ~rights) !== 0 && matches(acl)) rights |= acl.permissions;
  return rights;
}

/** No scheme has a colon. */
function keyOf({ scheme, id }: Id): string {
  return `${scheme}:${id}`;
}

function isAnyone({ scheme, id }: Id): boolean {
  return scheme === 'world' && id === 'anyone';
}

/**
 * The ACL to store for what the client sent: duplicates dropped, `auth` replaced by the identities it
 * has proved. Null when it is invalid (-114): empty, unknown scheme, malformed id, `auth` with nothing
 * proved, or more than may be stored.
 */
export function expandAcls(acls: readonly Acl[], ids: readonly Id[]): Acl[] | null {
  if (acls.length === 0) return null;
  // An address proves nothing about a person, and `super` is nobody's name.
  const proved = ids.filter(({ scheme }) => scheme === 'digest');
  const expanded: Acl[] = [];
  const seen = new Set<string>();
  const isNew = (acl: Acl): boolean => seen.size < seen.add(`${acl.permissions} ${keyOf(acl)}`).size;
  let bytes = 0;
  for (const acl of acls) {
    const isAuth = acl.scheme === 'auth';
    // Whatever its id says, it stands for the same.
    if (!isNew(isAuth ? { ...acl, id: '' } : acl)) continue;
    if (isAuth ? proved.length === 0 : !isAnyone(acl) && !isValidId(acl)) return null;
    for (const { scheme, id } of isAuth ? proved : [acl]) {
      const entry = { permissions: acl.permissions, scheme, id };
      if (isAuth && !isNew(entry)) continue;
      expanded.push(entry);
      bytes += aclEntryBytes + Buffer.byteLength(scheme) + Buffer.byteLength(id);
      if (bytes > aclBytesMax) return null;
    }
  }
  return expanded;
}

function isValidId({ scheme, id }: Acl): boolean {
  if (scheme === 'digest') return /^[^:]*:[^:]+$/.test(id);
  if (scheme === 'ip') return parseRange(id) !== null;
  return false;
}

/** `a.b.c.d` or IPv6, with an optional `/bits`. */
function parseRange(text: string): { bytes: number[]; bits: number } | null {
  const [address, bitsText, extra] = text.split('/');
  if (extra !== undefined) return null;
  const bytes = parseAddress(address!);
  if (bytes === null) return null;
  if (bitsText === undefined) return { bytes, bits: bytes.length * 8 };
  const bits = Number(bitsText);
  if (!/^\d+$/.test(bitsText) || bits > bytes.length * 8) return null;
  return { bytes, bits };
}

function parseAddress(text: string): number[] | null {
  if (!text.includes(':')) {
    const parts = text.split('.');
    if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) return null;
    return parts.map(Number);
  }
  const [head, tail, extra] = text.split('::');
  if (extra !== undefined) return null;
  const groups = (part: string | undefined): string[] => (part === undefined || part === '' ? [] : part.split(':'));
  const left = groups(head);
  const right = groups(tail);
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  const all = [...left, ...Array.from({ length: missing }, () => '0'), ...right];
  if (!all.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return null;
  return all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]);
}

function addressMatches(address: string, range: string): boolean {
  const wanted = parseRange(range);
  const actual = parseAddress(address);
  if (wanted === null || actual === null || wanted.bytes.length !== actual.length) return false;
  for (let bit = 0; bit < wanted.bits; bit += 8) {
    const mask = wanted.bits - bit >= 8 ? 0xff : (0xff00 >> (wanted.bits - bit)) & 0xff;
    if (((wanted.bytes[bit / 8]! ^ actual[bit / 8]!) & mask) !== 0) return false;
  }
  return true;
}

/**
 * What an auth packet proves: for `digest` with `user:password` the id `user:base64(sha1(user:password))`,
 * and `super` beside it when that equals `superDigest`. `ip` proves nothing new. Null: refused (-115, then
 * the connection closes).
 */
export function authenticate(scheme: string, proof: Buffer, secrets: Secrets, superDigest: string): Id[] | null {
  if (scheme === 'ip') return [];
  if (scheme !== 'digest') return null;
  const text = proof.toString('utf8');
  const colon = text.indexOf(':');
  const user = colon === -1 ? text : text.slice(0, colon);
  const id = `${user}:${secrets.sha1Base64(text)}`;
  if (superDigest !== '' && id === superDigest)
    return [
      { scheme: 'digest', id },
      { scheme: superScheme, id: '' },
    ];
  return [{ scheme: 'digest', id }];
}

/** ACLs as getACL shows them to somebody without ADMIN: the hash of a digest id is hidden. */
export function maskDigests(acls: readonly Acl[]): Acl[] {
  return acls.map((acl) => (acl.scheme === 'digest' ? { ...acl, id: `${acl.id.split(':')[0]!}:x` } : acl));
}
