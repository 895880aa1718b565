/**
 * How far one learner has come, as its leader sees it.
 *
 *   joining → acked epoch → [reading | snapshot] → streaming → joined (acked NEWLEADER)
 *
 *   acked ≤ sent ≤ end of the leader's log; what lies between the first two is in flight and bounded,
 *   so a slow learner falls behind on the leader's disk instead of filling the leader's memory.
 */
import type { Batch } from '../../txn/batch.ts';

export type Phase =
  /** Wants to follow; has not promised the epoch yet. */
  | 'joining'
  /** Has promised the epoch; the leader has not begun to synchronize it. */
  | 'promised'
  /** The leader reads its own disk to find where the two histories part. */
  | 'planning'
  /** A snapshot is on its way. */
  | 'snapshot'
  /** Gets batches; NEWLEADER follows once it has been sent up to `newLeaderAt`. */
  | 'streaming';

export class Progress {
  readonly peer: number;
  readonly observer: boolean;
  phase: Phase = 'joining';
  /** It had promised this epoch before, perhaps to another leader: that counts for nobody. */
  refused = false;
  /** It has never followed or led anybody: new, or its disk was lost, and what it has is not all it had. */
  incomplete = false;
  /** End of its durable history when it promised the epoch. */
  lastZxid = 0;

  /** Last zxid sent to it. */
  sent = 0;
  /** Last zxid known durable there. */
  acked = 0;
  /** NEWLEADER goes out when `sent` reaches this. */
  newLeaderAt = 0;
  newLeaderSent = false;
  /** It has acknowledged NEWLEADER: its acks count and it gets commits. */
  joined = false;
  /** Last `committed` that it was told. */
  toldCommitted = 0;
  /** Token of the disk read under way for it, 0: none. */
  reading = 0;
  heardAt: number;

  private inFlight: { last: number; bytes: number }[] = [];
  private bytesInFlight = 0;

  constructor(peer: number, observer: boolean, now: number) {
    this.peer = peer;
    this.observer = observer;
    this.heardAt = now;
  }

  /** True when no more may be sent before an ack. */
  full(bytesMax: number): boolean {
    return this.bytesInFlight >= bytesMax;
  }

  onSent(batch: Batch): void {
    this.sent = batch.last;
    this.inFlight.push({ last: batch.last, bytes: batch.bytes.length });
    this.bytesInFlight += batch.bytes.length;
  }

  onAck(zxid: number): void {
    if (zxid <= this.acked) return;
    this.acked = zxid;
    let done = 0;
    while (done < this.inFlight.length && this.inFlight[done]!.last <= zxid) {
      this.bytesInFlight -= this.inFlight[done++]!.bytes;
    }
    if (done > 0) this.inFlight.splice(0, done);
  }
}
