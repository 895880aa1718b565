/** Calls that wait for their reply, in the order in which they were sent. */
import type { Buffer } from 'node:buffer';
import type { Reader } from '../base/bytes.ts';
import type { KeeperError } from './errors.ts';

/** Bounds of one call. */
export interface CallOptions {
  /** Ends the call early, with the signal's reason; what was sent may still be carried out. */
  readonly signal?: AbortSignal | undefined;
  /** ms; instead of the client's requestTimeoutMs. */
  readonly timeoutMs?: number | undefined;
}

/** Reads the body of a reply; `code` is not 0 only where the protocol has a result for it (exists). */
export type Decode<T> = (body: Reader, code: number) => T;

export class Request {
  readonly op: number;
  readonly path: string | null;
  readonly decode: Decode<unknown>;
  readonly madeAt: number;
  readonly deadline: number;
  xid = 0;
  /** What to send once there is a connection; null: sent. */
  frame: Buffer | null = null;
  isSettled = false;
  /** Told of its end, whatever that is, before whoever waits for it. */
  onEnd: (() => void) | null = null;
  /** Told when it was carried out, after all, though it had ended before. */
  onLate: (() => void) | null = null;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;
  #signal: AbortSignal | null = null;
  #onAbort: (() => void) | null = null;

  constructor(
    op: number,
    path: string | null,
    madeAt: number,
    deadline: number,
    decode: Decode<unknown>,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.op = op;
    this.path = path;
    this.madeAt = madeAt;
    this.deadline = deadline;
    this.decode = decode;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Rejects with the signal's reason as soon as it is aborted. */
  endsWith(signal: AbortSignal): void {
    this.#signal = signal;
    this.#onAbort = () => this.reject(signal.reason);
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  resolve(value: unknown): void {
    if (this.#settle()) this.#resolve(value);
  }

  reject(error: KeeperError | unknown): void {
    if (this.#settle()) this.#reject(error);
  }

  #settle(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    this.frame = null;
    this.onEnd?.();
    if (this.#onAbort !== null) this.#signal!.removeEventListener('abort', this.#onAbort);
    return true;
  }
}

/** A queue as a ring: no move of elements, no garbage. */
export class RequestRing {
  #slots: (Request | null)[] = Array.from({ length: 64 }, () => null);
  #head = 0;
  length = 0;

  push(request: Request): void {
    if (this.length === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.length) & (this.#slots.length - 1)] = request;
    this.length++;
  }

  shift(): Request | null {
    if (this.length === 0) return null;
    const request = this.#slots[this.#head]!;
    this.#slots[this.#head] = null;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.length--;
    return request;
  }

  at(index: number): Request {
    return this.#slots[(this.#head + index) & (this.#slots.length - 1)]!;
  }

  #grow(): void {
    const { length } = this.#slots;
    const grown: (Request | null)[] = Array.from({ length: length * 2 }, () => null);
    for (let i = 0; i < this.length; i++) grown[i] = this.at(i);
    this.#slots = grown;
    this.#head = 0;
  }
}
