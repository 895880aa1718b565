/** A folder of the real file system, as the log sees it. */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Files } from '../log/files.ts';
import { syncFolder } from './data-folder.ts';

export class FolderFiles implements Files {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  list(): string[] {
    return readdirSync(this.#folder);
  }

  exists(name: string): boolean {
    return existsSync(this.#path(name));
  }

  read(name: string): Buffer {
    return readFileSync(this.#path(name));
  }

  create(name: string): number {
    return openSync(this.#path(name), 'w+');
  }

  open(name: string): number {
    return openSync(this.#path(name), 'r+');
  }

  write(handle: number, bytes: Uint8Array, length: number, position: number): void {
    for (let done = 0; done < length;) done += writeSync(handle, bytes, done, length - done, position + done);
  }

  /** Its size is synced as well where it grew; that of a file that was cut is in `truncate`. */
  sync(handle: number): void {
    fdatasyncSync(handle);
  }

  truncate(handle: number, length: number): void {
    ftruncateSync(handle, length);
    fsyncSync(handle);
  }

  close(handle: number): void {
    closeSync(handle);
  }

  rename(from: string, to: string): void {
    renameSync(this.#path(from), this.#path(to));
  }

  /** Somebody may have removed it by hand. */
  remove(name: string): void {
    rmSync(this.#path(name), { force: true });
  }

  syncFolder(): void {
    syncFolder(this.#folder);
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}
