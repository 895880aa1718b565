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
import { converse, scenarioNames, type Transcripts } from '../golden/scenarios/index.ts';

const file = new URL('../../../test/golden/replies.json', import.meta.url);
const expected = JSON.parse(readFileSync(file, 'utf8')) as Transcripts;
/** Where later releases do better than 3.8.0, we follow them. */
const later: Transcripts = {
  // 3.8.4 (CVE-2024-23944): exists needs READ like any other read.
  'exists without the right to read': ['a exists /unreadable: -102 +1', 'a exists /unreadable !: -102 +1'],
  // 3.10: scheme ip knows IPv6.
  'addresses of IPv6': ['a create /six/one 0: 0 +2 "/six/one"', 'a create /six/bits 0: 0 +3 "/six/bits"'],
};

/** What to expect: the captured lines, with those about the same requests replaced. */
function expectedOf(name: string): readonly string[] {
  const request = (line: string): string => line.slice(0, line.indexOf(': '));
  const replacements = later[name] ?? [];
  return expected[name]!.map((line) => replacements.find((other) => request(other) === request(line)) ?? line);
}

const settings = { tickTime: 500, preAllocSize: 64, maxClientCnxns: 0, logLevel: 'silent' } as const;

describe('a standalone server', () => {
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
  converseAll(() => server.clientPort);
});

describe('a follower', () => {
  let ensemble: Ensemble;
  before(async () => {
    ensemble = await Ensemble.start({ settings });
  });
  after(() => ensemble.close());
  converseAll(() => ensemble.servers.find((server) => server !== ensemble.leader)!.clientPort);
});

function converseAll(port: () => number): void {
  for (const name of scenarioNames) {
    test(name, async () => {
      assert.deepEqual(await converse(name, port()), expectedOf(name));
    });
  }
}
