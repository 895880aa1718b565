/** Reads what a client of the ZooKeeper protocol asks, as far as a recording keeps it. */
import { Reader } from '../../engine/base/bytes.ts';
import { FramesIn } from '../../engine/wire/frames-in.ts';
import { opcode } from '../../engine/wire/opcodes.ts';
import type { OpKind } from './workload.ts';

const frameBytesMax = 64 * 1024 * 1024;

/** Operations that can be replayed; others, and pings, are left out. */
const kinds: Readonly<Record<number, OpKind>> = {
  [opcode.create]: 'create',
  [opcode.create2]: 'create',
  [opcode.delete]: 'delete',
  [opcode.exists]: 'exists',
  [opcode.getData]: 'get',
  [opcode.setData]: 'set',
  [opcode.getChildren]: 'children',
  [opcode.getChildren2]: 'children',
  [opcode.sync]: 'sync',
};

export class RequestReader {
  readonly #frames = new FramesIn();
  readonly #reader = new Reader();
  readonly #found: (kind: OpKind, path: string, bytes: number, flags: number) => void;
  #greeted = false;

  /** @param found is told of each request; the parts of a multi count as requests of their own */
  constructor(found: (kind: OpKind, path: string, bytes: number, flags: number) => void) {
    this.#found = found;
  }

  push(chunk: Buffer): void {
    const frames = this.#frames;
    frames.push(Buffer.from(chunk));
    while (frames.next(frameBytesMax) === 'frame') {
      // The first one is the handshake.
      if (this.#greeted) this.#request(this.#reader.reset(frames.bytes, frames.start, frames.end));
      this.#greeted = true;
    }
  }

  #request(reader: Reader): void {
    reader.i32();
    const op = reader.i32();
    if (op !== opcode.multi) {
      this.#operation(op, reader);
      return;
    }
    while (reader.left > 0 && !reader.bad) {
      const part = reader.i32();
      const isDone = reader.bool();
      reader.i32();
      if (isDone || part === -1) return;
      this.#operation(part, reader);
    }
  }

  #operation(op: number, reader: Reader): void {
    const kind = kinds[op];
    if (kind === undefined && op !== opcode.check) {
      // Nothing is known of its length, so the rest of a multi cannot be read either.
      reader.fail();
      return;
    }
    const path = reader.string();
    let bytes = 0;
    let flags = 0;
    if (kind === 'create') {
      bytes = reader.buffer()?.length ?? 0;
      for (let left = reader.count(12); left > 0 && !reader.bad; left--) {
        reader.i32();
        reader.buffer();
        reader.buffer();
      }
      flags = reader.i32();
    } else if (kind === 'set') {
      bytes = reader.buffer()?.length ?? 0;
      reader.i32();
    } else if (kind === 'delete' || kind === undefined) {
      reader.i32();
    } else if (kind !== 'sync') {
      flags = reader.bool() ? 1 : 0;
    }
    if (!reader.bad && kind !== undefined) this.#found(kind, path, bytes, flags);
  }
}
