/**
 * A zxid names one transaction: the epoch of the leader that proposed it and a counter.
 *
 * ZooKeeper packs both into a signed 64-bit integer. Here it is one double, `epoch * 2**32 + counter`,
 * which compares, adds and serves as a Map key without BigInt. It is exact while epoch < 2**21;
 * one election a second would take 24 days to use that up, one a minute four years.
 */
import { assert } from './assert.ts';

export const counterSpan = 2 ** 32;
export const epochMax = 2 ** 21 - 1;

export function zxidOf(epoch: number, counter: number): number {
  assert(epoch >= 0 && epoch <= epochMax, 'an epoch has 21 bits', epoch);
  assert(counter >= 0 && counter < counterSpan, 'a counter has 32 bits', counter);
  return epoch * counterSpan + counter;
}

export function epochOf(zxid: number): number {
  return Math.floor(zxid / counterSpan);
}

export function counterOf(zxid: number): number {
  return zxid >>> 0;
}

/** Whether a number that was read is a position at all: what it stands for may still be anything. */
export function isZxid(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** ZooKeeper's spelling, as in `Zxid: 0x100000004`. */
export function zxidText(zxid: number): string {
  return `0x${zxid.toString(16)}`;
}
