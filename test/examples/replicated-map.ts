/** A map that three servers hold: it outlives the one that leads them. */
import { Ensemble, type Command, type Server, type StateMachine } from 'zabra';

class ReplicatedMap implements StateMachine {
  readonly entries = new Map<string, string>();

  /** On every server, in the same order. Who proposed a command gets the value that was there before. */
  apply(batch: readonly Command[]): (string | undefined)[] {
    return batch.map(({ data }) => {
      const [key, value] = JSON.parse(data.toString()) as [string, string];
      const before = this.entries.get(key);
      this.entries.set(key, value);
      return before;
    });
  }

  snapshot(): Iterable<Uint8Array> {
    return [Buffer.from(JSON.stringify([...this.entries]))];
  }

  restore(pieces: readonly Buffer[]): void {
    this.entries.clear();
    if (pieces.length === 0) return;
    const entries = JSON.parse(Buffer.concat(pieces).toString()) as [string, string][];
    for (const [key, value] of entries) this.entries.set(key, value);
  }
}

const maps: ReplicatedMap[] = [];
const ensemble = await Ensemble.start({ machine: (id) => (maps[id] = new ReplicatedMap()) });
const set = (server: Server, key: string, value: string): Promise<string | undefined> =>
  server.propose(JSON.stringify([key, value]));

const leader = ensemble.leader!;
const survivor = ensemble.servers.find((server) => server !== leader)!;
await set(leader, 'colour', 'red');
await set(survivor, 'shape', 'round');

const change = set(survivor, 'colour', 'blue');
await leader.close();
console.log(`before: ${await change}`); // red: the change went to the leader or to the one after it, once
console.log(`now: ${await set(survivor, 'shape', 'square')}, led by another: ${ensemble.leader !== leader}`);
console.log(Object.fromEntries(maps[survivor.options.id]!.entries));
await ensemble.close();
