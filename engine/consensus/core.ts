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
 *  3. An established leader's first batch follows everything that was ever committed before; the
 *     driver prepares it only once all of that is applied, since txns are state deltas.
 *  4. No ack, promise or vote leaves before its write is durable: the core withholds it until it is
 *     told `synced`, so no order of operations in a driver can break the rule.
 *  5. Memory is bounded by `base/limits.ts` and the options.
 *  6. Writes carry tickets that only grow, over all roles: a late completion can never be mistaken
 *     for that of a newer write.
 *
 * A core keeps its state in `private` fields instead of `#private` ones: that is the seam by which the
 * explorer (test/explore) copies a server and tells whether two of them are in the same state.
 */
import type { Batch } from '../txn/batch.ts';
import type { History } from './history.ts';

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

/** Work on snapshots and on old parts of the log that the driver does for the core, outside its step. */
export type Transfer =
  /** Leader: open the newest snapshot for `to` and answer with the input `snapshotOpened`. */
  | { readonly kind: 'sendSnapshot'; readonly to: number }
  /** Leader: `LogPort.read(after)` for `to` and answer with the input `history`. */
  | { readonly kind: 'readHistory'; readonly to: number; readonly after: number; readonly token: number }
  /** Learner: receive the snapshot at `zxid`, replace the state, answer `installed`. */
  | { readonly kind: 'install'; readonly from: number; readonly zxid: number; readonly bytesTotal: number }
  /** Learner: give that up if it can still be given up; answer `installed` or `installFailed`. */
  | { readonly kind: 'abortInstall' };

export type Input<Message> =
  /** Time passes. Given at the start of each turn and at least every `tickMs`; all deadlines hang on it. */
  | { readonly kind: 'tick'; readonly now: number }
  | { readonly kind: 'link'; readonly peer: number; readonly up: boolean }
  | { readonly kind: 'message'; readonly from: number; readonly message: Message }
  /** A batch that follows `lastLogged`; only while `canPropose`. */
  | { readonly kind: 'propose'; readonly batch: Batch }
  /** Every write up to `ticket` is durable. */
  | { readonly kind: 'synced'; readonly ticket: number }
  | { readonly kind: 'history'; readonly token: number; readonly floor: number; readonly batches: readonly Batch[] }
  /** Answer to `sendSnapshot`; zxid -1 when there is none. */
  | { readonly kind: 'snapshotOpened'; readonly to: number; readonly zxid: number; readonly bytesTotal: number }
  /** The learner has the whole snapshot and has installed it. */
  | { readonly kind: 'snapshotSent'; readonly to: number }
  | { readonly kind: 'installed'; readonly zxid: number }
  | { readonly kind: 'installFailed' }
  /** The turn is over: what waited for company (a commit for the next proposal) goes now. */
  | { readonly kind: 'turnEnd' };

/** What a core wants done; reused every turn, emptied by the driver. */
export class Effects<Message> {
  readonly writes: { ticket: number; write: Write }[] = [];
  readonly sends: { to: number; message: Message }[] = [];
  readonly transfers: Transfer[] = [];
  /** Peers whose messages broke the protocol: close the link, it will be dialled anew. */
  readonly resets: { peer: number; reason: string }[] = [];
  /** Role, phase or epoch changed: look at the core. */
  changed = false;

  clear(): void {
    this.writes.length = 0;
    this.sends.length = 0;
    this.transfers.length = 0;
    this.resets.length = 0;
    this.changed = false;
  }
}

export interface ConsensusCore<Message> {
  readonly role: Role;
  /** The server that this one follows or is; 0 while looking. */
  readonly leader: number;
  /** The epoch joined or led; while looking the last one. */
  readonly epoch: number;
  /** True once a quorum stands behind the leader and this server is part of it: clients may be served. */
  readonly serving: boolean;
  /** Everything up to here is committed and in this server's log: apply it. Never goes back. */
  readonly committed: number;
  /** Last zxid handed to the log. */
  readonly lastLogged: number;
  /** Last zxid known durable here. */
  readonly lastSynced: number;
  /** True on an established leader whose window of batches in flight has room. */
  readonly canPropose: boolean;
  /** Batches still in memory, for applying and for learners. */
  readonly history: History;
  step(input: Input<Message>, effects: Effects<Message>): void;
}
