/**
 * A request as data: what a generator makes, a shrinker takes apart, a person can read and a
 * connection can send. Its fields are those of the record on the wire, in that order.
 */
import { Record } from '../../support/raw-client.ts';

export type Acls = readonly { readonly perms: number; readonly scheme: string; readonly id: string }[];

/** In a path, `@` stands for the node that all of a sequence lies below. */
export type Field =
  | { readonly path: string | null }
  | { readonly paths: readonly string[] }
  | { readonly data: string | null }
  | { readonly int: number }
  | { readonly long: number }
  | { readonly flag: boolean }
  | { readonly acls: Acls }
  /** A zxid that servers do not share: 0, the last one this connection saw, one that never comes. */
  | { readonly since: 'start' | 'seen' | 'never' }
  | { readonly parts: readonly Request[] };

/** What is wrong with the bytes; places are parts of the whole. */
export type Damage =
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'byte'; readonly at: number; readonly value: number }
  | { readonly kind: 'more'; readonly bytes: number };

export interface Request {
  readonly name: string;
  readonly op: number;
  readonly fields: readonly Field[];
  readonly damage?: Damage;
  /** Instead of the connection's next number. */
  readonly xid?: number;
}

/** Characters of a value that are shown. */
const shownMax = 60;
const never = 2n ** 62n;

/** The bytes of the record; `seen` is the last zxid this connection saw. */
export function encode(request: Request, root: string, seen: bigint): Buffer {
  const record = new Record();
  for (const field of request.fields) write(record, field, root, seen);
  return damaged(record.bytes(), request.damage);
}

function write(record: Record, field: Field, root: string, seen: bigint): void {
  if ('path' in field) record.buffer(field.path === null ? null : placed(field.path, root));
  else if ('paths' in field) record.strings(field.paths.map((path) => placed(path, root)));
  else if ('data' in field) record.buffer(field.data);
  else if ('int' in field) record.int(field.int);
  else if ('long' in field) record.long(BigInt(field.long));
  else if ('flag' in field) record.bool(field.flag);
  else if ('acls' in field) record.acl(field.acls);
  else if ('since' in field) record.long(field.since === 'seen' ? seen : field.since === 'never' ? never : 0n);
  else {
    for (const part of field.parts)
      record
        .int(part.op)
        .bool(false)
        .int(-1)
        .raw(encode(part, root, seen));
    record.int(-1).bool(true).int(-1);
  }
}

function placed(path: string, root: string): string {
  return path.replace(/^@|(?<=\/)@/, path.startsWith('@') ? root : root.slice(1));
}

function damaged(bytes: Buffer, damage: Damage | undefined): Buffer {
  if (damage === undefined || bytes.length === 0) return bytes;
  if (damage.kind === 'more') return Buffer.concat([bytes, Buffer.alloc(damage.bytes, 7)]);
  const at = Math.floor(damage.at * bytes.length);
  if (damage.kind === 'cut') return bytes.subarray(0, at);
  bytes[at] = damage.value;
  return bytes;
}

export function describe(request: Request): string {
  const { name, fields, damage, xid } = request;
  const words = [name, ...fields.map(describeField)];
  if (xid !== undefined && xid > 0) words.push(`xid ${xid}`);
  if (damage !== undefined) words.push(`damaged ${JSON.stringify(damage)}`);
  return words.join(' ');
}

function describeField(field: Field): string {
  if ('parts' in field) return `(${field.parts.map(describe).join('; ')})`;
  if ('acls' in field) return `[${field.acls.map(({ perms, scheme, id }) => `${perms}:${scheme}:${id}`).join(' ')}]`;
  if ('since' in field) return `since ${field.since}`;
  const text = JSON.stringify(Object.values(field)[0]);
  return text.length > shownMax ? `${text.slice(0, shownMax)}…` : text;
}
