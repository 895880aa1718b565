/** A folder in memory, for recoveries by the million. */
import type { Files } from '../../engine/log/files.ts';

export class MemoryFiles implements Files {
  readonly contents = new Map<string, Buffer>();
  readonly #open = new Map<number, string>();
  #nextHandle = 1;

  list(): string[] {
    return [...this.contents.keys()];
  }

  exists(name: string): boolean {
    return this.contents.has(name);
  }

  read(name: string): Buffer {
    return Buffer.from(this.#bytes(name));
  }

  create(name: string): number {
    this.contents.set(name, Buffer.alloc(0));
    return this.open(name);
  }

  open(name: string): number {
    this.#bytes(name);
    this.#open.set(this.#nextHandle, name);
    return this.#nextHandle++;
  }

  write(handle: number, bytes: Uint8Array, length: number, position: number): void {
    const name = this.#open.get(handle)!;
    const before = this.#bytes(name);
    const after = Buffer.alloc(Math.max(before.length, position + length));
    before.copy(after);
    after.set(bytes.subarray(0, length), position);
    this.contents.set(name, after);
  }

  sync(): void {}

  truncate(handle: number, length: number): void {
    const name = this.#open.get(handle)!;
    this.contents.set(name, Buffer.from(this.#bytes(name).subarray(0, length)));
  }

  close(handle: number): void {
    this.#open.delete(handle);
  }

  rename(from: string, to: string): void {
    const bytes = this.#bytes(from);
    this.contents.delete(from);
    this.contents.set(to, bytes);
    for (const [handle, name] of this.#open) if (name === from) this.#open.set(handle, to);
  }

  remove(name: string): void {
    this.#bytes(name);
    this.contents.delete(name);
  }

  syncFolder(): void {}

  #bytes(name: string): Buffer {
    const bytes = this.contents.get(name);
    if (bytes === undefined) throw new Error(`there is no file ${name}`);
    return bytes;
  }
}
