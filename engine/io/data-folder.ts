/** A server's folder on disk: made, locked against a second process, and checked for foreign data. */
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** Everything that keeps a server from starting or going on because of its disk; one sentence for the operator. */
export class StorageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StorageError';
  }
}

/** Makes a folder's entries durable: a created, renamed or removed name is on disk after this. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  fsyncSync(handle);
  closeSync(handle);
}

/** The engine's own folder inside dataDir, as ZooKeeper has `version-2`. */
export const folderName = 'zabra-1';

/**
 * Opens `<dataDir>/zabra-1`, making it if need be, and locks it for this process.
 *
 * @returns the folder and a function that unlocks it
 * @throws StorageError when it cannot be written, is in use, or dataDir holds Apache ZooKeeper's data
 */
export function openFolder(dataDir: string): { folder: string; unlock: () => void } {
  const folder = join(dataDir, folderName);
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new StorageError(
      `${folder} cannot be written (${(error as Error).message}): make it writable or set another dataDir.`,
    );
  }
  if (readdirSync(dataDir).includes('version-2') && readdirSync(folder).length === 0) {
    throw new StorageError(
      `${dataDir} holds data of Apache ZooKeeper (version-2), which this server does not read: set another dataDir.`,
    );
  }
  const lock = join(folder, 'lock');
  takeLock(lock, folder);
  return { folder, unlock: () => unlinkSync(lock) };
}

/**
 * The lock names the process and its start time, so that one left behind by a kill -9 or a reboot is
 * recognised although its number may have been given to another process since.
 */
function takeLock(lock: string, folder: string): void {
  const own = `${process.pid} ${startTime(process.pid)}`;
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(lock, own, { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
        throw new StorageError(`${lock}: ${(error as Error).message}`);
    }
    const [pid, started] = readFileSync(lock, 'utf8').split(' ');
    const isOther = Number(pid) !== process.pid && startTime(Number(pid)) === started && started !== '';
    const isOwn = Number(pid) === process.pid && started === startTime(process.pid);
    if (isOther || isOwn) throw new StorageError(`${folder} is in use by process ${pid}: stop that server first.`);
    unlinkSync(lock);
  }
  throw new StorageError(`${folder} is being locked by another server that starts just now.`);
}

/** When a process was started, as the system tells; '' for a process that is not there. */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  if (process.platform === 'linux') return '';
  return isAlive(pid) ? 'alive' : '';
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
