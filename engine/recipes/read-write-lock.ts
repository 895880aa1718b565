/** A lock that many readers hold together, or one writer alone. */
import type { Client } from '../client/index.ts';
import { Lock, type LockOptions } from './lock.ts';

/**
 * Guarantees what Lock does; readers wait only for writers that came before them, so a writer is not starved by
 * readers that keep coming. All readers behind a writer go on at once when it leaves.
 *
 * A reader cannot become a writer: it would wait for itself. Nodes are named as by Curator's
 * InterProcessReadWriteLock, or kazoo's ReadLock and WriteLock.
 */
export class ReadWriteLock {
  readonly read: Lock;
  readonly write: Lock;

  /** @param path of the folder that the contenders' nodes are in */
  constructor(client: Client, path: string, options: LockOptions = {}) {
    const naming = options.naming ?? 'curator';
    this.read = new Lock(client, path, options, { role: 'read', waitsFor: ['lock', 'write'], naming });
    this.write = new Lock(client, path, options, { role: 'write', waitsFor: ['lock', 'read', 'write'], naming });
  }
}
