/** kazoo, the Python client, unchanged: what programs do with it works here as with ZooKeeper. */
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ProcessEnsemble } from '../support/server-process.ts';
import { conduct } from './conduct.ts';

const driver = fileURLToPath(new URL('../../../test/compat/kazoo_driver.py', import.meta.url));
const python = ['/usr/bin/python3', 'python3'].find(
  (command) => spawnSync(command, ['-c', 'import kazoo']).status === 0,
);
const skip = python === undefined && 'kazoo is not installed (Debian: python3-kazoo)';
const scenarios = [
  'nodes',
  'sequences',
  'ephemerals',
  'acls',
  'watches',
  'transactions',
  'locks',
  'elections',
  'counters',
  'barriers',
  'queues',
  'parties',
  'partitions',
  'caches',
  'words',
  'failover',
];

test('kazoo', { skip }, async (t) => {
  const ensemble = await ProcessEnsemble.start(3, ['4lw.commands.whitelist=*']);
  t.after(() => ensemble.close());
  await ensemble.serving();
  await conduct(t, ensemble, { file: python!, args: [driver, ensemble.connectString] }, scenarios);
});
