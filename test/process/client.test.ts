/** All that our client can do, with one of our servers. */
import { after, before } from 'node:test';
import { clientScenarios } from '../support/client-scenarios.ts';
import { ProcessEnsemble } from '../support/server-process.ts';

let ensemble: ProcessEnsemble;
before(async () => {
  ensemble = await ProcessEnsemble.start(1, ['extendedTypesEnabled=true']);
  await ensemble.serving();
});
after(() => ensemble.close());

clientScenarios(() => ensemble.connectString);
