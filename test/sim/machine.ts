/** A program's own state machine in the simulator, and the program: it proposes, and now and then loses patience. */
import { crc32 } from '../../engine/io/crc32.ts';
import type { Commands } from '../../engine/server/commands.ts';
import type { Command, StateMachine } from '../../engine/server/ports.ts';
import type { Machines } from './checkers/machines.ts';
import type { SimServer } from './process.ts';
import type { World } from './world.ts';

const headBytes = 12;
const patienceMs = 100;

/** Its state says how many commands it carried out, and which: a checksum runs over all of them. */
export class SimMachine implements StateMachine {
  count = 0;
  checksum = 0;
  /** Proposals whose outcome is not known yet. */
  pending = 0;
  readonly #server: SimServer;
  readonly #world: World;
  readonly #checks: Machines;
  #serial = 0;

  constructor(server: SimServer, world: World, checks: Machines) {
    this.#server = server;
    this.#world = world;
    this.#checks = checks;
  }

  apply(batch: readonly Command[]): number[] {
    return batch.map((command) => {
      this.checksum = chained(this.checksum, command);
      this.count++;
      this.#checks.standsAt(this.#server, this.count, this.checksum);
      return this.count;
    });
  }

  snapshot(): Iterable<Uint8Array> {
    const state = Buffer.alloc(headBytes);
    state.writeDoubleBE(this.count, 0);
    state.writeUInt32BE(this.checksum, 8);
    return [state.subarray(0, 5), state.subarray(5)];
  }

  restore(pieces: readonly Buffer[]): void {
    const state = Buffer.concat(pieces);
    this.count = state.length === 0 ? 0 : state.readDoubleBE(0);
    this.checksum = state.length === 0 ? 0 : state.readUInt32BE(8);
    this.#checks.standsAt(this.#server, this.count, this.checksum);
  }

  propose(commands: Commands): void {
    const { incarnation, id } = this.#server;
    const serial = ++this.#serial;
    const data = Buffer.alloc(headBytes);
    data.writeUInt32BE(id, 0);
    data.writeUInt32BE(incarnation, 4);
    data.writeUInt32BE(serial, 8);
    this.pending++;
    this.#checks.proposed(data);
    const number = commands.propose(data, (outcome, place) => {
      this.pending--;
      this.#checks.proposalEnded(data, outcome, place);
    });
    if (!this.#world.prng.chance(0.05)) return;
    this.#world.after(this.#world.around(patienceMs), () => {
      this.#server.post(incarnation, (server) => server.commands.cancel(number, 'it takes too long'));
    });
  }
}

/** The checksum over all commands so far and this one. */
export function chained(checksum: number, { zxid, time, data }: Command): number {
  const head = Buffer.alloc(headBytes + 8);
  head.writeUInt32BE(checksum, 0);
  head.writeDoubleBE(zxid, 4);
  head.writeDoubleBE(time, headBytes);
  const bytes = Buffer.concat([head, data]);
  return crc32(bytes, 0, bytes.length);
}
