/** Apache Curator and its recipes, unchanged. */
import { test } from 'node:test';
import { ProcessEnsemble } from '../support/server-process.ts';
import { conduct } from './conduct.ts';
import { clientJars, JavaDriver, javaMissing } from './java.ts';

const jars = [...clientJars, 'curator-recipes', 'curator-framework', 'curator-client', 'guava', 'jackson-core'].concat([
  'jackson-databind',
  'jackson-annotations',
]);
const scenarios = [
  'framework',
  'locks',
  'leaders',
  'barriers',
  'counters',
  'caches',
  'nodes-and-groups',
  'queue',
  'failover',
];

test('Curator', { skip: javaMissing(jars, 'libcurator-recipes-java') }, async (t) => {
  const driver = new JavaDriver('CuratorDriver', jars);
  const ensemble = await ProcessEnsemble.start(3, ['extendedTypesEnabled=true']);
  t.after(async () => {
    await ensemble.close();
    driver.close();
  });
  await ensemble.serving();
  await conduct(t, ensemble, driver.command(ensemble.connectString), scenarios);
});
