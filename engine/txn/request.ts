/**
 * A write request on its way to the leader's prep: the client's bytes and who sent them.
 *
 * A follower forwards a whole turn of these in one peer frame; the leader's own clients take the
 * same form, so that prep has one kind of input.
 *
 *   u32 length of the rest · i32 op · u64 session · i32 cxid · u16 length · identity · body
 *
 * `identity` is the connection's authentication as a jute vector<Id{scheme, id}>, decoded only when
 * an ACL asks for it. `body` is the request record as the client sent it, after its header.
 */
import { Buffer } from 'node:buffer';
import { assert } from '../base/assert.ts';
import { Writer } from '../base/bytes.ts';

export const requestHeaderBytes = 22;
/** An identity's length has two bytes. */
export const identityBytesMax = 0xffff;

/** Operations that no client sends; the ingress makes them from a connect request. */
export const internalOp = {
  /** body: i32 timeout ms (already negotiated) · u32 tag of the connection; session 0 */
  createSession: -10,
  /** body: 16 bytes password · i32 timeout ms (already negotiated) · u32 tag of the connection */
  resumeSession: -12,
  /** body: buffer of server lines; session 0. The leader's own: its ensemble as its configuration has it */
  setMembership: -13,
  /** body: what a program proposes to its own state machine; session 0 */
  command: -14,
} as const;

/** Appends one request to `out`. */
export function writeRequest(
  out: Writer,
  op: number,
  session: number,
  cxid: number,
  identity: Uint8Array,
  body: Uint8Array,
  start: number,
  end: number,
): void {
  assert(identity.length <= identityBytesMax, 'an identity is bounded', identity.length);
  const length = requestHeaderBytes - 4 + identity.length + (end - start);
  out.need(length + 4);
  out.i32(length);
  out.i32(op);
  out.i64(session);
  out.i32(cxid);
  out.u8(identity.length >>> 8);
  out.u8(identity.length);
  out.raw(identity);
  out.raw(body, start, end);
}

/** Walks a frame of requests without allocating. */
export class RequestCursor {
  bytes: Buffer = Buffer.alloc(0);
  /** Where the request begins, its length included. */
  start = 0;
  op = 0;
  session = 0;
  cxid = 0;
  identityStart = 0;
  identityEnd = 0;
  bodyStart = 0;
  bodyEnd = 0;
  /** A length did not fit: the frame is malformed and `next` has returned false. */
  bad = false;

  reset(bytes: Buffer): this {
    this.bytes = bytes;
    this.bodyEnd = 0;
    this.bad = false;
    return this;
  }

  next(): boolean {
    const b = this.bytes;
    const at = this.bodyEnd;
    if (at === b.length) return false;
    if (at + requestHeaderBytes > b.length) return this.#malformed();
    const length = get32(b, at) >>> 0;
    const identity = (b[at + 20]! << 8) | b[at + 21]!;
    const end = at + 4 + length;
    if (end > b.length || length < requestHeaderBytes - 4 + identity) return this.#malformed();
    this.start = at;
    this.op = get32(b, at + 4);
    this.session = get32(b, at + 8) * 4294967296 + (get32(b, at + 12) >>> 0);
    this.cxid = get32(b, at + 16);
    this.identityStart = at + requestHeaderBytes;
    this.identityEnd = this.identityStart + identity;
    this.bodyStart = this.identityEnd;
    this.bodyEnd = end;
    return true;
  }

  #malformed(): false {
    this.bad = true;
    return false;
  }
}

function get32(b: Uint8Array, at: number): number {
  return (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;
}
