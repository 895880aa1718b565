/** Damaged client streams and four-letter words to the process of a standalone server. */
import type { Prng } from '../../../engine/base/prng.ts';
import { ProcessEnsemble } from '../../support/server-process.ts';
import { chunks, noise } from '../mutate.ts';
import { drawStream } from '../targets/client.ts';
import { attack } from './attack.ts';
import { wage } from './campaign.ts';
import { Healthy, type LiveTarget } from './live.ts';

const words = [
  ['ruok', 'srvr', 'stat', 'mntr', 'isro', 'conf', 'cons', 'envi', 'wchs', 'wchp', 'wchc', 'dump', 'crst', 'srst'],
  ['dirs', 'gtmk', 'stmk', 'hash', 'orst', 'lsnp', 'what', 'RUOK', 'GET ', 'POST', 'HEAD', '\u00ff\u00fe\u0001\u0002'],
].flat();
const width = 6;

function drawWord(prng: Prng): Buffer[] {
  const word = Buffer.from(prng.pick(words), 'latin1');
  const rest = prng.pick(['', '', '\n', '\r\n', ' ', 'ruok', ' / HTTP/1.1\r\nHost: x\r\n\r\n']);
  const bytes = Buffer.concat([word.subarray(0, prng.chance(0.1) ? 2 : 4), Buffer.from(rest)]);
  return chunks(prng, prng.chance(0.1) ? Buffer.concat([bytes, noise(prng, 2000)]) : bytes);
}

/** Asks for much and never reads: what it is sent must stay bounded. */
function drawGreedy(prng: Prng): Buffer[] {
  const stream = drawStream(prng);
  const times = 1 + prng.below(50);
  return Array.from({ length: times }, () => stream).flat();
}

function draw(prng: Prng): Buffer[] {
  const kind = prng.below(20);
  if (kind < 5) return drawWord(prng);
  if (kind === 5) return drawGreedy(prng);
  if (kind === 6) return [noise(prng, prng.pick([1, 4, 100, 5000]))];
  return drawStream(prng);
}

export const liveClient: LiveTarget = {
  name: 'live-client',
  about: 'client streams and four-letter words, to the process of a server',
  async run(options) {
    const ensemble = await ProcessEnsemble.start(1, ['4lw.commands.whitelist=*']);
    try {
      await ensemble.serving();
      const { servers, ports } = ensemble;
      const healthy = [await Healthy.start(ports[0]!, '/healthy')];
      const one = (prng: Prng): Promise<string> => attack(prng, ports[0]!, draw(prng));
      return await wage({ target: 'live-client', servers, healthy, width, attack: one }, options);
    } finally {
      await ensemble.close();
    }
  },
};
