/**
 * Room for the buffers of a busy server between two major collections.
 *
 * V8 allows the heap, buffers outside of it included, to grow by a share of what survived the last collection. Little
 * survives here: at 9 MiB it collects after 12 MiB, which a server under load fills with what it reads and sends four
 * times a second, and a fifth of its processor time goes into marking. So the share is set by the room it leaves.
 * The flag is the process's and takes effect at the next collection.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** bytes. More: fewer collections, and a process that is larger by as much. */
const roomBytes = 48 * 1024 * 1024;
/** Percent. A heap that grows quickly (a snapshot being read) is not given many times its size in one go. */
const shareMax = 400;
/** Percent. A heap for which that room is less than this leaves it to V8. */
const shareMin = 50;
const v8Decides = 0;
const lookMs = 1000;

/** The percentage by which a heap may grow of which so many bytes are used. */
export function growingPercent(usedBytes: number): number {
  const share = Math.round((100 * roomBytes) / usedBytes);
  return share < shareMin ? v8Decides : Math.min(shareMax, share);
}

/** From now on, for a process that is a server and nothing else. */
export function keepHeapRoom(): void {
  const set = (): void =>
    setFlagsFromString(`--heap-growing-percent=${growingPercent(getHeapStatistics().used_heap_size)}`);
  set();
  setInterval(set, lookMs).unref();
}
