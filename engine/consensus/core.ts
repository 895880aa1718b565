/**
 * The one interface that a consensus core has: inputs in, effects out.
 *
 * A core is a function with memory. It has no I/O, no clock and no randomness of its own; time, disk
 * completions and links are inputs like any message. Everything it wants done is left in `Effects`,
 * which the driver carries out in this order: writes, sends, commits, role.
 *
 * The contract, checked by the simulator for every core:
 *  1. Commits form one gap-free sequence of batches, equal on every server.
 *  2. Primary order: a batch commits only right after its `prev`.
 *  3. `leading` with `established` is announced only once everything earlier was applied.
 *  4. No ack, promise or vote leaves before its write is durable: the core withholds it until it is
 *     told `synced`, so no order of operations in a driver can break the rule.
 *  5. Memory is bounded by `base/limits.ts` and the options.
 *  6. Writes carry tickets that only grow, over all roles: a late completion can never be mistaken
 *     for that of a newer write.
 */
import type { Batch } from '../txn/batch.ts';

export type Role = 'looking' | 'following' | 'observing' | 'leading';

/** What a server must remember across a crash besides its log; one checksummed record. */
export interface HardState {
  /** The highest epoch promised to a prospective leader. */
  readonly acceptedEpoch: number;
  /** The epoch of the last leader whose history this server has taken over. */
  readonly currentEpoch: number;
  /** Which ensemble the data belongs to, 0 while unknown. */
  readonly ensembleId: number;
}

/** One change to the disk. They are carried out in order and complete in order. */
export type Write =
  /** `committed`: everything up to here is known to be committed, a hint for the next restart. */
  | { readonly kind: 'append'; readonly batch: Batch; readonly committed: number }
  | { readonly kind: 'state'; readonly state: HardState }
  /** Drops every batch after `last`. */
  | { readonly kind: 'truncate'; readonly last: number }
  /** A snapshot at `zxid` was installed: the log restarts after it and forgets all before. */
  | { readonly kind: 'reset'; readonly zxid: number };

/**
 * Tree state and log meet here: a learner so far behind that the leader's log no longer
 * reaches back gets a snapshot, and the driver moves its bytes.
 */
export type Transfer =
  /** Leader: stream the newest snapshot to `to`, then tell the core `snapshotSent`. */
  | { readonly kind: 'sendSnapshot'; readonly to: number }
  /** Leader: read batches after `after` from the log, then give the core `history`. */
  | { readonly kind: 'readHistory'; readonly to: number; readonly after: number; readonly token: number };
