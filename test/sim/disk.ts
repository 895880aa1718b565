/**
 * A simulated disk: files as bytes with a memory of which sectors are durable.
 *
 *   write ─► seen by reads at once        sync ─► survives a crash
 *
 * A crash keeps for each un-synced sector either what was durable, what was written, or a torn mix;
 * names that were created, renamed or removed since the folder was synced come back up to some point.
 */
import type { Files } from '../../engine/log/files.ts';
import type { SimOptions } from './options.ts';
import type { World } from './world.ts';

const sectorBytes = 512;

interface File {
  bytes: Buffer;
  length: number;
  /** As of the last sync. */
  durable: Buffer;
  dirty: Set<number>;
}

type NameChange =
  | { readonly kind: 'create'; readonly name: string; readonly file: File }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'remove'; readonly name: string };

/** The power fails between two calls. */
export class PowerCut extends Error {}

/** What a call meets when the disk is broken or full. */
export class DiskError extends Error {}

export class SimDisk implements Files {
  readonly #world: World;
  readonly #options: SimOptions;
  #names = new Map<string, File>();
  #durableNames = new Map<string, File>();
  #changes: NameChange[] = [];
  readonly #open = new Map<number, File>();
  #nextHandle = 1;
  /** Calls until the power fails; Infinity: it does not. */
  #callsLeft = Infinity;
  slow = false;
  broken = false;
  full = false;
  // Figures for the report.
  tornWrites = 0;
  corruptions = 0;

  constructor(world: World, options: SimOptions) {
    this.#world = world;
    this.#options = options;
  }

  // ---- faults ------------------------------------------------------------------------------------

  power(): void {
    this.#callsLeft = Infinity;
  }

  /** The power will fail before the n-th call from now. */
  cutPowerIn(calls: number): void {
    this.#callsLeft = calls;
  }

