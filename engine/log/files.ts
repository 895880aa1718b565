/**
 * The few calls that the log needs of a file system, on one folder; all of them synchronous.
 *
 * A call that fails throws. Nothing is durable before `sync` of the file and, for names that were
 * created, renamed or removed, `syncFolder` have returned.
 */
import type { Buffer } from 'node:buffer';

export interface Files {
  /** Names of all files in the folder. */
  list(): string[];
  exists(name: string): boolean;
  /** The whole content. */
  read(name: string): Buffer;
  /** Creates or empties a file; returns its handle, open for reading and writing. */
  create(name: string): number;
  /** Opens an existing file for reading and writing. */
  open(name: string): number;
  /** Writes all of `bytes[0, length)`. */
  write(handle: number, bytes: Uint8Array, length: number, position: number): void;
  sync(handle: number): void;
  truncate(handle: number, length: number): void;
  close(handle: number): void;
  rename(from: string, to: string): void;
  remove(name: string): void;
  syncFolder(): void;
}
