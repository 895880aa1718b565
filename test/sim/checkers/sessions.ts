/** Replies in request order, no session goes back in time, none ends early, ephemerals die with it and not before. */
import { zxidText } from '../../../engine/base/zxid.ts';
import { txnType } from '../../../engine/txn/types.ts';
import type { SimClient } from '../client.ts';
import type { Txn } from '../model.ts';
import { isWrite, type Reply, type Request } from '../workload.ts';
import { Checker, type Truth } from './checker.ts';

export class Fifo extends Checker {
  readonly name = 'replies in order';

  override replied(client: SimClient, request: Request | undefined, reply: Reply): void {
    this.expect(request?.xid === reply.xid, () => {
      return `client ${client.id} got a reply to ${reply.xid} while ${request?.xid ?? 'nothing'} was next`;
    });
  }
}

/** What a session asks for is committed in the order in which it asked, and never twice. */
export class Order extends Checker {
  readonly name = 'writes in session order';
  readonly #last = new Map<number, number>();

  override committed(txn: Txn): void {
    const isHandshake = txn.type === txnType.createSession || txn.type === txnType.resumeSession;
    if (isHandshake || txn.type === txnType.error || txn.type === txnType.command || txn.origin === 0) return;
    const last = this.#last.get(txn.session) ?? 0;
    this.expect(txn.cxid > last, () => {
      return `request ${txn.cxid} of session ${zxidText(txn.session)} is committed after its request ${last}`;
    });
    this.#last.set(txn.session, txn.cxid);
  }
}

export class Monotonic extends Checker {
  readonly name = 'no way back in time';

  override heard(client: SimClient, zxid: number): void {
    this.expect(zxid >= client.lastZxid, () => {
      return `client ${client.id} saw ${zxidText(client.lastZxid)} and then ${zxidText(zxid)}`;
    });
  }
}

export class Expiry extends Checker {
  readonly name = 'sessions and ephemerals';
  /** When the last acknowledged write of a session was asked for. */
  readonly #active = new Map<number, number>();
  readonly #timeouts = new Map<number, number>();
  /** A server's clock may run faster than the world's by this part. */
  readonly #drift: number;

  constructor(truth: Truth, drift: number) {
    super(truth);
    this.#drift = drift;
  }

  override replied(client: SimClient, request: Request | undefined): void {
    if (request !== undefined && isWrite(request.kind)) this.#active.set(client.session, request.sentAt);
  }

  override committed(txn: Txn): void {
    if (txn.type === txnType.createSession) this.#timeouts.set(txn.zxid, txn.body.readInt32BE(0));
    if (txn.type !== txnType.closeSession || txn.origin !== 0) return;
    const active = this.#active.get(txn.session);
    if (active === undefined) return;
    const lived = this.truth.world.now - active;
    const timeoutMs = this.#timeouts.get(txn.session)!;
    this.expect(lived >= timeoutMs * (1 - 2 * this.#drift), () => {
      return `session ${zxidText(txn.session)} ended ${lived} ms after it was heard, before its ${timeoutMs} ms`;
    });
  }

  /** The client is told that its session is gone only when it is. */
  override expired(client: SimClient, session: number): void {
    const known = session === 0 || this.truth.model.closed.has(session);
    this.expect(known, () => `client ${client.id} was told that session ${zxidText(session)} is gone`);
  }
}
