/**
 * The kinds of txn and their bodies (integers big-endian, strings and buffers as in jute).
 *
 * Where a client operation exists the txn has its number, so a dump reads like the protocol.
 * A txn is a state delta: whatever the leader had to decide (sequence number, version, ACL,
 * expanded identities) is in it, and applying it can neither fail nor differ between servers.
 */
export const txnType = {
  /** path · data buffer · vector<ACL> · u8 kind (nodeKind) · i64 owner or ttl · i32 new parent cversion */
  create: 1,
  /** path; of a container or TTL node perhaps because it is due */
  delete: 2,
  /** path · data buffer · i32 new version */
  setData: 5,
  /** path · vector<ACL> · i32 new aversion */
  setAcl: 7,
  /** path: changes nothing; its commit proves that the leader led at that moment */
  sync: 9,
  /** path · i32 version asked for; only inside a multi, changes nothing */
  check: 13,
  /** i32 count · count × (u8 type · i32 length · body) */
  multi: 14,
  /** as `create`; the client asked for the Stat as well. Containers and TTL nodes always are made so */
  create2: 15,
  /** data buffer: the ensemble has these servers now (/zookeeper/config) */
  reconfig: 16,
  /** i32 timeout ms · 16 bytes password · u32 tag of the connection at the origin */
  createSession: 200,
  /** i32 timeout ms, negotiated anew · u32 tag of the connection at the origin, which owns the session now */
  resumeSession: 201,
  /** empty: removes the session and every ephemeral node it owns */
  closeSession: 202,
  /** i32 code · i32 operation asked for: a refused request takes a zxid as well, as in ZooKeeper */
  error: 203,
  /** i32 count · i32 index of the failing operation · i32 code */
  multiError: 204,
  /** what a program proposed to its own state machine; nothing to the tree */
  command: 205,
} as const;

export type TxnType = (typeof txnType)[keyof typeof txnType];

/** What becomes of a node by itself: nothing, or it goes with its session, its last child or its ttl. */
export const nodeKind = { persistent: 0, ephemeral: 1, container: 2, ttl: 3 } as const;

export type NodeKind = (typeof nodeKind)[keyof typeof nodeKind];

export const passwordBytes = 16;
