/**
 * Joins of servers that say they have promised an epoch far beyond all that is known.
 *
 * Such a number is rather wrong than true: it would stand for thousands of elections among servers that are all away
 * now. A leader that believes one stops leading, and the epoch it then begins uses up all that there are between. So
 * it counts only when a quorum does not come together without it, or when it does not go away: the server may be
 * honest, and the number have come from a liar that it followed.
 */
import { epochMax } from '../../base/zxid.ts';
import type { Join } from './messages.ts';
import type { Self } from './self.ts';

/** Epochs. */
const farFrom = 4096;
/** Whoever comes again and again for so long, with the same number, means it, ms. */
const steadyMs = 60_000;

export class FarPromises {
  private readonly self: Self;
  private until: number;
  private readonly joins = new Map<number, Join>();
  /** What each of them says while there is a quorum, and since when. */
  private readonly said = new Map<number, { readonly epoch: number; readonly since: number }>();

  /** @param until how long a quorum is waited for without them, ms of the server's clock */
  constructor(self: Self, until: number) {
    this.self = self;
    this.until = until;
  }

  /** Whether the join waits, or is refused where there is a quorum already. */
  keepsOut(from: number, join: Join, inDiscovery: boolean): boolean {
    const { state, epochSeen, effects, now } = this.self;
    const { acceptedEpoch } = join;
    this.joins.delete(from);
    if (acceptedEpoch <= Math.max(state.acceptedEpoch, epochSeen) + farFrom) return false;
    if (inDiscovery) {
      if (now < this.until) this.joins.set(from, join);
      return now < this.until;
    }
    const before = this.said.get(from);
    if (before?.epoch !== acceptedEpoch) this.said.set(from, { epoch: acceptedEpoch, since: now });
    // It would use up half of all epochs.
    const isTooFar = acceptedEpoch > epochMax / 2;
    if (before?.epoch === acceptedEpoch && now - before.since >= steadyMs && !isTooFar) return false;
    const advice = isTooFar ? 'its data must be replaced' : `it is believed after ${steadyMs / 1000} s`;
    const reason = `it has promised epoch ${acceptedEpoch}, far beyond all others: ${advice}`;
    effects.resets.push({ peer: from, reason });
    return true;
  }

  /** Those that have waited long enough; none where a quorum is no longer looked for. */
  due(inDiscovery: boolean): [number, Join][] {
    if (!inDiscovery || this.self.now < this.until) return [];
    const due = [...this.joins];
    this.joins.clear();
    return due;
  }

  forget(peer: number): void {
    this.joins.delete(peer);
  }

  /** This server stood still for so long. */
  forgive(ms: number): void {
    this.until += ms;
  }
}
