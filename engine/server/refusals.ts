/**
 * Why clients were held back or turned away: a count per reason.
 *
 * The journal hears of a reason when it comes up and then at most once in ten seconds, with how often
 * it did: a client that misbehaves must not fill the disk as well.
 */
import type { Clock, Journal } from './ports.ts';

/** What happens to the client: it waits, its request is refused, or its connection ends. */
const treatments = {
  /** maxClientCnxns: too many connections from its address. */
  connectionsOfAddress: 'closed',
  /** maxCnxns: too many connections. */
  connections: 'closed',
  /** connection_throttle_tokens: too many handshakes in a short time. */
  connectionRate: 'closed',
  /** nio.sessionlessCnxnTimeout: no whole handshake came in time. */
  handshakeTimeout: 'closed',
  /** jute.maxbuffer: a frame is longer. */
  frameBytes: 'closed',
  /** zabra.connectionRequestsMax: too many of its requests have no reply. */
  connectionRequests: 'waits',
  /** zabra.connectionBytesInMax: its requests without reply are too large together. */
  connectionBytesIn: 'waits',
  /** zabra.connectionBytesOutMax: it does not read its replies. */
  connectionBytesOut: 'waits',
  /** Twice zabra.connectionBytesOutMax: it does not read its watch events either. */
  unreadEvents: 'closed',
  /** globalOutstandingLimit: too many requests of all clients have no reply. */
  outstandingRequests: 'waits',
  /** zabra.outstandingBytesMax: requests of all clients without reply are too large together. */
  outstandingBytes: 'waits',
  /** request_throttle_max_requests. */
  requestThrottle: 'waits',
  /** throttled_op_wait_time: it waited so long that it is refused with -127. */
  throttledOp: 'refused',
  /** zabra.sessionWatchesMax: a watch more than a session may have is refused with -127. */
  sessionWatches: 'refused',
} as const;

export type RefusalReason = keyof typeof treatments;

/** At most one line per reason in this time, ms. */
const quietMs = 10_000;

export class Refusals {
  /** How often each reason came up since the start. */
  readonly counts: Record<RefusalReason, number>;
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #told = new Map<RefusalReason, { at: number; count: number }>();

  constructor(clock: Clock, journal: Journal) {
    this.#clock = clock;
    this.#journal = journal;
    this.counts = Object.fromEntries(Object.keys(treatments).map((reason) => [reason, 0])) as Record<
      RefusalReason,
      number
    >;
  }

  /** @param client `address:port`, or the address alone */
  note(reason: RefusalReason, client: string): void {
    const count = ++this.counts[reason];
    const now = this.#clock.now();
    const told = this.#told.get(reason);
    if (told !== undefined && now - told.at < quietMs) return;
    this.#told.set(reason, { at: now, count });
    this.#journal.warn('a client reached a limit', {
      limit: reason,
      treatment: treatments[reason],
      client,
      times: count - (told?.count ?? 0),
    });
  }
}
