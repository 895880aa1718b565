/**
 * Every bound of the engine that is not a setting, each with its arithmetic.
 *
 * What an operator may change has its default in `server/options.ts`; what is here would break a
 * peer or a data folder if two servers disagreed, or is a ceiling nobody needs to tune.
 */
const KiB = 1024;
const MiB = 1024 * KiB;

/**
 * One batch: at most this many bytes and txns. A txn is at most one client frame (1 MiB by
 * default, 64 MiB when raised) and a batch holds at least one, hence the ceiling of a peer frame.
 */
export const batchTxnsMax = 16384;

/** A peer frame carries one batch, one snapshot chunk or one turn of forwarded requests. */
export const peerFrameBytesMax = 80 * MiB;

/** One log segment. */
export const segmentBytes = 64 * MiB;

/** A frame of forwarded requests is closed once it holds this much: with one more request it still fits. */
export const requestFrameBytes = 4 * MiB;

/**
 * An ACL as it is stored; a larger one is refused (-114). It is read at each look at the node, and what
 * `auth` stands for is written once for each node: a small request must not become a large txn.
 */
export const aclBytesMax = 64 * KiB;

/**
 * Beyond one such ACL a multi may grow to so many times its size, by what `auth` stands for in its parts, and never
 * beyond a frame.
 */
export const multiGrowthMax = 16;
export const multiBytesMax = 64 * MiB;

/**
 * A longer path is refused (-8); ZooKeeper is bounded only by its frame. V8 hashes no string of more characters:
 * all of one length would lie in one place of the index, and each look there would be a walk.
 */
export const pathBytesMax = 16_383;

/** Data of the nodes that make a quota, which are parsed at each change below it; more is refused (-8). */
export const quotaBytesMax = 1024;

/** Sub-operations of one multi. */
export const multiOpsMax = 65536;

/** Reply to one multiRead: a request of 1 MiB can name the same node of 1 MiB 40000 times. */
export const multiReadBytesMax = 64 * MiB;
