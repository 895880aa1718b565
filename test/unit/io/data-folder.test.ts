/** What can be wrong with a data folder, and the one sentence that says so. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { folderName, isSameFolder, openFolder, StorageError } from '../../../engine/io/data-folder.ts';
import { Host } from '../../../engine/io/host.ts';
import { temporaryFolder } from '../../support/log.ts';

function refuses(dataDir: string, sentence: RegExp): void {
  assert.throws(
    () => openFolder(dataDir),
    (error: Error) => {
      assert.ok(error instanceof StorageError);
      assert.match(error.message, sentence);
      assert.ok(!error.message.includes('\n'));
      return true;
    },
  );
}

test('data folder: one folder by two names', (t) => {
  const parent = temporaryFolder(t);
  const folder = join(parent, 'a');
  assert.ok(isSameFolder(folder, `${folder}/`), 'before it is there');
  mkdirSync(folder);
  symlinkSync(folder, join(parent, 'link'));
  assert.ok(isSameFolder(join(parent, 'link'), `${parent}/./a/`));
  assert.ok(!isSameFolder(folder, parent));
});

test('data folder: is made, with all above it, and can be opened again once unlocked', (t) => {
  const dataDir = join(temporaryFolder(t), 'a', 'b');
  const { folder, unlock } = openFolder(dataDir);
  assert.equal(folder, join(dataDir, folderName));
  unlock();
  assert.deepEqual(readdirSync(folder), []);
  openFolder(dataDir).unlock();
});

test('data folder: a file in its way', (t) => {
  const dataDir = join(temporaryFolder(t), 'data');
  writeFileSync(dataDir, '');
  refuses(
    dataDir,
    /data\/zabra-1 cannot be written \(.*(ENOTDIR|EEXIST).*\): make it writable or set another dataDir\.$/,
  );
});

test('data folder: not writable', { skip: process.getuid?.() === 0 && 'root may write everywhere' }, (t) => {
  const dataDir = temporaryFolder(t);
  chmodSync(dataDir, 0o555);
  refuses(dataDir, /cannot be written \(EACCES.*\): make it writable or set another dataDir\.$/);
  chmodSync(dataDir, 0o755);
});

test(
  'data folder: a place where nothing can be made',
  { skip: process.platform !== 'linux' && 'there is no /proc' },
  () => {
    refuses(
      '/proc/zabra',
      /^\/proc\/zabra\/zabra-1 cannot be written \(.*\): make it writable or set another dataDir\.$/,
    );
  },
);

test('data folder: data of Apache ZooKeeper', (t) => {
  const dataDir = temporaryFolder(t);
  mkdirSync(join(dataDir, 'version-2'));
  const sentence =
    /holds data of Apache ZooKeeper \(version-2\), which this server does not read: set another dataDir\.$/;
  refuses(dataDir, sentence);
  refuses(dataDir, sentence);
});

test('data folder: in use by this process', (t) => {
  const dataDir = temporaryFolder(t);
  const { unlock } = openFolder(dataDir);
  refuses(dataDir, new RegExp(`is in use by process ${process.pid}: stop that one first or choose another folder\\.$`));
  // The refused one has taken nothing away from the first.
  refuses(dataDir, /is in use by process/);
  unlock();
  openFolder(dataDir).unlock();
});

const holder = `
  import { openFolder } from ${JSON.stringify(new URL('../../../engine/io/data-folder.js', import.meta.url).href)};
  openFolder(process.argv[1]);
  console.log('open');
  setInterval(() => {}, 1000);
`;

test('data folder: in use by another process, free once that was killed', async (t) => {
  const dataDir = temporaryFolder(t);
  const child = spawn(process.execPath, ['--input-type=module', '-e', holder, dataDir], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout!, 'data');
  refuses(dataDir, new RegExp(`is in use by process ${child.pid}: stop that one first`));
  child.kill('SIGKILL');
  await once(child, 'exit');
  openFolder(dataDir).unlock();
  assert.deepEqual(readdirSync(join(dataDir, folderName)), []);
});

test('data folder: a lock of a process number that another process has now does not count', (t) => {
  const dataDir = temporaryFolder(t);
  openFolder(dataDir).unlock();
  writeFileSync(join(dataDir, folderName, `lock.${process.ppid}.1`), '');
  openFolder(dataDir).unlock();
});

test('data folder: of a server with another number', async (t) => {
  const dataDir = temporaryFolder(t);
  const settings = { dataDir, clientPort: 0, clientPortAddress: '127.0.0.1', logLevel: 'silent' } as const;
  const members = [1, 2, 3].map((id) => ({
    id,
    host: '127.0.0.1',
    quorumPort: 0,
    electionPort: 0,
    role: 'participant' as const,
    clientHost: null,
    clientPort: null,
  }));
  const first = await Host.start({ ...settings, id: 1, servers: members });
  await first.close();
  await assert.rejects(
    Host.start({ ...settings, id: 2, servers: members }),
    (error: Error) =>
      error instanceof StorageError &&
      /belongs to server 1, but this is server 2; .* Correct myid or dataDir\.$/.test(error.message),
  );
  // A refused start leaves the folder free.
  const again = await Host.start({ ...settings, id: 1, servers: members });
  await again.close();
});
