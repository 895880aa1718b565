/**
 * The leader's prep and the tree without a server: requests are prepared one by one and applied when
 * the test says so, so that any number of txns can be in flight.
 */
import { createHash, randomFillSync } from 'node:crypto';
import { Writer } from '../../engine/base/bytes.ts';
import { zxidOf } from '../../engine/base/zxid.ts';
import { crc32 } from '../../engine/io/crc32.ts';
import { Prep } from '../../engine/prep/prep.ts';
import { Tree } from '../../engine/tree/tree.ts';
import { BatchWriter, decodeBatch, TxnCursor, type Batch } from '../../engine/txn/batch.ts';
import { internalOp, RequestCursor, writeRequest } from '../../engine/txn/request.ts';
import { txnType } from '../../engine/txn/types.ts';
import { encodeIds, type Id } from '../../engine/wire/acl.ts';
import { opcode } from '../../engine/wire/opcodes.ts';
import { op, openAcl, Record } from './raw-client.ts';

export interface Prepared {
  readonly zxid: number;
  readonly type: number;
  /** 0, or the code of the refusal; that of the refused part of a multi. */
  readonly error: number;
  readonly time: number;
  readonly body: Buffer;
}

/** What a request may say of a node, as records. */
export const ask = {
  create: (path: string, data: string | null = '', flags = 0, acl = openAcl): readonly [number, Record] => [
    op.create,
    new Record().buffer(path).buffer(data).acl(acl).int(flags),
  ],
  container: (path: string, data: string | null = ''): readonly [number, Record] => [
    op.createContainer,
    new Record().buffer(path).buffer(data).acl(openAcl).int(4),
  ],
  ttl: (path: string, ttlMs: number, data: string | null = ''): readonly [number, Record] => [
    op.createTtl,
    new Record().buffer(path).buffer(data).acl(openAcl).int(5).long(BigInt(ttlMs)),
  ],
  delete: (path: string, version = -1): readonly [number, Record] => [
    op.delete,
    new Record().buffer(path).int(version),
  ],
  set: (path: string, data: string | null = '', version = -1): readonly [number, Record] => [
    op.setData,
    new Record().buffer(path).buffer(data).int(version),
  ],
  setAcl: (path: string, acl = openAcl, version = -1): readonly [number, Record] => [
    op.setAcl,
    new Record().buffer(path).acl(acl).int(version),
  ],
  check: (path: string, version = -1): readonly [number, Record] => [op.check, new Record().buffer(path).int(version)],
  multi: (...parts: readonly (readonly [number, Record])[]): readonly [number, Record] => {
    const all = new Record();
    for (const [type, part] of parts) all.int(type).bool(false).int(-1).raw(part.bytes());
    return [op.multi, all.int(-1).bool(true).int(-1)];
  },
};

export const secrets = {
  sha1Base64: (text: string): string => createHash('sha1').update(text).digest('base64'),
  equalSecret: (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a).equals(b),
  random: (into: Uint8Array): void => void randomFillSync(into),
};

const rules = {
  extendedTypesEnabled: true,
  enforceQuota: true,
  reconfigEnabled: true,
  containerMaxNeverUsedMs: 0,
  servers: [],
};

export class Machine {
  readonly tree = Tree.fresh();
  readonly prep: Prep;
  readonly inFlight: Batch[] = [];
  ids: readonly Id[] = [{ scheme: 'ip', id: '127.0.0.1' }];
  #last = 0;
  #time = 1000;

  /** @param ephemeralsRecordedMax the nodes of a session with more than these are closed as one */
  constructor(ephemeralsRecordedMax?: number) {
    this.prep = new Prep(this.tree, secrets, rules, false, ephemeralsRecordedMax);
  }

  /** A new session, owned by server `origin`; its creation is in flight like any other txn. */
  session(origin = 1): number {
    return this.request([internalOp.createSession, new Record().int(10_000).int(0)], 0, origin).zxid;
  }

  close(session: number): Prepared {
    return this.request([opcode.closeSession, new Record()], session);
  }

  /** What the leader asks for when it finds a node due. */
  reap(path: string): Prepared {
    return this.request([op.deleteContainer, new Record().buffer(path)], 0, 0);
  }

  /** Prepares one request from a client of server `origin`. */
  request([code, record]: readonly [number, Record], session: number, origin = 1): Prepared {
    const out = new Writer();
    const body = record.bytes();
    writeRequest(out, code, session, 1, encodeIds(this.ids), body, 0, body.length);
    const cursor = new RequestCursor().reset(out.copy());
    cursor.next();
    const writer = new BatchWriter(crc32);
    writer.begin(this.#last, this.#last === 0 ? zxidOf(1, 1) : this.#last + 1, this.#time++);
    this.prep.prepare(cursor, origin, writer);
    const batch = decodeBatch(writer.finish().bytes, crc32)!;
    this.#last = batch.last;
    this.inFlight.push(batch);
    const txn = new TxnCursor().reset(batch);
    txn.next();
    const prepared = Buffer.from(txn.bytes.subarray(txn.bodyStart, txn.bodyEnd));
    const error =
      txn.type === txnType.error
        ? prepared.readInt32BE(0)
        : txn.type === txnType.multiError
          ? prepared.readInt32BE(8)
          : 0;
    return { zxid: batch.last, type: txn.type, error, time: batch.time, body: prepared };
  }

  /** Applies the oldest `count` txns in flight, all of them by default. */
  commit(count = this.inFlight.length): void {
    for (const batch of this.inFlight.splice(0, count)) {
      const txn = new TxnCursor().reset(batch);
      while (txn.next()) this.tree.apply(txn, null);
      this.prep.applied(batch.last);
    }
  }
}
