/** The committed sequence is one, the same everywhere, without gaps, and each leader's own part is whole. */
import { counterOf, epochOf, zxidText } from '../../../engine/base/zxid.ts';
import type { TxnCursor } from '../../../engine/txn/batch.ts';
import type { Txn } from '../model.ts';
import type { SimServer } from '../process.ts';
import { Checker, type Truth } from './checker.ts';

export class Sequence extends Checker {
  readonly name = 'one committed sequence';
  /** Index of the next txn that each server applies. */
  readonly #next = new Map<number, number>();
  readonly #append: (txn: Txn) => void;

  constructor(truth: Truth, append: (txn: Txn) => void) {
    super(truth);
    this.#append = append;
  }

  override applied(server: SimServer, cursor: TxnCursor): void {
    const next = this.#next.get(server.index) ?? 0;
    this.#next.set(server.index, next + 1);
    const known = this.truth.txns[next];
    if (known === undefined) {
      this.#first(server, cursor);
      return;
    }
    const same =
      known.zxid === cursor.zxid &&
      known.type === cursor.type &&
      known.origin === cursor.origin &&
      known.session === cursor.session &&
      known.cxid === cursor.cxid &&
      known.time === cursor.time &&
      known.body.compare(cursor.bytes, cursor.bodyStart, cursor.bodyEnd) === 0;
    this.expect(same, () => {
      const spell = ({ zxid, type, session, cxid }: TxnCursor | Txn): string =>
        `${zxidText(zxid)} (type ${type}, request ${cxid} of ${zxidText(session)})`;
      return `server ${server.id} applies ${spell(cursor)} where ${spell(known)} was committed`;
    });
  }

  override treeReplaced(server: SimServer, zxid: number): void {
    const { txns } = this.truth;
    let next = 0;
    for (let low = 0, high = txns.length; low < high;) {
      const middle = (low + high) >>> 1;
      if (txns[middle]!.zxid <= zxid) low = next = middle + 1;
      else high = middle;
    }
    this.expect(zxid === 0 || txns[next - 1]?.zxid === zxid, () => {
      return `server ${server.id} has a snapshot at ${zxidText(zxid)}, which was never committed`;
    });
    this.#next.set(server.index, next);
  }

  /** Position of a server in the sequence. */
  position(server: SimServer): number {
    return this.#next.get(server.index) ?? 0;
  }

  #first(server: SimServer, cursor: TxnCursor): void {
    const last = this.truth.txns.at(-1)?.zxid ?? 0;
    const follows = epochOf(cursor.zxid) === epochOf(last) ? cursor.zxid === last + 1 : counterOf(cursor.zxid) === 1;
    this.expect(cursor.zxid > last && follows, () => {
      return `server ${server.id} commits ${zxidText(cursor.zxid)} right after ${zxidText(last)}`;
    });
    this.#append({
      zxid: cursor.zxid,
      type: cursor.type,
      origin: cursor.origin,
      session: cursor.session,
      cxid: cursor.cxid,
      time: cursor.time,
      body: Buffer.from(cursor.bytes.subarray(cursor.bodyStart, cursor.bodyEnd)),
    });
  }
}
