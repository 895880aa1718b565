/** What the server counts about its clients: requests, bytes, events. */
import { Histogram } from '../base/histogram.ts';

export class Traffic {
  received = 0;
  sent = 0;
  bytesReceived = 0;
  bytesSent = 0;
  eventBytes = 0;
  /** From a request's arrival to its answer, microseconds. Updates are what was committed, sessions included. */
  readonly reads = new Histogram();
  readonly updates = new Histogram();
  /** Sizes of replies, bytes; -1: there was none. */
  readonly replyBytes = { last: -1, min: -1, max: -1 };
  /** Handshakes, and those of them that resume a session. */
  connects = 0;
  resumes = 0;
  authFailures = 0;
  /** Connections closed because there was no leader for long. */
  closedWithoutLeader = 0;

  /** A request was answered `ms` after it came, with a frame of `bytes`. */
  answered(latency: Histogram, ms: number, bytes: number): void {
    this.sent++;
    latency.recordMs(ms);
    const { replyBytes } = this;
    replyBytes.last = bytes;
    if (bytes > replyBytes.max) replyBytes.max = bytes;
    if (bytes < replyBytes.min || replyBytes.min < 0) replyBytes.min = bytes;
  }

  /** Of all requests, ms. */
  get latency(): { min: number; average: number; max: number } {
    const { reads, updates } = this;
    const count = reads.count + updates.count;
    if (count === 0) return { min: 0, average: 0, max: 0 };
    return {
      min: Math.min(reads.min, updates.min) / 1000,
      average: (reads.sum + updates.sum) / count / 1000,
      max: Math.max(reads.max, updates.max) / 1000,
    };
  }

  reset(): void {
    this.received = this.sent = this.bytesReceived = this.bytesSent = this.eventBytes = 0;
    this.connects = this.resumes = this.authFailures = this.closedWithoutLeader = 0;
    this.reads.reset();
    this.updates.reset();
    this.replyBytes.last = this.replyBytes.min = this.replyBytes.max = -1;
  }
}
