/** go-zookeeper, the client that most programs in Go use, unchanged. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ProcessEnsemble } from '../support/server-process.ts';
import { conduct } from './conduct.ts';

const source = fileURLToPath(new URL('../../../test/compat/go/driver.go', import.meta.url));
const libraries = '/usr/share/gocode';
const scenarios = ['nodes', 'acls', 'watches', 'transactions', 'locks', 'words', 'failover'];
const skip =
  (!existsSync(join(libraries, 'src/github.com/samuel/go-zookeeper')) &&
    'go-zookeeper is not installed (Debian: golang-github-samuel-go-zookeeper-dev)') ||
  (spawnSync('go', ['version']).status !== 0 && 'go is not installed (Debian: golang-go)');

test('go-zookeeper', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'zabra-go-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'driver');
  const env = { ...process.env, GOPATH: libraries, GO111MODULE: 'off', GOFLAGS: '' };
  const { status, stderr } = spawnSync('go', ['build', '-o', file, source], { encoding: 'utf8', env });
  if (status !== 0) throw new Error(`go build: ${stderr}`);
  const ensemble = await ProcessEnsemble.start(3, ['4lw.commands.whitelist=*']);
  t.after(() => ensemble.close());
  await ensemble.serving();
  await conduct(t, ensemble, { file, args: [ensemble.connectString] }, scenarios);
});
