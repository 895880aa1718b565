/**
 * Several writes that happen together or not at all, and several reads in one request.
 *
 *   const [path, stat] = await client.multi().create('/a', 'x').setData('/b', 'y', 3).commit();
 *
 * Each call adds one operation and its result to the tuple that `commit` resolves with.
 *
 *   request   { i32 type · bool done · i32 error · record }* · -1 true -1
 *   reply     the same, with a result for each record
 */
import type { Buffer } from 'node:buffer';
import type { Reader, Writer } from '../base/bytes.ts';
import { opcode } from '../wire/opcodes.ts';
import { writeMultiHeader } from '../wire/replies.ts';
import { errorOf, KeeperError, TransactionError } from './errors.ts';
import type { Paths } from './paths.ts';
import { readData, readStat, readStrings, type Stat } from './records.ts';
import type { CallOptions } from './request.ts';
import type { Session } from './session.ts';
import { createOp, writeCreate, writeSet, writeVersioned, type CreateOptions, type Data } from './writes.ts';

interface Operation {
  readonly type: number;
  readonly path: string;
  readonly write: (out: Writer) => void;
}

/** A result in a reply: of `type`, or an error. */
const errorType = -1;

export class Transaction<Results extends readonly unknown[] = []> {
  readonly #session: Session;
  readonly #paths: Paths;
  readonly #operations: Operation[] = [];

  constructor(session: Session, paths: Paths) {
    this.#session = session;
    this.#paths = paths;
  }

  /** Results in the path that was created. */
  create(path: string, data: Data = null, options: CreateOptions = {}): Transaction<[...Results, string]> {
    return this.#add(createOp(options, false), path, (out) => {
      const full = options.sequential === true ? this.#paths.toServerSequential(path) : this.#paths.toServer(path);
      writeCreate(full, data, options, out);
    });
  }

  setData(path: string, data: Data, version = -1): Transaction<[...Results, Stat]> {
    return this.#add(opcode.setData, path, (out) => writeSet(this.#paths.toServer(path), data, version, out));
  }

  delete(path: string, version = -1): Transaction<[...Results, null]> {
    return this.#add(opcode.delete, path, (out) => writeVersioned(this.#paths.toServer(path), version, out));
  }

  /** Goes on only if the node exists and its data has this version (-1: any). */
  check(path: string, version = -1): Transaction<[...Results, null]> {
    return this.#add(opcode.check, path, (out) => writeVersioned(this.#paths.toServer(path), version, out));
  }

  /**
   * Carries all of it out in one step.
   *
   * @throws TransactionError when one operation was refused: then none was carried out
   */
  commit(options: CallOptions = {}): Promise<Results> {
    const operations = [...this.#operations];
    return this.#session.call(
      opcode.multi,
      null,
      options,
      (out) => writeOperations(operations, out),
      (body) => this.#readResults(operations, body) as unknown as Results,
    );
  }

  #add<T>(type: number, path: string, write: (out: Writer) => void): Transaction<[...Results, T]> {
    this.#operations.push({ type, path, write });
    return this as unknown as Transaction<[...Results, T]>;
  }

  #readResults(operations: readonly Operation[], body: Reader): unknown[] {
    const codes: number[] = [];
    const results = readEach(body, operations, (type) => {
      switch (type) {
        case errorType:
          return codes.push(body.i32());
        case opcode.create:
          return this.#paths.toClient(body.string());
        case opcode.create2: {
          const path = this.#paths.toClient(body.string());
          readStat(body);
          return path;
        }
        case opcode.setData:
          return readStat(body);
        default:
          return null;
      }
    });
    // All before the one that was refused have code 0, all after it -2, unless it is -2 itself.
    const index = codes.findIndex((code) => code !== 0);
    if (index !== -1) throw new TransactionError(codes[index]!, operations[index]?.path ?? null, index);
    return results;
  }
}

/** A node's data, or its children, or why not. */
export type ReadResult<T> = T | KeeperError;

export class MultiRead<Results extends readonly unknown[] = []> {
  readonly #session: Session;
  readonly #paths: Paths;
  readonly #operations: Operation[] = [];

  constructor(session: Session, paths: Paths) {
    this.#session = session;
    this.#paths = paths;
  }

  getData(path: string): MultiRead<[...Results, ReadResult<{ data: Buffer | null; stat: Stat }>]> {
    return this.#add(opcode.getData, path);
  }

  getChildren(path: string): MultiRead<[...Results, ReadResult<string[]>]> {
    return this.#add(opcode.getChildren, path);
  }

  /** All at one moment; each result is a value or, by itself, an error. */
  commit(options: CallOptions = {}): Promise<Results> {
    const operations = [...this.#operations];
    return this.#session.call(
      opcode.multiRead,
      null,
      options,
      (out) => writeOperations(operations, out),
      (body) => readMany(body, operations) as unknown as Results,
    );
  }

  #add<T>(type: number, path: string): MultiRead<[...Results, T]> {
    const write = (out: Writer): void => {
      out.string(this.#paths.toServer(path));
      out.bool(false);
    };
    this.#operations.push({ type, path, write });
    return this as unknown as MultiRead<[...Results, T]>;
  }
}

function readMany(body: Reader, operations: readonly Operation[]): unknown[] {
  return readEach(body, operations, (type, { path }) => {
    if (type === errorType) return errorOf(body.i32(), path);
    if (type === opcode.getChildren) return readStrings(body);
    return { data: readData(body), stat: readStat(body) };
  });
}

function writeOperations(operations: readonly Operation[], out: Writer): void {
  for (const { type, write } of operations) {
    writeMultiHeader(out, type, false, -1);
    write(out);
  }
  writeMultiHeader(out, -1, true, -1);
}

/** Reads one result per operation; a reply with more or fewer of them is malformed. */
function readEach(
  body: Reader,
  operations: readonly Operation[],
  read: (type: number, operation: Operation) => unknown,
): unknown[] {
  const results: unknown[] = [];
  for (;;) {
    const type = body.i32();
    const done = body.bool();
    body.i32();
    if (body.bad || done) break;
    const operation = operations[results.length];
    if (operation === undefined) body.fail();
    else results.push(read(type, operation));
  }
  if (results.length !== operations.length) body.fail();
  return results;
}
