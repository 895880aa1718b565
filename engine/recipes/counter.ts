/**
 * A number that many programs change.
 *
 *   const counter = new Counter(client, '/counters/orders');
 *   const order = await counter.add(1);
 */
import { Buffer } from 'node:buffer';
import type { Client } from '../client/index.ts';
import { createFolder, hasCode, once, untilAnswered } from './calls.ts';
import { InvalidDataError } from './errors.ts';

/**
 * How the number is written: `text` as decimal digits (kazoo's Counter), `int32` (Curator's SharedCount) or `int64`
 * (Curator's DistributedAtomicLong) as bytes in network order.
 */
export type CounterFormat = 'text' | 'int32' | 'int64';

export interface CounterOptions {
  /** Default `text`. */
  readonly format?: CounterFormat | undefined;
}

/**
 * Guarantees: each change happens exactly once, also when the connection is lost before its answer; the result of
 * `add` is the number after this very change. A node that does not exist or is empty counts as 0.
 *
 * Does not promise to be fast under many writers: each change reads, then writes if nobody else did in between, else
 * begins again; one of the writers always gets on. Numbers are whole and lie between -(2^53 - 1) and 2^53 - 1.
 */
export class Counter {
  readonly path: string;
  readonly #client: Client;
  readonly #format: CounterFormat;

  constructor(client: Client, path: string, { format = 'text' }: CounterOptions = {}) {
    this.path = path;
    this.#client = client;
    this.#format = format;
  }

  /**
   * As this client's server has it; after `client.sync()`, with all that was changed before.
   *
   * @throws InvalidDataError when the node holds no number
   */
  async get(): Promise<number> {
    return (await this.#read()).value;
  }

  /** Adds, or subtracts, and resolves with the result. */
  add(amount = 1): Promise<number> {
    return this.update((value) => value + amount);
  }

  /** Sets it, whatever it was. */
  async set(value: number): Promise<void> {
    await this.update(() => value);
  }

  /**
   * Changes it to what `change` makes of it, and resolves with that. `change` is called again when somebody else was
   * faster.
   *
   * @throws RangeError when the result cannot be written in this format
   */
  async update(change: (value: number) => number): Promise<number> {
    for (;;) {
      const { value, version } = await this.#read();
      const next = change(value);
      const data = encode(next, this.#format);
      try {
        await once(this.#client, `${this.path}-once`, (transaction) =>
          version === null ? transaction.create(this.path, data) : transaction.setData(this.path, data, version),
        );
        return next;
      } catch (error) {
        if (hasCode(error, 'noNode')) await createFolder(this.#client, this.path.slice(0, this.path.lastIndexOf('/')));
        else if (!hasCode(error, 'badVersion') && !hasCode(error, 'nodeExists')) throw error;
      }
    }
  }

  async #read(): Promise<{ value: number; version: number | null }> {
    try {
      const { data, stat } = await untilAnswered(() => this.#client.getData(this.path));
      return { value: decode(data, this.#format, this.path), version: stat.version };
    } catch (error) {
      if (hasCode(error, 'noNode')) return { value: 0, version: null };
      throw error;
    }
  }
}

function encode(value: number, format: CounterFormat): Buffer {
  const isIn = format === 'int32' ? value === (value | 0) : Number.isSafeInteger(value);
  if (!isIn) throw new RangeError(`${value} cannot be written as ${format}.`);
  if (format === 'text') return Buffer.from(String(value));
  const data = Buffer.alloc(format === 'int32' ? 4 : 8);
  if (format === 'int64') data.writeInt32BE(Math.floor(value / 2 ** 32));
  data.writeUInt32BE(value >>> 0, data.length - 4);
  return data;
}

function decode(data: Buffer | null, format: CounterFormat, path: string): number {
  if (data === null || data.length === 0) return 0;
  if (format === 'int32' && data.length === 4) return data.readInt32BE();
  if (format === 'int64' && data.length === 8) {
    const value = data.readInt32BE() * 2 ** 32 + data.readUInt32BE(4);
    if (Number.isSafeInteger(value)) return value;
  }
  const text = data.toString('latin1');
  if (format === 'text' && /^-?\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new InvalidDataError(path, `what it holds is no number as ${format}`);
}
