/**
 * One client connection: what has come in, what waits for a reply, what goes out.
 *
 *   new ── connect request ──► opening ── session committed ──► open ──► closing
 */
import type { Buffer } from 'node:buffer';
import type { Writer } from '../base/bytes.ts';
import { identityBytesMax } from '../txn/request.ts';
import { encodeIds, type Id } from '../wire/acl.ts';
import type { ConnectRequest } from '../wire/connect.ts';
import { FramesIn } from '../wire/frames-in.ts';
import { Outstanding } from './outstanding.ts';
import type { ClientLink } from './ports.ts';
import type { RefusalReason } from './refusals.ts';

/** A reply buffer that has grown beyond this is given up after use. */
const outBytesKept = 256 * 1024;

export class Connection {
  /** Small and never used again in this process: watches and session requests refer to it. */
  readonly id: number;
  readonly link: ClientLink;
  readonly frames = new FramesIn();
  readonly outstanding = new Outstanding();
  phase: 'new' | 'opening' | 'open' | 'closing' = 'new';

  /** Session id, 0 until the handshake is done. */
  session = 0;
  timeoutMs = 0;
  /** The handshake had the trailing readOnly byte, so the answer has one too. */
  readOnlyByte = false;
  /** When this connection was accepted and when it was last heard, ms of the monotonic clock. */
  readonly since: number;
  heardAt: number;
  /** What the client has proved to be, and the same as vector<Id>, as requests carry it. */
  ids: readonly Id[];
  identity: Buffer;

  /** Its connect request, while the server does not serve. */
  held: ConnectRequest | null = null;
  /** Input waits, and for which limit; null when the server does not serve or others are to have their turn. */
  paused = false;
  heldFor: RefusalReason | null = null;
  /** It waits for a long list; while that is made, nothing else leaves. */
  busy = false;
  listing = false;
  /** Bytes of the last long list, until it has been read. */
  longReply = 0;
  /** Bytes of requests taken in during turn number `turn`, the first of them at `turnAt`. */
  turn = 0;
  taken = 0;
  turnAt = 0;
  /** Heard since the leader was last told. */
  touched = false;
  /** Replies of this turn. */
  out: Writer | null = null;
  /** Close once what is written has left. */
  closeAfterFlush = false;

  // Figures for `cons` and `stat`.
  readonly counts = { received: 0, sent: 0 };
  readonly latency = { last: 0, min: -1, max: 0, sum: 0, count: 0 };
  lastOp = 0;
  lastXid = 0;
  lastZxid = 0;
  lastReplyAt = 0;

  constructor(id: number, link: ClientLink, now: number) {
    this.id = id;
    this.link = link;
    this.since = now;
    this.heardAt = now;
    this.ids = [{ scheme: 'ip', id: link.address }];
    this.identity = encodeIds(this.ids);
  }

  /** Returns false when that is more than a request can carry along. */
  prove(ids: readonly Id[]): boolean {
    const isNew = (id: Id): boolean => !this.ids.some((known) => known.scheme === id.scheme && known.id === id.id);
    const all = [...this.ids, ...ids.filter(isNew)];
    const identity = encodeIds(all);
    if (identity.length > identityBytesMax) return false;
    this.ids = all;
    this.identity = identity;
    return true;
  }

  /** Sends what was written in this turn; takes a new buffer while the old one is still in use. */
  flush(): void {
    const { out, link } = this;
    if (out === null || out.at === 0) return;
    if (link.backlog > 0 && out.at < out.bytes.length / 2) {
      // The link keeps what it cannot send: let that be no more than there is to send.
      link.write(out.copy());
      out.clear();
      return;
    }
    const reusable = link.write(out.view());
    if (reusable && out.bytes.length <= outBytesKept) out.clear();
    else this.out = null;
  }

  /** Counts and times begin anew. */
  resetStats(): void {
    const { counts, latency } = this;
    counts.received = counts.sent = 0;
    latency.last = latency.max = latency.sum = latency.count = 0;
    latency.min = -1;
    this.lastOp = this.lastReplyAt = 0;
    this.lastXid = this.lastZxid = -1;
  }

  asked(xid: number, op: number): void {
    if (xid >= 0) this.lastXid = xid;
    this.lastOp = op;
  }

  answered(since: number, now: number): void {
    const took = now - since;
    const { latency } = this;
    latency.last = took;
    latency.sum += took;
    latency.count++;
    if (took > latency.max) latency.max = took;
    if (latency.min < 0 || took < latency.min) latency.min = took;
    this.counts.sent++;
    this.lastReplyAt = now;
  }
}
