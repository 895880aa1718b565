/**
 * The client protocol, line by line: our server answers as Apache ZooKeeper 3.8.0 did when
 * `test/golden/capture.ts` had the same conversations with it.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Ensemble, Server } from '../../engine/index.ts';
import { expectedOf } from '../golden/differences.ts';
import {
  converse,
  ofServerAlone,
  suites,
  type Suite,
  type SuiteName,
  type Transcripts,
} from '../golden/scenarios/index.ts';

const common = { tickTime: 500, preAllocSize: 64, maxClientCnxns: 0, logLevel: 'silent' } as const;

for (const [name, suite] of Object.entries(suites) as [SuiteName, Suite][]) {
  const settings = { ...common, ...suite.settings };

  describe(`${name}: a standalone server`, { skip: suite.isOfEnsemble === true }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'zabra-golden-'));
    let server: Server;
    before(async () => {
      server = await Server.start({ ...settings, dataDir: folder, clientPort: 0, clientPortAddress: '127.0.0.1' });
      await server.ready();
    });
    after(async () => {
      await server.close();
      rmSync(folder, { recursive: true });
    });
    converseAll(name, () => server.clientPort);
  });

  describe(`${name}: a follower`, () => {
    let ensemble: Ensemble;
    before(async () => {
      ensemble = await Ensemble.start({ settings });
    });
    after(() => ensemble.close());
    const port = (): number => ensemble.servers.find((server) => server !== ensemble.leader)!.clientPort;
    converseAll(name, port, ofServerAlone);
  });
}

function converseAll(suite: SuiteName, port: () => number, without: ReadonlySet<string> = new Set()): void {
  const file = new URL(`../../../test/golden/${suite}.json`, import.meta.url);
  const captured = JSON.parse(readFileSync(file, 'utf8')) as Transcripts;
  for (const name of Object.keys(suites[suite].scenarios)) {
    if (without.has(name)) continue;
    test(name, async () => {
      assert.deepEqual(await converse(suite, name, port()), expectedOf(captured, name));
    });
  }
}
