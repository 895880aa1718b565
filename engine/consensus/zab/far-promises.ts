/**
 * Joins of servers that say they have promised an epoch far beyond all that is known.
 *
 * Such a number is rather wrong than true: it would stand for thousands of elections among servers that are all away
 * now. A leader that believes one stops leading, and the epoch it then begins uses up all that there are between. So it
 * counts only when a quorum does not come together without it.
 */
import type { Join } from './messages.ts';
import type { Self } from './self.ts';

/** Epochs. */
const farFrom = 4096;

export class FarPromises {
  private readonly self: Self;
  private readonly until: number;
  private readonly joins = new Map<number, Join>();

  /** @param until how long a quorum is waited for without them, ms of the server's clock */
  constructor(self: Self, until: number) {
    this.self = self;
    this.until = until;
  }

  /** Whether the join has to wait; it does for good once there is a quorum. */
  holds(from: number, join: Join, hasQuorum: boolean): boolean {
    const { state, epochSeen, now } = this.self;
    const isFar = join.acceptedEpoch > Math.max(state.acceptedEpoch, epochSeen) + farFrom;
    if (!isFar || (!hasQuorum && now >= this.until)) return false;
    this.joins.set(from, join);
    return true;
  }

  /** Those that have waited long enough. */
  due(): [number, Join][] {
    if (this.self.now < this.until) return [];
    const due = [...this.joins];
    this.joins.clear();
    return due;
  }

  forget(peer: number): void {
    this.joins.delete(peer);
  }
}
