/** Our client beside node-zookeeper-client: the same server, so many calls in flight in both, in turns. */
import zookeeper from 'node-zookeeper-client';
import { Client } from '../../engine/client/index.ts';
import { median } from '../measure/statistics.ts';
import { startZabra } from '../target/zabra.ts';
import type { Options } from './options.ts';

const inFlight = 2000;
const rounds = 5;
const roundMs = 1500;
const data = Buffer.alloc(100, 'x');
const path = '/clients';

type Call = (done: () => void) => void;

/** Calls per second, with `inFlight` of them under way all the time. */
function rate(call: Call): Promise<number> {
  return new Promise((resolve) => {
    const start = performance.now();
    let finished = 0;
    let underWay = inFlight;
    const done = (): void => {
      finished++;
      const ms = performance.now() - start;
      if (ms < roundMs) call(done);
      else if (--underWay === 0) resolve((finished / ms) * 1000);
    };
    for (let n = 0; n < inFlight; n++) call(done);
  });
}

export async function runClients({ dataFolder }: Options): Promise<void> {
  const target = await startZabra({ size: 1, dataFolder });
  const { host, port } = target.hosts[0]!;
  const ours = await Client.connect(`${host}:${port}`);
  const theirs = zookeeper.createClient(`${host}:${port}`);
  try {
    await ours.create(path, data);
    await new Promise<void>((resolve) => {
      theirs.once('connected', () => resolve());
      theirs.connect();
    });
    const loads: readonly (readonly [string, Call, Call])[] = [
      ['getData', (done) => void ours.getData(path).then(done), (done) => theirs.getData(path, null, done)],
      ['setData', (done) => void ours.setData(path, data).then(done), (done) => theirs.setData(path, data, -1, done)],
    ];
    for (const [name, own, other] of loads) {
      const rates: [number[], number[]] = [[], []];
      const sides = [
        [rates[0], own],
        [rates[1], other],
      ] as const;
      // The first round is that of code that is not compiled yet. Who goes first alternates.
      for (let round = 0; round <= rounds; round++) {
        for (const [found, call] of round % 2 === 0 ? sides : sides.toReversed()) {
          const perSecond = await rate(call);
          if (round > 0) found.push(perSecond);
        }
      }
      const [a, b] = rates.map((each) => Math.round(median(each))) as [number, number];
      process.stdout.write(
        `${name} 100 B, ${inFlight} in flight: zabra/client ${a}/s, node-zookeeper-client ${b}/s, ` +
          `${(a / b).toFixed(1)} times (medians of ${rounds} rounds in turn)\n`,
      );
    }
  } finally {
    theirs.close();
    await ours.close();
    await target.close();
  }
}
