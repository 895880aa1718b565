/**
 * What a server counts and times of itself; engine/admin gives it the names that operators know.
 *
 * To count is to add to a field, to time is to record into a histogram: nothing here allocates on the
 * way of a request, and what is timed is timed per batch, role or turn.
 */
import { Histogram } from '../base/histogram.ts';
import type { Role } from '../consensus/core.ts';
import { Stages } from './stages.ts';
import { Traffic } from './traffic.ts';

export class Metrics {
  readonly traffic = new Traffic();
  readonly stages = new Stages();

  /** Work of one turn. */
  readonly turn = new Histogram();

  // The leader: batches by txns and bytes; txns proposed and committed.
  readonly batchTxns = new Histogram();
  readonly batchBytes = new Histogram();
  proposed = 0;
  committed = 0;
  sessionsExpired = 0;
  /** Learners brought up to date by the txns they lacked, and by a whole snapshot. */
  diffs = 0;
  snaps = 0;

  // A learner: txns proposed and committed to it; and by the leader's clock, how late they came.
  received = 0;
  learned = 0;
  readonly proposalDelay = new Histogram();
  readonly commitDelay = new Histogram();
  /** From a txn's making to its being applied here, on any server, by the leader's clock. */
  readonly propagation = new Histogram();

  // Roles.
  lookings = 0;
  readonly election = new Histogram();
  readonly unavailable = new Histogram();
  readonly leaderUnavailable = new Histogram();
  readonly followerSync = new Histogram();
  readonly observerSync = new Histogram();

  // The disk: snapshots written, and what the start took.
  readonly snapshot = new Histogram();
  readonly startup = new Histogram();
  readonly snapshotLoad = new Histogram();
  /** Fsyncs that took longer than the limit. */
  slowFsyncs = 0;

  #role: Role | null = null;
  #roleSince = 0;
  #unavailableSince = 0;
  /** When this server began to lead and to serve; -1 while it does not lead. */
  #leadsSince = -1;

  constructor(now: number) {
    this.#unavailableSince = now;
    this.#roleSince = now;
  }

  /** Role or readiness of the core changed. */
  changed(role: Role, now: number): void {
    if (role !== 'leading') this.#leadsSince = -1;
    if (role === this.#role) return;
    if (role === 'looking') this.lookings++;
    else if (this.#role === 'looking') this.election.recordMs(now - this.#roleSince);
    this.#role = role;
    this.#roleSince = now;
  }

  /** Clients are served from now on. */
  served(role: Role, now: number): void {
    this.unavailable.recordMs(now - this.#unavailableSince);
    if (role === 'leading') {
      this.leaderUnavailable.recordMs(now - this.#unavailableSince);
      this.#leadsSince = now;
    } else {
      const sync = role === 'observing' ? this.observerSync : this.followerSync;
      sync.recordMs(now - this.#roleSince);
    }
  }

  /** Clients are no longer served. */
  suspended(now: number): void {
    this.#unavailableSince = now;
  }

  leadsForMs(now: number): number {
    return this.#leadsSince < 0 ? 0 : now - this.#leadsSince;
  }

  reset(): void {
    this.traffic.reset();
    this.stages.reset();
    this.proposed = this.committed = this.sessionsExpired = this.diffs = this.snaps = 0;
    this.received = this.learned = this.lookings = this.slowFsyncs = 0;
    for (const field of Object.values(this)) if (field instanceof Histogram) field.reset();
  }
}
