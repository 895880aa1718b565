/**
 * Appends to a log until it is killed, and reports on stdout how far it was told to be durable.
 *
 *   node log-writer-child.js FOLDER SEED       one line per report: the zxid
 */
import { writeSync } from 'node:fs';
import { Prng } from '../../engine/base/prng.ts';
import { recoverLog } from '../../engine/io/log-recovery.ts';
import { LogStore } from '../../engine/io/log-store.ts';
import { makeBatch, server } from '../support/log.ts';

const [folder, seed] = process.argv.slice(2) as [string, string];
const prng = new Prng(Number(seed));
const recovered = recoverLog(folder, server, -1);
const settings = { folder, server, segmentBytes: 256 * 1024, preallocateBytes: 65_536, ringBytes: 65_536 };
/** zxids of the batches in flight, by ticket. */
const inFlight = new Map<number, number>();
let ticket = 0;
let acknowledged = 0;
let { last } = recovered;

const store = new LogStore({ ...settings, slowMs: 60_000 }, recovered, {
  synced: (upTo) => {
    const durable = inFlight.get(upTo)!;
    for (; acknowledged < upTo; acknowledged++) inFlight.delete(acknowledged + 1);
    // The pipe takes it at once, whatever happens to this process next.
    writeSync(1, `${durable}\n`);
  },
  failed: (error) => {
    writeSync(2, `${error}\n`);
    process.exit(1);
  },
  slow: () => {},
});

function turn(): void {
  for (let left = prng.below(8); left > 0 && inFlight.size < 64; left--) {
    const bodyBytes = prng.chance(0.02) ? 100_000 : prng.below(3000);
    const batch = makeBatch(last, 1 + prng.below(5), bodyBytes);
    last = batch.last;
    inFlight.set(++ticket, last);
    store.append(ticket, batch, last);
  }
  store.flush();
  setTimeout(turn, 1);
}
turn();
