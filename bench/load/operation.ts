/** One operation to be sent: filled in by a source, encoded by a session, and used again for the next. */
import type { OpKind } from './workload.ts';

export class Operation {
  kind: OpKind = 'set';
  /** Of the prepared keys, which one; for a multi, the first of `keys`. */
  key = 0;
  keys: number[] = [];
  /** Of the znodes that this session makes, which one. */
  serial = 0;
  /** Number of this write to its key, carried in its data; 0: none. */
  stamp = 0;
  /** An explicit path in place of key or serial; '' otherwise. */
  path = '';
  /** Bytes of data that go with an explicit path. */
  bytes = 0;
  /** With an explicit path: of a create its flags, of a read 1 if it sets a watch. */
  flags = 0;
}

/** Where operations come from. */
export interface Source {
  /** Fills in what session `session` does next; false: it has nothing to do for now. */
  next(session: number, operation: Operation): boolean;
  /** The session that operation number `index` belongs to, where it is not the generator's choice. */
  sessionOf?(index: number): number;
  /**
   * Told of each reply in order: its error code; of one to `set` or `exists` the version in its Stat; of one to
   * `get` the stamp in its data.
   */
  answered?(session: number, error: number, version: number, stamp: number): void;
  /** The session's connection broke: what was in flight has no answer and never will. */
  lost?(session: number): void;
}
