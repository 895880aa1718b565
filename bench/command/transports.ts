/**
 * `bench transports`: a client in the server's own process, over memory and over TCP on loopback.
 *
 * Everything shares one thread, so the difference is what sockets cost. Rounds alternate; medians.
 */
import { Client } from '../../engine/client/index.ts';
import { Server } from '../../engine/index.ts';
import { median } from '../measure/statistics.ts';
import { removeFolder, temporaryFolder } from '../target/process.ts';
import type { Options } from './options.ts';

const rounds = 5;
const roundMs = 500;
const data = Buffer.alloc(100, 'x');

interface Load {
  readonly name: string;
  readonly inFlight: number;
  readonly run: (client: Client) => Promise<unknown>;
}

const get = (client: Client): Promise<unknown> => client.getData('/bench');
const set = (client: Client): Promise<unknown> => client.setData('/bench', data);
const loads: readonly Load[] = [
  { name: 'get 100 B, 1 x 1', inFlight: 1, run: get },
  { name: 'get 100 B, 1 x 256', inFlight: 256, run: get },
  { name: 'set 100 B, 1 x 1', inFlight: 1, run: set },
  { name: 'set 100 B, 1 x 256', inFlight: 256, run: set },
];

interface Figures {
  readonly perSecond: number;
  /** Of one operation, µs. */
  readonly latency: number;
}

async function measure(client: Client, { inFlight, run }: Load): Promise<Figures> {
  const latencies: number[] = [];
  const start = performance.now();
  const worker = async (): Promise<void> => {
    while (performance.now() - start < roundMs) {
      const asked = performance.now();
      await run(client);
      latencies.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return { perSecond: (latencies.length / (performance.now() - start)) * 1000, latency: median(latencies) * 1000 };
}

/** Prints a table: operations per second and the median latency, of each transport. */
export async function runTransports({ dataFolder }: Options): Promise<void> {
  const dataDir = temporaryFolder(dataFolder, 'transports-');
  try {
    const server = await Server.start({ dataDir, clientPort: 0, clientPortAddress: '127.0.0.1', logLevel: 'error' });
    try {
      await measureAll([await server.connect(), await Client.connect(`127.0.0.1:${server.clientPort}`)]);
    } finally {
      await server.close();
    }
  } finally {
    removeFolder(dataDir);
  }
}

async function measureAll(clients: readonly [Client, Client]): Promise<void> {
  await clients[0].create('/bench', data);
  process.stdout.write(`${'load'.padEnd(20)} ${'memory'.padStart(24)} ${'TCP'.padStart(24)}  ratio\n`);
  for (const load of loads) {
    const figures: readonly Figures[][] = [[], []];
    for (let round = 0; round <= rounds; round++) {
      for (const [index, client] of clients.entries()) {
        const measured = await measure(client, load);
        // The first round warms up.
        if (round > 0) figures[index]!.push(measured);
      }
    }
    const [memory, tcp] = figures.map((all) => median(all.map(({ perSecond }) => perSecond)));
    const columns = figures.map((all, index) => {
      const latency = median(all.map((each) => each.latency));
      return `${Math.round([memory, tcp][index]!).toLocaleString('en')}/s ${latency.toFixed(0)} µs`.padStart(24);
    });
    process.stdout.write(`${load.name.padEnd(20)} ${columns.join(' ')}  ${(memory! / tcp!).toFixed(2)}\n`);
  }
  await clients[1].close();
}
