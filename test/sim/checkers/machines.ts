/** The state machines of the servers carry out one history of commands, and whoever proposed one is told the truth. */
import type { ProposalOutcome } from '../../../engine/server/commands.ts';
import { txnType } from '../../../engine/txn/types.ts';
import { chained } from '../machine.ts';
import type { Txn } from '../model.ts';
import type { SimServer } from '../process.ts';
import { Checker } from './checker.ts';

export class Machines extends Checker {
  readonly name = 'one history of commands';
  /** What the state must be after so many commands. */
  readonly #checksums = [0];
  /** Which one a command was, by its bytes. */
  readonly #places = new Map<string, number>();
  readonly #refused = new Set<string>();
  /** Proposals without an outcome, oldest first, by server and life. */
  readonly #open = new Map<string, string[]>();
  /** The last one committed, by server and life. */
  readonly #last = new Map<string, number>();

  override committed({ type, zxid, time, body }: Txn): void {
    if (type !== txnType.command) return;
    const key = body.toString('hex');
    const place = this.#checksums.push(chained(this.#checksums.at(-1)!, { zxid, time, data: body })) - 1;
    this.#places.set(key, place);
    this.expect(!this.#refused.has(key), () => `command ${key} was refused, and is carried out`);
    const proposer = proposerOf(key);
    const serial = body.readUInt32BE(8);
    const last = this.#last.get(proposer) ?? 0;
    this.expect(serial > last, () => `command ${serial} of ${proposer} is committed after its command ${last}`);
    this.#last.set(proposer, serial);
  }

  /** A machine carried out a command, or took over a state. */
  standsAt(server: SimServer, count: number, checksum: number): void {
    this.expect(this.#checksums[count] === checksum, () => {
      return `the machine of server ${server.id} has another state after ${count} commands than was committed`;
    });
  }

  proposed(data: Buffer): void {
    const key = data.toString('hex');
    const proposer = proposerOf(key);
    const open = this.#open.get(proposer);
    if (open === undefined) this.#open.set(proposer, [key]);
    else open.push(key);
  }

  /** A proposal has its outcome. Whoever is told that it was carried out knows how all before it ended. */
  proposalEnded(data: Buffer, outcome: ProposalOutcome, result: unknown): void {
    const key = data.toString('hex');
    const open = this.#open.get(proposerOf(key))!;
    const at = open.indexOf(key);
    this.expect(at !== -1, () => `the proposer of command ${key} hears twice how it ended`);
    this.expect(outcome !== 'applied' || at === 0, () => `command ${key} was carried out, and ${open[0]!} still waits`);
    open.splice(at, 1);
    const place = this.#places.get(key);
    if (outcome === 'refused') {
      this.#refused.add(key);
      this.expect(place === undefined, () => `command ${key} was carried out as the ${place}th, and is refused`);
    } else if (outcome === 'applied') {
      this.expect(place === result, () => `command ${key} was the ${place}th, its proposer is told of the ${result}th`);
    }
  }

  override ended(core: readonly SimServer[]): void {
    const count = this.#checksums.length - 1;
    for (const { id, machine } of core) {
      this.expect((machine?.count ?? count) === count, () => {
        return `the machine of server ${id} has carried out ${machine!.count} commands of ${count}`;
      });
    }
  }

  get commands(): number {
    return this.#places.size;
  }
}

/** The server and its life. */
function proposerOf(key: string): string {
  return key.slice(0, 16);
}
