/** The recipes with an ensemble of ours. */
import { after, before } from 'node:test';
import type { Connector } from '../../engine/client/index.ts';
import { tcp } from '../../engine/client/tcp.ts';
import { Ensemble } from '../../engine/index.ts';
import { op } from '../support/raw-client.ts';
import { caches, recipeScenarios, sceneOf } from '../support/recipe-scenarios.ts';

let ensemble: Ensemble;
before(async () => {
  ensemble = await Ensemble.start();
});
after(() => ensemble.close());

const servers = (): string => ensemble.connectString;
recipeScenarios(servers);

/** Of no version. */
const unknownOp = 999;

/** To servers of the time before ZooKeeper 3.6, which do not know what addWatch is. */
const connector: Connector = (address, events) => {
  let isGreeted = false;
  const transport = tcp(address, events);
  return {
    write: (bytes) => {
      for (let at = 0; at < bytes.length; at += 4 + bytes.readInt32BE(at)) {
        if (isGreeted && bytes.readInt32BE(at + 8) === op.addWatch) bytes.writeInt32BE(unknownOp, at + 8);
        isGreeted = true;
      }
      transport.write(bytes);
    },
    close: () => transport.close(),
  };
};
caches(sceneOf(servers, { connector }), 'without recursive watches: ');
