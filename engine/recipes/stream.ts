/** What happens, for listeners and for loops. */

/** Items in order, until `end`; what nobody has taken yet waits in memory. */
export class Stream<T> implements AsyncIterableIterator<T> {
  readonly #items: T[] = [];
  readonly #readers: PromiseWithResolvers<IteratorResult<T, undefined>>[] = [];
  readonly #ended: () => void;
  #end: { readonly error: unknown } | null = null;

  /** @param ended is called when nobody reads it any more */
  constructor(ended: () => void) {
    this.#ended = ended;
  }

  push(value: T): void {
    if (this.#end !== null) return;
    const reader = this.#readers.shift();
    if (reader === undefined) this.#items.push(value);
    else reader.resolve({ done: false, value });
  }

  /** No more items; with an error, whoever reads on hears of it once. */
  end(error: unknown = null): void {
    if (this.#end !== null) return;
    this.#end = { error };
    this.#ended();
    for (const reader of this.#readers.splice(0)) this.#finish().then(reader.resolve, reader.reject);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#items.length > 0) return Promise.resolve({ done: false, value: this.#items.shift()! });
    if (this.#end !== null) return this.#finish();
    const reader = withResolvers<IteratorResult<T, undefined>>();
    this.#readers.push(reader);
    return reader.promise;
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#items.length = 0;
    this.end();
    return this.#finish();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #finish(): Promise<IteratorResult<T, undefined>> {
    const error = this.#end?.error ?? null;
    if (error === null) return Promise.resolve({ done: true, value: undefined });
    this.#end = { error: null };
    return Promise.reject(error);
  }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((ok, fail) => {
    resolve = ok;
    reject = fail;
  });
  return { promise, resolve, reject };
}

/** Many readers of the same. */
export class Broadcast<T> {
  readonly #streams = new Set<Stream<T>>();
  #end: { readonly error: unknown } | null = null;

  push(value: T): void {
    for (const stream of this.#streams) stream.push(value);
  }

  end(error: unknown = null): void {
    this.#end ??= { error };
    for (const stream of this.#streams) stream.end(error);
  }

  /** From now on; `first` goes to this reader alone. Ends as well when the signal is aborted. */
  stream(signal: AbortSignal | undefined, first: readonly T[] = []): Stream<T> {
    const stop = (): void => stream.end();
    const stream: Stream<T> = new Stream(() => {
      this.#streams.delete(stream);
      signal?.removeEventListener('abort', stop);
    });
    for (const item of first) stream.push(item);
    if (this.#end !== null) stream.end(this.#end.error);
    else if (signal?.aborted === true) stream.end();
    else this.#streams.add(stream);
    signal?.addEventListener('abort', stop, { once: true });
    return stream;
  }
}
