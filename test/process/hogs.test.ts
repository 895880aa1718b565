/**
 * A client that takes more than its share is held back, and the others keep their latency: one hog of
 * each kind, a process of its own, beside a client that sets and gets one after the other.
 *
 *   npm run deep      measures each for longer
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Bulk } from '../support/bulk.ts';
import { figures, residentMiB, waitAt, waitsUntil } from '../support/latency.ts';
import { RawClient } from '../support/raw-client.ts';
import { ProcessEnsemble, word, type ServerProcess } from '../support/server-process.ts';
import { pause } from '../support/until.ts';

const hogFile = fileURLToPath(new URL('../support/hog.js', import.meta.url));
const measureMs = process.env['ZABRA_SIZES'] === 'full' ? 10_000 : 1000;
/** What 99 of 100 requests of the healthy client may take, or this many of the hog's own one after the other. */
const p99MsMax = 100;
const turnsMax = 4;
const residentMiBMax = 600;

let ensemble: ProcessEnsemble;
let server: ServerProcess;
let healthy: RawClient;

before(async () => {
  ensemble = await ProcessEnsemble.start(1, ['4lw.commands.whitelist=*', 'zabra.sessionWatchesMax=200000']);
  await ensemble.serving();
  server = ensemble.servers[0]!;
  healthy = await RawClient.connect(server.clientPort);
  await healthy.create('/healthy', '0');
  await healthy.create('/hog', '');
  await healthy.create('/big', 'x'.repeat(500_000));
  await healthy.create('/wide', '');
  const bulk = await Bulk.connect(server.clientPort);
  const children = 20_000;
  await bulk.create(
    Array.from({ length: children }, (_, n) => `/wide/child-${n}`),
    children,
  );
  bulk.destroy();
});
after(() => ensemble.close());

async function startHog(kind: string): Promise<{ hog: ChildProcess; aloneMs: number }> {
  const hog = spawn(process.execPath, [hogFile, kind, String(server.clientPort)], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const [line] = (await once(hog.stdout!, 'data')) as [Buffer];
  return { hog, aloneMs: Number(/^busy (\d+)$/m.exec(String(line))![1]) };
}

const kinds: { readonly [kind: string]: string } = {
  writes: 'pipelines small writes without end',
  unread: 'asks for large replies and reads none',
  connections: 'opens sessions in a loop and leaves them',
  silent: 'opens connections in a loop and says nothing',
  frames: 'writes as much as fits a frame, again and again',
  announced: 'announces frames of 2 GiB',
  multis: 'sends multis of 18,000 parts',
  watches: 'leaves watches without end',
  lists: 'asks for 20,000 children, again and again',
};

for (const [kind, what] of Object.entries(kinds))
  test(`a client that ${what}`, async (t) => {
    const { hog, aloneMs } = await startHog(kind);
    try {
      const waits = await waitsUntil(pause(measureMs), healthy, '/healthy', server);
      const resident = await residentMiB(server);
      const alone = aloneMs === 0 ? '' : `; one of its requests takes ${aloneMs} ms alone`;
      t.diagnostic(`${kind}: ${figures(waits)}; ${resident} MiB resident${alone}`);
      assert.ok(waitAt(waits, 0.99) < Math.max(p99MsMax * waits.slowdown, turnsMax * aloneMs), figures(waits));
      assert.ok(resident < residentMiBMax, `${resident} MiB are resident`);
    } finally {
      hog.kill('SIGKILL');
    }
    assert.equal(await word(server.clientPort, 'ruok'), 'imok');
  });
