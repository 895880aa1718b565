/** What a checker may listen to. It sees the whole world at once and tells a violation by throwing. */
import type { Message } from '../../../engine/consensus/zab/messages.ts';
import type { TxnCursor } from '../../../engine/txn/batch.ts';
import type { SimClient } from '../client.ts';
import type { Model, Txn } from '../model.ts';
import type { SimServer } from '../process.ts';
import type { Reply, Request } from '../workload.ts';
import { Violation, type World } from '../world.ts';

/** What all checkers share: the truth as far as it is known. */
export interface Truth {
  readonly world: World;
  readonly model: Model;
  /** Every committed txn, in order. */
  readonly txns: readonly Txn[];
  /** The txn at `zxid`, null when none was committed there. */
  txnAt(zxid: number): Txn | null;
}

export abstract class Checker {
  abstract readonly name: string;
  /** How often the invariant was looked at. */
  checks = 0;
  protected readonly truth: Truth;

  constructor(truth: Truth) {
    this.truth = truth;
  }

  protected expect(holds: boolean, text: () => string): void {
    this.checks++;
    if (!holds) throw new Violation(this.name, text());
  }

  /** A server applied a txn; its tree is at that zxid now. */
  applied(_server: SimServer, _txn: TxnCursor): void {}
  /** A txn was applied for the first time anywhere. */
  committed(_txn: Txn): void {}
  turn(_server: SimServer): void {}
  /** A server says something to another. */
  said(_from: SimServer, _to: SimServer, _message: Message): void {}
  /** A process is about to end. */
  stopping(_server: SimServer): void {}
  /** A server lost what was on its disk, or some of it. */
  lost(_server: SimServer): void {}
  /** The state of a server was taken from a snapshot at `zxid`. */
  treeReplaced(_server: SimServer, _zxid: number): void {}
  disconnected(_client: SimClient, _pending: readonly Request[]): void {}
  /** The client was told that its session is gone. */
  expired(_client: SimClient, _session: number): void {}
  sent(_client: SimClient, _request: Request): void {}
  /** Any reply, pings included, came with this zxid. */
  heard(_client: SimClient, _zxid: number): void {}
  replied(_client: SimClient, _request: Request | undefined, _reply: Reply): void {}
  event(_client: SimClient, _type: number, _path: string): void {}
  rewatched(_client: SimClient): void {}
  watchesSet(_client: SimClient, _zxid: number): void {}
  /** The run is over and the servers of `core` have converged. */
  ended(_core: readonly SimServer[]): void {}
}
