/** What consensus decides, a quorum stands for: promises of epochs, and batches on disk. */
import { zxidText } from '../../../engine/base/zxid.ts';
import type { Message } from '../../../engine/consensus/zab/messages.ts';
import type { SimServer } from '../process.ts';
import { Checker, type Truth } from './checker.ts';

/** A server promises an epoch to one candidate only, which leads it by a quorum's promises (Zab, phase 1). */
export class Promises extends Checker {
  readonly name = 'an epoch is promised once';
  readonly #quorum: number;
  /** By server: the candidate that holds its promise for each epoch. */
  readonly #holders = new Map<number, Map<number, number>>();
  /** By epoch and candidate: who ever promised it that. */
  readonly #promised = new Map<string, Set<number>>();

  constructor(truth: Truth, servers: number) {
    super(truth);
    this.#quorum = quorumOf(servers);
  }

  override said(from: SimServer, to: SimServer, message: Message): void {
    switch (message.kind) {
      case 'newEpoch':
        // Whoever proposes an epoch has promised it to itself.
        this.#promise(from.id, message.epoch, from.id);
        break;
      case 'ackEpoch':
        if (message.currentEpoch !== -1) this.#promise(from.id, message.epoch, to.id);
        break;
      case 'sync': {
        const promises = this.#promised.get(`${message.epoch} ${from.id}`)?.size ?? 0;
        this.expect(promises >= this.#quorum, () => {
          return `server ${from.id} settles the history of epoch ${message.epoch} with ${promises} promises`;
        });
      }
    }
  }

  /** Whoever lost its disk knows nothing of its promises, and does not count until it has data again. */
  override lost(server: SimServer): void {
    this.#holders.delete(server.id);
  }

  #promise(server: number, epoch: number, holder: number): void {
    const holders = this.#holders.get(server) ?? new Map<number, number>();
    this.#holders.set(server, holders);
    const known = holders.get(epoch) ?? holder;
    this.expect(known === holder, () => {
      return `server ${server} promises epoch ${epoch} to server ${holder}, and did to server ${known}`;
    });
    holders.set(epoch, holder);
    const key = `${epoch} ${holder}`;
    const promised = this.#promised.get(key) ?? new Set<number>();
    this.#promised.set(key, promised.add(server));
  }
}

/** What a server tells others of its log is on its disk: they count on it (ZOOKEEPER-4646, 5094). */
export class Announced extends Checker {
  readonly name = 'what is told is on disk';

  override said(from: SimServer, _to: SimServer, message: Message): void {
    const end = claimedEnd(from.id, message);
    if (end === null) return;
    const { lastSynced } = from.server!.core;
    this.expect(end <= lastSynced, () => {
      const [told, durable] = [zxidText(end), zxidText(lastSynced)];
      return `server ${from.id} tells of ${told} (${message.kind}), its disk ends at ${durable}`;
    });
  }
}

/** The end of the sender's log that others may count on once they have heard this. */
function claimedEnd(sender: number, message: Message): number | null {
  switch (message.kind) {
    case 'vote':
      // Who does not stand yet only tells that it looks.
      return message.state === 'looking' && message.leader === sender ? message.zxid : null;
    case 'ackEpoch':
      return message.lastZxid;
    case 'ack':
      return message.zxid;
    default:
      return null;
  }
}

/** Nothing counts as committed anywhere before a quorum has it on disk. */
export class Durable extends Checker {
  readonly name = 'committed means on disk';
  readonly #quorum: number;
  /** Where the log of each server ends durably; of one that is down, where it ended. */
  readonly #ends = new Map<SimServer, number>();
  /** Where it ended in one that lost its data: that counted while it was there. */
  readonly #lost = new Map<SimServer, number>();
  #committed = 0;

  constructor(truth: Truth, servers: number) {
    super(truth);
    this.#quorum = quorumOf(servers);
  }

  override lost(server: SimServer): void {
    this.#lost.set(server, Math.max(this.#lost.get(server) ?? 0, this.#ends.get(server) ?? 0));
  }

  override stopping(server: SimServer): void {
    this.#ends.set(server, server.server!.core.lastSynced);
  }

  override turn(server: SimServer): void {
    if (!this.#ends.has(server)) this.#ends.set(server, 0);
    const { committed } = server.server!.core;
    if (committed <= this.#committed) return;
    this.#committed = committed;
    let holders = 0;
    for (const [each, end] of this.#ends) {
      const reached = Math.max(each.server?.core.lastSynced ?? end, this.#lost.get(each) ?? 0);
      if (reached >= committed) holders++;
    }
    this.expect(holders >= this.#quorum, () => {
      return `server ${server.id} takes ${zxidText(committed)} for committed, which is on ${holders} disks`;
    });
  }
}

function quorumOf(servers: number): number {
  return Math.floor(servers / 2) + 1;
}
