/** Recovery of the log in a folder of the file system, and what an operator is told when it refuses. */
import { join } from 'node:path';
import { LogDamage, recoverLog as recover, type RecoveredLog } from '../log/recover.ts';
import { crc32 } from './crc32.ts';
import { StorageError } from './data-folder.ts';
import { FolderFiles } from './folder-files.ts';

export type { RecoveredLog } from '../log/recover.ts';

/**
 * Reads everything the folder holds and decides whether it can be trusted.
 *
 * @param snapshotZxid newest snapshot, found whole; -1 for none: what it covers may be missing
 * @throws StorageError that names the file and says what to do; then nothing was changed
 */
export function recoverLog(folder: string, server: number, snapshotZxid: number): RecoveredLog {
  try {
    return recover(new FolderFiles(folder), server, snapshotZxid, crc32);
  } catch (error) {
    if (!(error instanceof LogDamage)) throw error;
    const advice =
      error.advice ??
      `Restore ${folder} from a backup, or, if this is one of several servers and the others are healthy, ` +
        'move the data folder (dataDir, and dataLogDir if there is one) away and start again: ' +
        'it will be filled from the leader.';
    throw new StorageError(`${join(folder, error.file)} ${error.what}; nothing was changed. ${advice}`);
  }
}
