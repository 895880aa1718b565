/**
 * A session of the ZooKeeper protocol that looks at no more of a reply than it must.
 *
 *   i32 length · i32 xid · i64 zxid · i32 err · body          up to 56 bytes are looked at, the rest is skipped
 *
 * Replies come in the order of the requests, so the xid is only checked, never looked up.
 */
import { get32 } from './arena.ts';
import { Session } from './session.ts';

/** Up to the version in the Stat of a reply to setData or exists; the answer to the greeting is shorter. */
const lookBytes = 56;
const versionAt = 52;
/** The data of a reply to getData begin behind their length. */
const stampAt = 24;
const eventXid = -1;
const pingXid = -2;
const pingOp = 11;
const closeOp = -11;
const frameBytesMax = 64 * 1024 * 1024;

export class ZooKeeperSession extends Session {
  protected readonly headBytes = 4;
  /** The reply that is expected next has this xid. */
  #expected = 1;
  #greeted = false;
  /** Of the session, so that another server takes it over when the connection breaks. */
  readonly #id = Buffer.alloc(8);
  readonly #password = Buffer.alloc(16);
  readonly #lastZxid = Buffer.alloc(8);

  protected greet(): void {
    this.#expected = 1;
    this.#greeted = false;
    const { arena } = this.load;
    arena.i32(45);
    arena.i32(0);
    arena.template(this.#lastZxid);
    arena.i32(this.load.spec.sessionTimeoutMs);
    arena.template(this.#id);
    arena.i32(16);
    arena.template(this.#password);
    arena.template(notReadOnly);
  }

  protected encode(sequence: number): void {
    this.load.frames.encode(this.operation, this.load.spec.firstSession + this.index, sequence, this.load.arena);
  }

  ping(): void {
    const { arena } = this.load;
    arena.i32(8);
    arena.i32(pingXid);
    arena.i32(pingOp);
  }

  protected farewell(): void {
    const { arena } = this.load;
    arena.i32(8);
    arena.i32(this.sequence);
    arena.i32(closeOp);
  }

  protected size(b: Uint8Array, at: number): number {
    return 4 + get32(b, at);
  }

  protected look(b: Uint8Array, at: number): number {
    return Math.min(lookBytes, 4 + get32(b, at));
  }

  protected frame(b: Buffer, at: number): boolean {
    const length = get32(b, at);
    if (length < 16 || length > frameBytesMax) return false;
    if (!this.#greeted) return this.#connected(b, at, length);
    const xid = get32(b, at + 4);
    if (xid === eventXid) {
      this.load.counts.events++;
      return true;
    }
    if (xid === pingXid) return true;
    if (xid !== this.#expected) return false;
    this.#expected++;
    for (let i = 0; i < 8; i++) this.#lastZxid[i] = b[at + 8 + i]!;
    const error = get32(b, at + 16);
    if (this.load.source.answered !== undefined) {
      const isLong = error === 0 && length + 4 >= lookBytes;
      const version = isLong ? get32(b, at + versionAt) : -1;
      const stamp = isLong ? get32(b, at + stampAt) : -1;
      this.load.source.answered(this.load.spec.firstSession + this.index, error, version, stamp);
    }
    this.completed(xid, error);
    return true;
  }

  /** The answer to the greeting. A refused session (timeout 0) is gone: the next connection asks for a new one. */
  #connected(b: Buffer, at: number, length: number): boolean {
    if (length < 36) return false;
    this.#greeted = true;
    if (get32(b, at + 8) <= 0) {
      this.#id.fill(0);
      this.#password.fill(0);
      this.load.counts.expired++;
      this.abandon();
      return true;
    }
    b.copy(this.#id, 0, at + 12, at + 20);
    b.copy(this.#password, 0, at + 24, at + 40);
    this.opened();
    return true;
  }
}

const notReadOnly = new Uint8Array(1);
