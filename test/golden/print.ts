/**
 * Frames as text, byte for byte: what a frame means is written out, what does not fit is added in hex.
 *
 * Only what differs from run to run is masked: times, session ids and passwords, and of a zxid all
 * but its distance from a position that every server has (`Names.mark`).
 */
import { op } from '../support/raw-client.ts';

/** Names what a run gave out: zxids by their distance from a mark, sessions by their connection. */
export class Names {
  readonly #marks: bigint[] = [];
  readonly sessions = new Map<bigint, string>();

  /** The server's last zxid: later ones are counted from here. */
  mark(zxid: bigint): void {
    this.#marks.push(zxid);
  }

  /** Of a reply: from the last mark, which may be this very zxid. */
  replyZxid(zxid: bigint): string {
    return zxid <= 0n ? String(zxid) : `+${zxid - this.#marks.at(-1)!}`;
  }

  /** Of a Stat: from the last mark before it, named by its letter. */
  statZxid(zxid: bigint): string {
    if (zxid <= 0n) return String(zxid);
    const mark = this.#marks.findLastIndex((mark) => mark < zxid);
    if (mark === -1) return 'earlier';
    return `${String.fromCharCode(0x41 + mark)}+${zxid - this.#marks[mark]!}`;
  }

  session(id: bigint): string {
    return id === 0n ? '0' : (this.sessions.get(id) ?? 'stranger');
  }
}

/** Reads a body field by field and writes it out. */
class Printer {
  readonly #bytes: Buffer;
  readonly #names: Names;
  readonly parts: string[] = [];
  #at = 0;

  constructor(bytes: Buffer, names: Names) {
    this.#bytes = bytes;
    this.#names = names;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  readInt(): number {
    this.#at += 4;
    return this.#bytes.readInt32BE(this.#at - 4);
  }

  readLong(): bigint {
    this.#at += 8;
    return this.#bytes.readBigInt64BE(this.#at - 8);
  }

  readByte(): number {
    return this.#bytes[this.#at++]!;
  }

  readText(): string {
    const length = this.readInt();
    if (length === -1) return 'null';
    this.#at += length;
    const bytes = this.#bytes.subarray(this.#at - length, this.#at);
    const text = bytes.toString('utf8');
    return Buffer.from(text).equals(bytes) ? JSON.stringify(text) : `0x${bytes.toString('hex')}`;
  }

  int(): this {
    this.parts.push(String(this.readInt()));
    return this;
  }

  text(): this {
    this.parts.push(this.readText());
    return this;
  }

  /** Order of children is nobody's promise. */
  sortedTexts(): this {
    const texts = Array.from({ length: this.readInt() }, () => this.readText());
    this.parts.push(`[${texts.toSorted().join(' ')}]`);
    return this;
  }

  /** Neither is the order of what a client has proved. */
  sortedPairs(): this {
    const pairs = Array.from({ length: this.readInt() }, () => `${this.readText()}:${this.readText()}`);
    this.parts.push(`[${pairs.toSorted().join(' ')}]`);
    return this;
  }

  acls(): this {
    const acls = Array.from({ length: this.readInt() }, () => {
      const perms = this.readInt();
      return `${perms}:${this.readText()}:${this.readText()}`;
    });
    this.parts.push(`[${acls.join(' ')}]`);
    return this;
  }

  stat(): this {
    const names = this.#names;
    const zxid = (): string => names.statZxid(this.readLong());
    const time = (): string => (this.readLong() > 0n ? 't' : '0');
    const fields = [
      `c ${zxid()} m ${zxid()} ${time()}${time()}`,
      `v${this.readInt()} c${this.readInt()} a${this.readInt()}`,
      `owner ${names.session(this.readLong())} data ${this.readInt()} children ${this.readInt()} p ${zxid()}`,
    ];
    this.parts.push(`{${fields.join(' ')}}`);
    return this;
  }

  multi(): this {
    while (this.left >= 9) {
      const [type, done, error] = [this.readInt(), this.readByte(), this.readInt()];
      this.parts.push(`| ${type} ${done} ${error}`);
      if (done !== 0) break;
      if (type === -1) this.int();
      if (type === op.create || type === op.create2 || type === op.getData) this.text();
      if (type === op.create2 || type === op.setData || type === op.getData) this.stat();
      if (type === op.getChildren) this.sortedTexts();
    }
    return this;
  }

  done(): string {
    if (this.left > 0) this.parts.push(`+0x${this.#bytes.subarray(this.#at).toString('hex')}`);
    return this.parts.join(' ');
  }
}

/** The body of a reply without error. */
export function printBody(code: number, body: Buffer, names: Names): string {
  const printer = new Printer(body, names);
  if (body.length === 0) return '';
  switch (code) {
    case op.create:
    case op.sync:
      return printer.text().done();
    case op.create2:
    case op.createContainer:
    case op.createTtl:
    case op.getData:
    case op.reconfig:
      return printer.text().stat().done();
    case op.exists:
    case op.setData:
    case op.setAcl:
    case op.check:
      return printer.stat().done();
    case op.getAcl:
      return printer.acls().stat().done();
    case op.getChildren:
    case op.getEphemerals:
      return printer.sortedTexts().done();
    case op.getChildren2:
      return printer.sortedTexts().stat().done();
    case op.multi:
    case op.multiRead:
      return printer.multi().done();
    case op.addWatch:
    case op.getAllChildrenNumber:
      return printer.int().done();
    case op.whoAmI:
      return printer.sortedPairs().done();
    default:
      return printer.done();
  }
}

/** WatcherEvent. */
export function printEvent(body: Buffer, names: Names): string {
  return new Printer(body, names).int().int().text().done();
}

/** A connect response; a session id that was given out is named, its password checked for being there. */
export function printConnect(frame: Buffer, names: Names): string {
  const printer = new Printer(frame, names).int().int();
  printer.parts.push(names.session(printer.readLong()), `password of ${printer.readInt()}`);
  const password = frame.subarray(20, 36);
  printer.parts.push(password.every((byte) => byte === 0) ? 'zeros' : 'secret');
  if (frame.length > 36) printer.parts.push(`readOnly ${frame.subarray(36).toString('hex')}`);
  return `${frame.length} bytes: ${printer.parts.join(' ')}`;
}
