/**
 * Each distinct ACL once: a node holds a small number instead of a list.
 *
 * Id 0 is always exactly `world:anyone` with all rights, which nearly every node has. The others are
 * counted and their ids given out again, so that short-lived ACLs do not fill the table.
 */
import { Buffer } from 'node:buffer';
import { assert } from '../base/assert.ts';
import { Writer } from '../base/bytes.ts';

/** vector<ACL> of `world:anyone` with all rights, and with the right to read alone. */
export const openAclBytes: Buffer = anyoneMay(31);
export const readOnlyAclBytes: Buffer = anyoneMay(1);

function anyoneMay(permissions: number): Buffer {
  const acl = new Writer(64);
  acl.i32(1);
  acl.i32(permissions);
  acl.string('world');
  acl.string('anyone');
  return acl.copy();
}

export class AclTable {
  readonly #bytes: Buffer[] = [openAclBytes];
  readonly #keys: string[] = [keyOf(openAclBytes, 0, openAclBytes.length)];
  readonly #uses: number[] = [1];
  readonly #ids = new Map<string, number>([[this.#keys[0]!, 0]]);
  readonly #free: number[] = [];

  /** Id of the vector<ACL> in `source[start, end)`; the node that holds it must `release` it. */
  intern(source: Buffer, start: number, end: number): number {
    if (isOpen(source, start, end)) return 0;
    const key = keyOf(source, start, end);
    const known = this.#ids.get(key);
    if (known !== undefined) {
      this.#uses[known]!++;
      return known;
    }
    const id = this.#free.pop() ?? this.#bytes.length;
    const bytes = Buffer.allocUnsafeSlow(end - start);
    source.copy(bytes, 0, start, end);
    this.#bytes[id] = bytes;
    this.#keys[id] = key;
    this.#uses[id] = 1;
    this.#ids.set(key, id);
    return id;
  }

  release(id: number): void {
    if (id === 0) return;
    assert(this.#uses[id]! > 0, 'an ACL is released as often as it is used', id);
    this.#uses[id]!--;
    if (this.#uses[id]! > 0) return;
    this.#ids.delete(this.#keys[id]!);
    this.#keys[id] = '';
    this.#free.push(id);
  }

  bytes(id: number): Buffer {
    return this.#bytes[id]!;
  }
}

function isOpen(source: Buffer, start: number, end: number): boolean {
  if (end - start !== openAclBytes.length) return false;
  for (let i = 0; i < openAclBytes.length; i++) if (source[start + i] !== openAclBytes[i]) return false;
  return true;
}

function keyOf(source: Buffer, start: number, end: number): string {
  return source.toString('latin1', start, end);
}
