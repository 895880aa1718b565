/** ZooKeeper's own Java client, unchanged. */
import { test } from 'node:test';
import { ProcessEnsemble } from '../support/server-process.ts';
import { conduct } from './conduct.ts';
import { clientJars, JavaDriver, javaMissing } from './java.ts';

const scenarios = [
  'nodes',
  'kinds-of-nodes',
  'acls',
  'watches',
  'lasting-watches',
  'transactions',
  'pipelining',
  'sessions',
  'failover',
];

test("ZooKeeper's Java client", { skip: javaMissing(clientJars, 'libzookeeper-java') }, async (t) => {
  const driver = new JavaDriver('ApiDriver', clientJars);
  const ensemble = await ProcessEnsemble.start(3, ['extendedTypesEnabled=true']);
  t.after(async () => {
    await ensemble.close();
    driver.close();
  });
  await ensemble.serving();
  await conduct(t, ensemble, driver.command(ensemble.connectString), scenarios);
});
