/** What the bench and its generator processes say to each other. */
import type { LoadResult, LoadSpec } from './load.ts';
import type { Preparation } from './prepare.ts';
import type { KeyLedger } from './verify.ts';
import type { RecordedOperation } from './recording.ts';

export type SourceSpec =
  | { readonly kind: 'mix' }
  | { readonly kind: 'verify' }
  | { readonly kind: 'replay'; readonly operations: readonly RecordedOperation[] };

export type Order =
  | {
      readonly kind: 'open';
      readonly spec: LoadSpec;
      readonly source: SourceSpec;
      /** null: another generator does it. */
      readonly preparation: Preparation | null;
      /** ms that connecting, and that making the keys, may take. */
      readonly openMs: number;
      readonly prepareMs: number;
    }
  | {
      readonly kind: 'run';
      /** Of the clock that all processes share, ms. */
      readonly startAt: number;
      readonly warmMs: number;
      readonly measureMs: number;
      readonly rate: number;
      readonly schedule?: Float64Array;
    }
  | { readonly kind: 'close' };

export type Report =
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly operations: number }
  | { readonly kind: 'result'; readonly result: LoadResult; readonly verified: Verified | null }
  | { readonly kind: 'failed'; readonly reason: string };

export interface Verified {
  readonly ledgers: readonly KeyLedger[];
  readonly violations: readonly string[];
  readonly violationCount: number;
}

/** ms of the clock that all processes of a machine share; `performance.now` begins at 0 in each. */
export function sharedNow(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}
