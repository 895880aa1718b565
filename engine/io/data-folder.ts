/** A server's folder on disk: made, locked against a second process, and checked for foreign data. */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';

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
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Whether two names mean one folder, however they are spelled; what is not there yet counts by its name. */
export function isSameFolder(a: string, b: string): boolean {
  const real = (path: string): string => (existsSync(path) ? realpathSync(path) : resolve(path));
  return real(a) === real(b);
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
  const folder = resolve(dataDir, folderName);
  try {
    makeFolder(folder);
    accessSync(folder, constants.W_OK);
    if (readdirSync(dataDir).includes('version-2') && readdirSync(folder).length === 0) {
      throw new StorageError(
        `${dataDir} holds data of Apache ZooKeeper (version-2), which this server does not read: set another dataDir.`,
      );
    }
    return { folder, unlock: lockFolder(folder) };
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw new StorageError(
      `${folder} cannot be written (${(error as Error).message}): make it writable or set another dataDir.`,
    );
  }
}

/**
 * Makes a folder and those above it; a new name is durable before anything is promised to be in it.
 * Not with mkdir's own recursion, which never comes back from a place like /proc.
 */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) makeFolder(parent);
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another server that starts just now made it.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  syncFolder(parent);
}

/**
 * Locks a folder for this process; returns a function that unlocks it.
 *
 * The lock is an empty file named for the process and its start time, so that one left behind by a
 * kill -9 or a reboot is recognised although its number may have been given to another process since.
 * Each makes its own first and looks for others then: of two that start at once at least one sees the
 * other, and nobody ever removes the file of a process that lives.
 *
 * @throws StorageError when another process has it
 */
export function lockFolder(folder: string): () => void {
  const own = `lock.${process.pid}.${startTime(process.pid)}`;
  const path = join(folder, own);
  const isOwnHeld = readdirSync(folder).includes(own);
  if (!isOwnHeld) writeFileSync(path, '');
  for (const name of readdirSync(folder)) {
    const [, pid, started] = /^lock\.(\d+)\.(\w+)$/.exec(name) ?? [];
    if (pid === undefined || (name === own && !isOwnHeld)) continue;
    if (startTime(Number(pid)) === started) {
      if (!isOwnHeld) rmSync(path);
      throw new StorageError(`${folder} is in use by process ${pid}: stop that one first or choose another folder.`);
    }
    rmSync(join(folder, name), { force: true });
  }
  return () => rmSync(path, { force: true });
}

/** The process that holds the lock of a folder; null: nobody. */
export function lockHolder(folder: string): number | null {
  for (const name of readdirSync(folder)) {
    const [, pid, started] = /^lock\.(\d+)\.(\w+)$/.exec(name) ?? [];
    if (pid !== undefined && startTime(Number(pid)) === started) return Number(pid);
  }
  return null;
}

/** When a process was started, as the system tells; '' for a process that is not there. */
function startTime(pid: number): string {
  if (process.platform !== 'linux') return isAlive(pid) ? 'alive' : '';
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // From the third field on, as `man proc` numbers them: the state, …, 20 the threads, 22 the start time.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie is gone, unless a thread of it still is in the middle of a write.
    return fields[0] === 'Z' && Number(fields[17]) <= 1 ? '' : (fields[19] ?? '');
  } catch (error) {
    // ESRCH: it ended while its file was being read.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return '';
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
