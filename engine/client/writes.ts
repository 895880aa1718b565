/** Records of requests; how nodes are created, by themselves or within a transaction. */
import type { Writer } from '../base/bytes.ts';
import { writeAcls, type Acl } from '../wire/acl.ts';
import { opcode } from '../wire/opcodes.ts';
import { acls, writeData } from './records.ts';

export type Data = Uint8Array | string | null;

export interface CreateOptions {
  /** It ends with this session. */
  readonly ephemeral?: boolean | undefined;
  /** Its name gets a number that only grows, ten digits, unique among its siblings. */
  readonly sequential?: boolean | undefined;
  /** The servers remove it some time after its last child is gone. */
  readonly container?: boolean | undefined;
  /** The servers remove it when it had no children and no change for this long, ms; 1 to 2^40 - 1. */
  readonly ttlMs?: number | undefined;
  /** Default: `acls.open`. */
  readonly acl?: readonly Acl[] | undefined;
}

/** How to change the ensemble: servers to add and to leave, or all that shall be members. */
export interface Reconfiguration {
  readonly joining?: string;
  readonly leaving?: string;
  readonly members?: string;
  /** Only if the present configuration is this one; -1: any. */
  readonly fromConfig?: number;
}

/** The operation that creates such a node; with its Stat in the reply, if `withStat` (others have it anyway). */
export function createOp(options: CreateOptions, withStat: boolean): number {
  const { ephemeral = false, sequential = false, container = false, ttlMs } = options;
  if (container && (ephemeral || sequential || ttlMs !== undefined))
    throw new TypeError('a container can be nothing else as well.');
  if (ttlMs !== undefined && ephemeral) throw new TypeError('an ephemeral node has no ttlMs.');
  if (ttlMs !== undefined) return opcode.createTtl;
  if (container) return opcode.createContainer;
  return withStat ? opcode.create2 : opcode.create;
}

/** ZooKeeper's CreateMode. */
function flagsOf({ ephemeral = false, sequential = false, container = false, ttlMs }: CreateOptions): number {
  if (ttlMs !== undefined) return sequential ? 6 : 5;
  if (container) return 4;
  return (ephemeral ? 1 : 0) + (sequential ? 2 : 0);
}

export function writeCreate(path: string, data: Data, options: CreateOptions, out: Writer): void {
  out.string(path);
  writeData(data, out);
  writeAcls(options.acl ?? acls.open, out);
  out.i32(flagsOf(options));
  if (options.ttlMs !== undefined) out.i64(options.ttlMs);
}

export function writeSet(path: string, data: Data, version: number, out: Writer): void {
  out.string(path);
  writeData(data, out);
  out.i32(version);
}

export function writeVersioned(path: string, version: number, out: Writer): void {
  out.string(path);
  out.i32(version);
}

export function writePath(out: Writer, path: string): void {
  out.string(path);
}

export function writeRead(path: string, isWatched: boolean, out: Writer): void {
  out.string(path);
  out.bool(isWatched);
}

export function writeReconfiguration(change: Reconfiguration, out: Writer): void {
  for (const servers of [change.joining, change.leaving, change.members]) {
    if (servers === undefined) out.i32(-1);
    else out.string(servers);
  }
  out.i64(change.fromConfig ?? -1);
}
