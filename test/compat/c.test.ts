/** ZooKeeper's C client, unchanged. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ProcessEnsemble } from '../support/server-process.ts';
import { conduct } from './conduct.ts';

const source = fileURLToPath(new URL('../../../test/compat/c/driver.c', import.meta.url));
const scenarios = ['nodes', 'acls', 'watches', 'transactions', 'pipelining', 'failover'];
const skip =
  (!existsSync('/usr/include/zookeeper/zookeeper.h') &&
    'the C client is not installed (Debian: libzookeeper-mt-dev)') ||
  (spawnSync('gcc', ['--version']).status !== 0 && 'gcc is not installed (Debian: gcc)');

test("ZooKeeper's C client", { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'zabra-c-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'driver');
  const flags = ['-std=gnu11', '-Wall', '-Werror', '-DTHREADED'];
  const { status, stderr } = spawnSync('gcc', [...flags, source, '-o', file, '-lzookeeper_mt', '-lpthread'], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`gcc: ${stderr}`);
  const ensemble = await ProcessEnsemble.start(3, ['extendedTypesEnabled=true']);
  t.after(() => ensemble.close());
  await ensemble.serving();
  await conduct(t, ensemble, { file, args: [ensemble.connectString] }, scenarios);
});
