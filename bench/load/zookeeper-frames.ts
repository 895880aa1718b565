/**
 * Requests of the ZooKeeper protocol, each made from a template in which only numbers differ.
 *
 *   i32 length · i32 xid · i32 op · path … data …        the xid, the digits of the path and a stamp are overwritten
 *
 * So an operation costs one copy and a few stores, and no object.
 */
import { Buffer } from 'node:buffer';
import { Writer } from '../../engine/base/bytes.ts';
import { writeAcls } from '../../engine/wire/acl.ts';
import { opcode } from '../../engine/wire/opcodes.ts';
import { put32, putDigits, type Arena } from './arena.ts';
import type { Operation } from './operation.ts';
import type { OpKind } from './workload.ts';

export const rootPath = '/bench';
export const keysPath = '/bench/keys';
export const madePath = '/bench/made';
const keyDigits = 7;
const sessionDigits = 5;
const serialDigits = 10;
const openAcl = [{ permissions: 31, scheme: 'world', id: 'anyone' }];

export function keyPath(key: number): string {
  return `${keysPath}/k${String(key).padStart(keyDigits, '0')}`;
}

/** The znode below which session `session` makes its own. `run` keeps two runs apart. */
export function sessionPath(run: string, session: number): string {
  return `${madePath}/${run}-${String(session).padStart(sessionDigits, '0')}`;
}

/** A frame with places where digits go. */
interface Template {
  readonly bytes: Uint8Array;
  /** Offsets of the digits of a key (several in a multi), a session, a serial, and of the stamp; -1: none. */
  readonly keysAt: readonly number[];
  readonly sessionAt: number;
  readonly serialAt: number;
  readonly stampAt: number;
}

export class ZooKeeperFrames {
  readonly #templates: Readonly<Record<OpKind, Template>>;
  readonly #payload: Buffer;
  readonly #scratch = new Writer(1024);

  /** @param payload the data of each znode; `run` is part of the paths that sessions make */
  constructor(payload: Buffer, run: string, multiOps: number) {
    this.#payload = payload;
    const key = `${keysPath}/k${'#'.repeat(keyDigits)}`;
    const made = `${madePath}/${run}-${'@'.repeat(sessionDigits)}/n${'%'.repeat(serialDigits)}`;
    this.#templates = {
      set: template(opcode.setData, (out) => setBody(out, key, payload)),
      get: template(opcode.getData, (out) => watchedBody(out, key, false)),
      watch: template(opcode.getData, (out) => watchedBody(out, key, true)),
      exists: template(opcode.exists, (out) => watchedBody(out, key, false)),
      children: template(opcode.getChildren, (out) => watchedBody(out, keysPath, false)),
      create: template(opcode.create, (out) => createBody(out, made, payload, 0)),
      ephemeral: template(opcode.create, (out) => createBody(out, made, payload, 1)),
      delete: template(opcode.delete, (out) => deleteBody(out, made)),
      multi: template(opcode.multi, (out) => multiBody(out, key, payload, multiOps)),
      sync: template(opcode.sync, (out) => out.string(rootPath)),
    };
  }

  encode(operation: Operation, session: number, xid: number, arena: Arena): void {
    if (operation.path !== '') {
      this.#encodeExplicit(operation, xid, arena);
      return;
    }
    const { bytes, keysAt, sessionAt, serialAt, stampAt } = this.#templates[operation.kind];
    const at = arena.template(bytes);
    const b = arena.bytes;
    put32(b, at + 4, xid);
    if (keysAt.length === 1) putDigits(b, at + keysAt[0]!, operation.key, keyDigits);
    else for (let i = 0; i < keysAt.length; i++) putDigits(b, at + keysAt[i]!, operation.keys[i]!, keyDigits);
    if (serialAt >= 0) {
      putDigits(b, at + sessionAt, session, sessionDigits);
      putDigits(b, at + serialAt, operation.serial, serialDigits);
    }
    if (operation.stamp > 0 && stampAt >= 0) put32(b, at + stampAt, operation.stamp);
  }

  #encodeExplicit(operation: Operation, xid: number, arena: Arena): void {
    const out = this.#scratch;
    out.clear();
    out.i32(0);
    out.i32(xid);
    const { kind, path, bytes, flags } = operation;
    const payload = bytes <= this.#payload.length ? this.#payload.subarray(0, bytes) : Buffer.alloc(bytes, 120);
    out.i32(opcodeOf[kind]);
    if (kind === 'set') setBody(out, path, payload);
    else if (kind === 'create' || kind === 'ephemeral') createBody(out, path, payload, flags);
    else if (kind === 'delete') deleteBody(out, path);
    else if (kind === 'multi') multiBody(out, path, payload, 1);
    else if (kind === 'sync') out.string(path);
    else watchedBody(out, path, flags !== 0);
    out.setI32(0, out.at - 4);
    arena.template(out.view());
  }
}

const opcodeOf: Readonly<Record<OpKind, number>> = {
  set: opcode.setData,
  get: opcode.getData,
  watch: opcode.getData,
  exists: opcode.exists,
  children: opcode.getChildren,
  create: opcode.create,
  ephemeral: opcode.create,
  delete: opcode.delete,
  multi: opcode.multi,
  sync: opcode.sync,
};

function template(op: number, body: (out: Writer) => void): Template {
  const out = new Writer(256);
  out.i32(0);
  out.i32(0);
  out.i32(op);
  body(out);
  out.setI32(0, out.at - 4);
  const bytes = Uint8Array.from(out.view());
  const text = Buffer.from(bytes).toString('latin1');
  const keysAt: number[] = [];
  const digits = '#'.repeat(keyDigits);
  for (let at = text.indexOf(digits); at >= 0; at = text.indexOf(digits, at + keyDigits)) keysAt.push(at);
  return {
    bytes,
    keysAt,
    sessionAt: text.indexOf('@'.repeat(sessionDigits)),
    serialAt: text.indexOf('%'.repeat(serialDigits)),
    // Of a set: the data begin behind the path and their own length.
    stampAt: op === opcode.setData && keysAt.length === 1 ? keysAt[0]! + keyDigits + 4 : -1,
  };
}

function setBody(out: Writer, path: string, payload: Uint8Array): void {
  out.string(path);
  out.buffer(payload);
  out.i32(-1);
}

function watchedBody(out: Writer, path: string, watch: boolean): void {
  out.string(path);
  out.bool(watch);
}

function createBody(out: Writer, path: string, payload: Uint8Array, flags: number): void {
  out.string(path);
  out.buffer(payload);
  writeAcls(openAcl, out);
  out.i32(flags);
}

function deleteBody(out: Writer, path: string): void {
  out.string(path);
  out.i32(-1);
}

function multiBody(out: Writer, path: string, payload: Uint8Array, ops: number): void {
  for (let i = 0; i < ops; i++) {
    out.i32(opcode.setData);
    out.bool(false);
    out.i32(-1);
    setBody(out, path, payload);
  }
  out.i32(-1);
  out.bool(true);
  out.i32(-1);
}
