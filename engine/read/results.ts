/**
 * Replies to committed writes, built at the origin right after the txn was applied.
 *
 * The parts of a multi report their results while it is applied, because a later part may change the
 * same node again and each part returns the Stat of its own moment, as in ZooKeeper.
 */
import { Reader, Writer } from '../base/bytes.ts';
import type { MultiListener, Tree } from '../tree/tree.ts';
import type { TxnCursor } from '../txn/batch.ts';
import { txnType, type TxnType } from '../txn/types.ts';
import { errorCode } from '../wire/errors.ts';
import { beginReply, endReply, writeMultiHeader, writeReply } from '../wire/replies.ts';

export class Results implements MultiListener {
  readonly #tree: Tree;
  readonly #reader = new Reader();
  readonly #parts = new Writer(1024);

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** To be called before a multi is applied whose parts this object shall hear of. */
  beginMulti(): void {
    this.#parts.clear();
  }

  subApplied(type: TxnType, path: string, slot: number): void {
    writeMultiHeader(this.#parts, type, false, 0);
    if (type === txnType.create || type === txnType.create2) this.#parts.string(path);
    if (type === txnType.create2 || type === txnType.setData) this.#tree.writeStat(slot, this.#parts);
  }

  /** The error code that the txn under the cursor stands for, 0 when it is a success. */
  errorOf(txn: TxnCursor): number {
    return txn.type === txnType.error ? this.#reader.reset(txn.bytes, txn.bodyStart, txn.bodyEnd).i32() : errorCode.ok;
  }

  /** The operation that an error txn refuses, 0 for any other txn. */
  refusedOp(txn: TxnCursor): number {
    if (txn.type !== txnType.error) return 0;
    const reader = this.#reader.reset(txn.bytes, txn.bodyStart, txn.bodyEnd);
    reader.i32();
    return reader.i32();
  }

  /** Appends the reply to request `xid`, whose txn was applied last. */
  answer(xid: number, txn: TxnCursor, out: Writer): void {
    if (txn.type === txnType.error) {
      writeReply(out, xid, txn.zxid, this.errorOf(txn));
      return;
    }
    const tree = this.#tree;
    const at = beginReply(out, xid, txn.zxid, 0);
    switch (txn.type as TxnType) {
      case txnType.setData:
      case txnType.setAcl:
        tree.writeStat(tree.lastSlot, out);
        break;
      case txnType.create:
      case txnType.sync:
        out.string(tree.lastPath);
        break;
      case txnType.create2:
        out.string(tree.lastPath);
        tree.writeStat(tree.lastSlot, out);
        break;
      case txnType.multi:
        out.raw(this.#parts.bytes, 0, this.#parts.at);
        writeMultiHeader(out, -1, true, -1);
        break;
      case txnType.multiError:
        this.#multiError(txn, out);
        break;
      default:
        break;
    }
    endReply(out, at);
  }

  /** Parts before the refused one: 0; it: its code; those after it: -2. The reply as a whole is a success. */
  #multiError(txn: TxnCursor, out: Writer): void {
    const reader = this.#reader.reset(txn.bytes, txn.bodyStart, txn.bodyEnd);
    const count = reader.i32();
    const refused = reader.i32();
    const code = reader.i32();
    for (let i = 0; i < count; i++) {
      const error = i < refused ? errorCode.ok : i === refused ? code : errorCode.runtimeInconsistency;
      writeMultiHeader(out, txnTypeError, false, error);
      out.i32(error);
    }
    writeMultiHeader(out, -1, true, -1);
  }
}

/** OpCode.error: the type of an error result. */
const txnTypeError = -1;
