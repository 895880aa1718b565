/** What is measured alone: the pieces that every write goes through, and those of snapshots. */
import { createHash, randomFillSync } from 'node:crypto';
import { Writer } from '../../engine/base/bytes.ts';
import { Histogram } from '../../engine/base/histogram.ts';
import { zxidOf } from '../../engine/base/zxid.ts';
import { crc32 } from '../../engine/io/crc32.ts';
import { encodeEntryHeader } from '../../engine/log/format.ts';
import { Prep } from '../../engine/prep/prep.ts';
import { Stages } from '../../engine/server/stages.ts';
import { Tree } from '../../engine/tree/tree.ts';
import { BatchWriter, decodeBatch, TxnCursor, type Batch } from '../../engine/txn/batch.ts';
import { internalOp, RequestCursor, writeRequest } from '../../engine/txn/request.ts';
import { encodeIds } from '../../engine/wire/acl.ts';
import { FramesIn } from '../../engine/wire/frames-in.ts';
import { opcode } from '../../engine/wire/opcodes.ts';
import { beginReply, endReply } from '../../engine/wire/replies.ts';
import { lz4 } from '../../workers/lz4.ts';
import { createRing, RingReader, RingWriter } from '../../workers/ring.ts';
import { Arena } from '../load/arena.ts';
import { MixSource } from '../load/mix.ts';
import { Operation } from '../load/operation.ts';
import { payload } from '../load/payload.ts';
import { canonicalWorkload } from '../load/workload.ts';
import { keyPath, ZooKeeperFrames } from '../load/zookeeper-frames.ts';

export interface Case {
  readonly name: string;
  /** Operations in one call of `run`. */
  readonly operations: number;
  readonly run: () => void;
}

/** Operations of a batch in these measurements. */
const batchSize = 256;
const keys = 1000;
const data = payload(100);
const frameBytesMax = 1024 * 1024;

/** A leader's prep and tree with `keys` znodes and one session. */
class Bed {
  readonly tree = Tree.fresh();
  readonly prep: Prep;
  readonly session: number;
  readonly #writer = new BatchWriter(crc32);
  readonly #cursor = new RequestCursor();
  readonly #txn = new TxnCursor();
  readonly #identity = encodeIds([{ scheme: 'world', id: 'anyone' }]);
  #last = zxidOf(1, 0);

  constructor() {
    const secrets = {
      sha1Base64: (text: string): string => createHash('sha1').update(text).digest('base64'),
      equalSecret: (): boolean => false,
      random: (into: Uint8Array): void => void randomFillSync(into),
    };
    this.prep = new Prep(
      this.tree,
      secrets,
      {
        extendedTypesEnabled: true,
        enforceQuota: false,
        reconfigEnabled: false,
        containerMaxNeverUsedMs: 0,
        servers: [],
      },
      false,
    );
    const hello = new Writer();
    hello.i32(10_000);
    hello.i32(0);
    const batch = this.prepare(this.requests([[internalOp.createSession, hello.copy()]], 0));
    this.apply(batch);
    this.session = batch.last;
    for (const path of ['/bench', '/bench/keys', '/bench/made']) this.apply(this.prepare(this.creates([path])));
    this.apply(this.prepare(this.creates(Array.from({ length: keys }, (_, key) => keyPath(key)))));
  }