  crash(): void {
    this.#callsLeft = Infinity;
    this.#open.clear();
    const { prng } = this.#world;
    const keep = this.#options.tearing ? prng.below(this.#changes.length + 1) : 0;
    this.#names = this.#durableNames;
    for (const change of this.#changes.slice(0, keep)) apply(this.#names, change);
    this.#changes = [];
    this.#durableNames = new Map(this.#names);
    for (const file of new Set(this.#names.values())) this.#tear(file);
  }

  /** A new, empty disk. */
  wipe(): void {
    this.#names = new Map();
    this.#durableNames = new Map();
    this.#changes = [];
  }

  /** Flips bits of one durable sector of a file whose name fits; false when there is none. */
  corrupt(fits: (name: string) => boolean): boolean {
    const files = [...this.#names].filter(([name, file]) => fits(name) && file.length > 0);
    if (files.length === 0) return false;
    const [name, file] = this.#world.prng.pick(files);
    const at = this.#world.prng.below(file.length);
    for (let i = at; i < Math.min(at + 8, file.length); i++) file.bytes[i]! ^= 0x55;
    file.durable = Buffer.from(file.bytes.subarray(0, file.length));
    this.corruptions++;
    this.#world.trace(`corrupts ${name}`, at);
    return true;
  }

  get names(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** ms that a sync takes now. */
  syncMs(): number {
    const { fsyncMs, slowFsyncChance } = this.#options;
    const slow = this.slow || this.#world.prng.chance(slowFsyncChance);
    return slow ? this.#world.around(300) : this.#world.around(fsyncMs);
  }

  #tear(file: File): void {
    const { prng } = this.#world;
    const { tearing } = this.#options;
    const length = tearing && prng.chance(0.5) ? file.length : file.durable.length;
    const bytes = Buffer.alloc(Math.max(length, sectorBytes));
    file.durable.copy(bytes, 0, 0, Math.min(length, file.durable.length));
    for (const sector of tearing ? file.dirty : []) {
      const start = sector * sectorBytes;
      const end = Math.min(start + sectorBytes, length, file.length);
      if (end <= start) continue;
      const fate = prng.below(3);
      if (fate === 0) continue;
      const upTo = fate === 1 ? end : start + prng.below(end - start);
      file.bytes.copy(bytes, start, start, upTo);
      if (fate === 2) this.tornWrites++;
    }
    file.bytes = bytes;
    file.length = length;
    file.durable = Buffer.from(bytes.subarray(0, length));
    file.dirty = new Set();
  }

  #call(): void {
    if (this.#callsLeft-- <= 0) throw new PowerCut('the power fails');
  }

  // ---- Files -------------------------------------------------------------------------------------

  list(): string[] {
    return this.names;
  }

  read(name: string): Buffer {
    const file = this.#named(name);
    return Buffer.from(file.bytes.subarray(0, file.length));
  }

  exists(name: string): boolean {
    return this.#names.has(name);
  }

  create(name: string): number {
    this.#call();
    this.#failIfBroken('create');
    const file: File = { bytes: Buffer.alloc(4096), length: 0, durable: Buffer.alloc(0), dirty: new Set() };
    this.#change({ kind: 'create', name, file });
    return this.#handle(file);
  }

  open(name: string): number {
    return this.#handle(this.#named(name));
  }

  write(handle: number, bytes: Uint8Array, length: number, position: number): void {
    this.#call();
    this.#failIfBroken('write');
    const file = this.#open.get(handle)!;
    const end = position + length;
    if (this.full && end > file.length) throw new DiskError('ENOSPC: no space left on device, write');
    if (end > file.bytes.length) {
      const grown = Buffer.alloc(Math.max(end, file.bytes.length * 2));
      file.bytes.copy(grown, 0, 0, file.length);
      file.bytes = grown;
    }
    file.bytes.set(bytes.subarray(0, length), position);
    file.length = Math.max(file.length, end);
    for (let at = Math.floor(position / sectorBytes); at * sectorBytes < end; at++) file.dirty.add(at);
  }

  sync(handle: number): void {
    this.#call();
    this.#failIfBroken('fsync');
    const file = this.#open.get(handle)!;
    if (file.durable.length !== file.length) {
      const durable = Buffer.alloc(file.length);
      file.durable.copy(durable, 0, 0, file.length);
      file.durable = durable;
    }
    for (const sector of file.dirty) {
      const start = sector * sectorBytes;
      file.bytes.copy(file.durable, start, start, Math.min(start + sectorBytes, file.length));
    }
    file.dirty.clear();
  }

  truncate(handle: number, length: number): void {
    this.#call();
    this.#failIfBroken('truncate');
    const file = this.#open.get(handle)!;
    for (let at = Math.floor(length / sectorBytes); at * sectorBytes < file.length; at++) file.dirty.add(at);
    file.bytes.fill(0, length);
    file.length = length;
  }

  close(handle: number): void {
    this.#open.delete(handle);
  }

  rename(from: string, to: string): void {
    this.#call();
    this.#change({ kind: 'rename', from, to });
  }

  remove(name: string): void {
    this.#call();
    this.#change({ kind: 'remove', name });
  }

  syncFolder(): void {
    this.#call();
    this.#failIfBroken('fsync');
    this.#durableNames = new Map(this.#names);
    this.#changes = [];
  }

  #change(change: NameChange): void {
    apply(this.#names, change);
    this.#changes.push(change);
  }

  #failIfBroken(what: string): void {
    if (this.broken) throw new DiskError(`EIO: i/o error, ${what}`);
  }

  #named(name: string): File {
    const file = this.#names.get(name);
    if (file === undefined) throw new DiskError(`ENOENT: no such file, open ${name}`);
    return file;
  }

  #handle(file: File): number {
    this.#open.set(this.#nextHandle, file);
    return this.#nextHandle++;
  }
}

function apply(names: Map<string, File>, change: NameChange): void {
  switch (change.kind) {
    case 'create':
      names.set(change.name, change.file);
      break;
    case 'rename': {
      const file = names.get(change.from);
      names.delete(change.from);
      if (file !== undefined) names.set(change.to, file);
      break;
    }
    default:
      names.delete(change.name);
  }
}
