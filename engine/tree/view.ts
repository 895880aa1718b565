/**
 * What prep and reads may ask of the tree.
 *
 * A znode is a slot: a small integer, valid until the node is deleted. Only `tree/store.ts` knows
 * where its columns lie.
 */
import type { Buffer } from 'node:buffer';
import type { Writer } from '../base/bytes.ts';
import type { NodeKind } from '../txn/types.ts';

export interface TreeView {
  /** zxid of the last txn applied. */
  readonly lastZxid: number;
  /** Znodes, with the root and those below /zookeeper. */
  readonly nodeCount: number;
  /** Every slot is below this. */
  readonly slotEnd: number;
  /** Slot of the node at `path`, -1 when there is none. */
  find(path: string): number;
  path(slot: number): string;
  parent(slot: number): number;
  /** Data version, as in Stat. */
  version(slot: number): number;
  /** ZooKeeper's internal cversion: the number of children ever created here. */
  childCreations(slot: number): number;
  aclVersion(slot: number): number;
  childCount(slot: number): number;
  kind(slot: number): NodeKind;
  /** Session id of an ephemeral node, ttl ms of a TTL node, else 0. */
  owner(slot: number): number;
  mzxid(slot: number): number;
  /** ms since 1970, by the clock of whoever led. */
  mtime(slot: number): number;
  pzxid(slot: number): number;
  /** Interned ACL; `aclBytes` gives its vector<ACL> as in jute. Equal ACLs have equal ids on one server. */
  aclId(slot: number): number;
  aclBytes(id: number): Buffer;
  /** -1 for null data. */
  dataLength(slot: number): number;
  /** The data as text, one character for each byte. */
  dataText(slot: number): string;
  /** Appends the data as a jute buffer. */
  writeData(slot: number, out: Writer): void;
  /** Appends the 68 bytes of Stat. */
  writeStat(slot: number, out: Writer): void;
  /** Calls `visit` with each child's name (no slash), in no particular order. */
  eachChild(slot: number, visit: (name: string) => void): void;
  /** Nodes below this one, at any depth; walks them. */
  descendants(slot: number): number;
  /** Ephemeral nodes of the session. */
  ephemeralCount(session: number): number;
  /** Their slots, in no particular order. */
  ephemerals(session: number): readonly number[];
  /** Subtrees with a quota. */
  readonly quotaCount: number;
  /** The deepest path with a quota at or above this one, null when there is none. */
  quotaOver(path: string): string | null;
  /** The replicated session, or null. */
  session(id: number): SessionView | null;
}

export interface SessionView {
  readonly id: number;
  /** Negotiated time-out, ms. */
  readonly timeoutMs: number;
  readonly password: Buffer;
  /** Server whose client holds it: it alone may send writes for this session (else -118). */
  readonly owner: number;
}