  requests(bodies: readonly (readonly [op: number, body: Buffer])[], session = this.session): Buffer {
    const out = new Writer();
    for (const [op, body] of bodies) writeRequest(out, op, session, 1, this.#identity, body, 0, body.length);
    return out.copy();
  }

  creates(paths: readonly string[]): Buffer {
    return this.requests(paths.map((path) => [opcode.create, createBody(path)] as const));
  }

  sets(): Buffer {
    const bodies = Array.from({ length: batchSize }, (_, n) => {
      const body = new Writer();
      body.string(keyPath((n * 7) % keys));
      body.buffer(data);
      body.i32(-1);
      return [opcode.setData, body.copy()] as const;
    });
    return this.requests(bodies);
  }

  /** A batch of sets, not applied. */
  prepareSets(): Batch {
    return this.prepare(this.sets());
  }

  deletes(paths: readonly string[]): Buffer {
    return this.requests(
      paths.map((path) => {
        const body = new Writer();
        body.string(path);
        body.i32(-1);
        return [opcode.delete, body.copy()] as const;
      }),
    );
  }

  prepare(requests: Buffer): Batch {
    const writer = this.#writer;
    writer.begin(this.#last, this.#last + 1, 1000);
    const cursor = this.#cursor.reset(requests);
    while (cursor.next()) this.prep.prepare(cursor, 1, writer);
    const batch = writer.finish();
    this.#last = batch.last;
    return batch;
  }

  apply(batch: Batch): void {
    const txn = this.#txn.reset(batch);
    while (txn.next()) this.tree.apply(txn, null);
    this.prep.applied(batch.last);
  }
}

function createBody(path: string): Buffer {
  const body = new Writer();
  body.string(path);
  body.buffer(data);
  body.i32(1);
  body.i32(31);
  body.string('world');
  body.string('anyone');
  body.i32(0);
  return body.copy();
}

export function cases(): Case[] {
  return [...wireCases(), ...txnCases(), ...logCases(), ...snapshotCases(), ...metricCases(), ...generatorCases()];
}

function wireCases(): Case[] {
  const arena = new Arena();
  const frames = new ZooKeeperFrames(data, '000000', 1);
  const operation = new Operation();
  for (let n = 0; n < batchSize; n++) {
    operation.key = n;
    frames.encode(operation, 0, n + 1, arena);
  }
  const chunk = Buffer.from(arena.cut());
  const cutter = new FramesIn();
  const out = new Writer(64 * 1024);
  const tree = new Bed().tree;
  const slot = tree.find(keyPath(1));
  return [
    {
      name: 'wire: cut a setData frame out of a chunk',
      operations: batchSize,
      run: () => {
        cutter.push(chunk);
        while (cutter.next(frameBytesMax) === 'frame');
      },
    },
    {
      name: 'wire: encode a reply with a Stat',
      operations: batchSize,
      run: () => {
        out.clear();
        for (let n = 0; n < batchSize; n++) {
          const at = beginReply(out, n, 4294967296 + n, 0);
          tree.writeStat(slot, out);
          endReply(out, at);
        }
      },
    },
  ];
}

function txnCases(): Case[] {
  const bed = new Bed();
  const sets = bed.sets();
  const paths = Array.from({ length: batchSize }, (_, n) => `/bench/made/n${n}`);
  const creates = bed.creates(paths);
  const deletes = bed.deletes(paths);
  const reply = new Writer(64 * 1024);
  const batch = bed.prepare(sets);
  bed.apply(batch);
  return [
    {
      name: 'prep: setData → txn in a batch, with its CRC, and applied',
      operations: batchSize,
      run: () => bed.apply(bed.prepare(sets)),
    },
    {
      name: 'prep and apply: create, then delete',
      operations: 2 * batchSize,
      run: () => {
        bed.apply(bed.prepare(creates));
        bed.apply(bed.prepare(deletes));
      },
    },
    { name: 'txn: check and open a batch', operations: batchSize, run: () => void decodeBatch(batch.bytes, crc32) },
    {
      name: 'tree: find a znode and read its data and Stat',
      operations: batchSize,
      run: () => {
        reply.clear();
        for (let n = 0; n < batchSize; n++) {
          const slot = bed.tree.find(keyNames[n]!);
          bed.tree.writeData(slot, reply);
          bed.tree.writeStat(slot, reply);
        }
      },
    },
  ];
}

const keyNames = Array.from({ length: batchSize }, (_, n) => keyPath((n * 7) % keys));

function logCases(): Case[] {
  const target = Buffer.alloc(64 * 1024);
  const header = { length: 4096, segment: 1, offset: 64, chain: 7, batchCrc: 9, committed: 1, durable: 1, crc: 0 };
  const block = payload(4096);
  const memory = createRing(1024 * 1024);
  const [writer, reader] = [new RingWriter(memory), new RingReader(memory)];
  const record = payload(1024);
  return [
    {
      name: 'log: encode the header of an entry',
      operations: batchSize,
      run: () => {
        for (let n = 0; n < batchSize; n++) encodeEntryHeader(header, target, n * 48, crc32);
      },
    },
    {
      name: 'crc32: 4 KiB',
      operations: 16,
      run: () => {
        for (let n = 0; n < 16; n++) crc32(block, 0, block.length);
      },
    },
    {
      name: 'ring: 1 KiB in and out, one thread',
      operations: batchSize,
      run: () => {
        for (let n = 0; n < batchSize; n++) {
          writer.push(1, n, 0, record);
          reader.next();
          reader.payload(target, 0);
        }
      },
    },
  ];
}

function snapshotCases(): Case[] {
  // Like znodes: paths and Stats alike, data not.
  const raw = Buffer.concat(
    Array.from({ length: 1500 }, (_, n) => Buffer.from(`${keyPath(n)}${payload(40).toString()}`)),
  );
  const block = lz4.compress(raw);
  const size = `${Math.round(raw.length / 1024)} KiB`;
  return [
    { name: `lz4: compress ${size} (${lz4.name})`, operations: 1, run: () => void lz4.compress(raw) },
    { name: `lz4: expand ${size} (${lz4.name})`, operations: 1, run: () => void lz4.expand(block, raw.length) },
  ];
}

export const requestMetric = 'metrics: time one request';
export const batchMetric = 'metrics: follow one batch, with the clock';

/** What the server's own measuring costs: once for each request, and once for each batch. */
function metricCases(): Case[] {
  const histogram = new Histogram();
  const stages = new Stages();
  const batch = new Bed().prepareSets();
  let zxid = 1;
  return [
    {
      name: requestMetric,
      operations: batchSize,
      run: () => {
        for (let n = 0; n < batchSize; n++) histogram.recordMs(n * 0.07);
      },
    },
    {
      name: batchMetric,
      operations: batchSize,
      run: () => {
        for (let n = 0; n < batchSize; n++, zxid++) {
          stages.proposed(zxid, n, n + 1, performance.now());
          stages.appended(zxid, batch, performance.now());
          stages.synced(zxid, 0.2, performance.now(), Date.now());
          stages.acked(2, zxid, performance.now());
          stages.committed(zxid, performance.now());
          stages.apply.recordMs(performance.now() - n);
          stages.reply.recordMs(performance.now() - n);
        }
      },
    },
  ];
}

function generatorCases(): Case[] {
  const frames = new ZooKeeperFrames(data, '000000', 1);
  const source = new MixSource(canonicalWorkload, 1, 0);
  const operation = new Operation();
  const arena = new Arena();
  let xid = 0;
  return [
    {
      name: 'generator: draw and encode a setData',
      operations: batchSize,
      run: () => {
        for (let n = 0; n < batchSize; n++) {
          source.next(n % canonicalWorkload.sessions, operation);
          frames.encode(operation, 0, ++xid, arena);
        }
        arena.cut();
      },
    },
  ];
}
