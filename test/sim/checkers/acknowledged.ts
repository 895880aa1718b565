/** An acknowledged write was committed exactly where its reply says, as it was asked, and stays there. */
import { zxidText } from '../../../engine/base/zxid.ts';
import { txnType } from '../../../engine/txn/types.ts';
import type { SimClient } from '../client.ts';
import type { SimServer } from '../process.ts';
import { isWrite, pairPaths, type Reply, type Request } from '../workload.ts';
import { Checker } from './checker.ts';

export class Acknowledged extends Checker {
  readonly name = 'acknowledged writes';
  #highest = 0;
  writes = 0;

  override replied(client: SimClient, request: Request | undefined, reply: Reply): void {
    if (request === undefined || !isWrite(request.kind)) return;
    this.writes++;
    this.#highest = Math.max(this.#highest, reply.zxid);
    const txn = this.truth.txnAt(reply.zxid);
    const who = `${request.kind} ${request.xid} of client ${client.id}`;
    this.expect(txn !== null, () => `${who} was answered at ${zxidText(reply.zxid)}, where nothing was committed`);
    this.expect(txn!.session === client.session && txn!.cxid === request.xid, () => {
      return `${who} was answered at ${zxidText(reply.zxid)}, which is ${txn!.cxid} of ${zxidText(txn!.session)}`;
    });
    const refused = txn!.type === txnType.error;
    this.expect(refused === (reply.error !== 0), () => `${who} was answered with ${reply.error}, committed otherwise`);
    if (reply.error !== 0 || txn!.type === txnType.multiError) return;
    const written = request.kind === 'multi' ? pairPaths : request.kind === 'set' ? [request.path] : [];
    for (const path of written) {
      const { data } = this.truth.model.at(path, reply.zxid);
      this.expect(data === request.data, () => `${who} wrote ${request.data}, but ${path} holds ${data}`);
    }
  }

  override ended(core: readonly SimServer[]): void {
    for (const server of core) {
      const { lastZxid } = server.server!.tree;
      this.expect(lastZxid >= this.#highest, () => {
        return `${zxidText(this.#highest)} was acknowledged, but server ${server.id} ends at ${zxidText(lastZxid)}`;
      });
    }
  }

  /** Highest zxid that anybody was told of. */
  get highest(): number {
    return this.#highest;
  }
}
