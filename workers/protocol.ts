/** What the main thread and the workers say to each other. */
import type { MessagePort } from 'node:worker_threads';
import type { LogEnd, LogWriterOptions, SegmentInfo } from '../engine/log/writer.ts';
import type { RingMemory } from './ring.ts';

/** Kinds of records in the log ring. `extra` is the field of that name. */
export const logRecord = {
  /** payload: the batch; extra: committed */
  append: 1,
  /** payload: acceptedEpoch, currentEpoch, ensembleId as three f64 */
  state: 2,
  /** extra: last zxid to keep */
  truncate: 3,
  /** extra: zxid of the installed snapshot */
  reset: 4,
  /** As append, for a batch too large for the ring: its bytes come through the port. */
  appendLarge: 5,
  /** extra: segments that end at or before this zxid may go */
  purge: 6,
  /** Finish and end the thread. */
  close: 7,
} as const;

/** What the log worker needs to go on where recovery ended. */
export interface LogWorkerData extends LogWriterOptions {
  readonly folder: string;
  readonly ring: RingMemory;
  readonly large: MessagePort;
  readonly recovered: LogEnd;
  /** Report fsyncs that take longer, ms. */
  readonly slowMs: number;
}

/** From the log worker. `synced` may stand for any number of writes. */
export type LogMessage =
  | { readonly kind: 'synced'; readonly ticket: number; readonly last: number; readonly fsyncMs: number }
  | { readonly kind: 'segments'; readonly segments: readonly SegmentInfo[] }
  | { readonly kind: 'slow'; readonly ms: number; readonly bytes: number }
  | { readonly kind: 'failed'; readonly error: string };
