/**
 * The processes of two servers, and somebody who introduces himself as the third and says what he likes.
 * Meanwhile the two serve their clients; in the end the real third one joins.
 */
import type { Prng } from '../../../engine/base/prng.ts';
import { zxidOf } from '../../../engine/base/zxid.ts';
import { frame, hello } from '../../support/frames.ts';
import { ProcessEnsemble } from '../../support/server-process.ts';
import { chunks, damaged, noise } from '../mutate.ts';
import { drawAnyMessage, drawPlay } from '../inputs/peer.ts';
import { attack } from './attack.ts';
import { wage } from './campaign.ts';
import { Healthy, type LiveTarget } from './live.ts';

const greetingBytes = 32;
const greeting = (to: number): Buffer => hello({ id: 3, to });

/** A frame around a body; now and then its length, what its checksum covers, or the checksum is wrong. */
function drawFrame(prng: Prng, body: Buffer): Buffer {
  const lengths = [0, 1, body.length + 1, 80 * 2 ** 20, 80 * 2 ** 20 + 1, 2 ** 31, 2 ** 32 - 1];
  return frame(body, {
    ...(prng.chance(0.02) ? { length: prng.pick(lengths) } : {}),
    ...(prng.chance(0.3) ? { covered: prng.chance(0.05) ? prng.pick(lengths) : prng.below(body.length + 1) } : {}),
    ...(prng.chance(0.01) ? { crc: prng.u32() } : {}),
  });
}

function draw(prng: Prng, to: number): Buffer[] {
  const first = prng.chance(0.1) ? damaged(prng, { bytes: greeting(to), marks: [] }, 0.9) : greeting(to);
  if (prng.chance(0.03)) return [first, noise(prng, 300)];
  const messages = drawPlay(prng, zxidOf(1, 20));
  for (let left = prng.below(20); left > 0; left--) messages.push(drawAnyMessage(prng, 0.2));
  return [first, ...messages.flatMap((message) => chunks(prng, drawFrame(prng, message)))];
}

export const livePeer: LiveTarget = {
  name: 'live-peer',
  about: 'frames of a server, to the processes of two others',
  async run(options) {
    const ensemble = await ProcessEnsemble.start(3);
    try {
      await ensemble.serving();
      const [one, two, third] = ensemble.servers;
      await third!.kill();
      const servers = [one!, two!];
      for (const server of servers) await server.serving();
      const healthy = await Promise.all(
        servers.map((server) => Healthy.start(server.clientPort, `/healthy-${server.id}`)),
      );
      const attackOne = (prng: Prng): Promise<string> => {
        const server = prng.pick(servers);
        return attack(prng, server.quorumPort, draw(prng, server.id), greetingBytes);
      };
      const result = await wage({ target: 'live-peer', servers, healthy, width: 2, attack: attackOne }, options);
      if (result.failure !== null) return result;
      third!.start();
      await third!.serving();
      return result;
    } finally {
      await ensemble.close();
    }
  },
};
