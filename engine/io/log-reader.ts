/**
 * Reads batches back from the segment files, for learners that were away and for a replay.
 *
 *   │ segment, from its header or from where the last reader stopped │ next segment │ … up to `durable`
 *
 * Everything durable must be there and follow without a gap: whatever else is found is damage.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { zxidText } from '../base/zxid.ts';
import { decodeEntryHeader, entryHeaderBytes, segmentHeaderBytes, segmentName } from '../log/format.ts';
import { decodeEntryBatch } from '../log/recovery.ts';
import type { SegmentInfo } from '../log/writer.ts';
import type { Batch } from '../txn/batch.ts';
import { crc32 } from './crc32.ts';

/** The log as the main thread knows it; the worker may be a step ahead. */
export interface LogView {
  readonly segments: readonly SegmentInfo[];
  /** Position up to which everything is durable. */
  readonly durable: number;
  /** The worker was asked for a truncation or a reset and has not said yet that it is done. */
  readonly isChanging: boolean;
}

export interface HistoryRead {
  /** The largest end of a batch up to the position asked for; -1 when the log begins after it. */
  readonly floor: number;
  readonly batches: Batch[];
}

/** One read of a segment; an entry larger than this gets a read of its own size. */
const blockBytes = 1024 * 1024;
/** How often a read that fails is tried again at least, and how much later. */
const retriesMax = 5;
const retryMs = 20;
const placesMax = 64;

/** Of an entry. */
interface Place {
  readonly sequence: number;
  readonly offset: number;
}

export class LogReader {
  readonly #folder: string;
  readonly #view: LogView;
  /** Where sequential readers stopped: position → place of the entry after it, the latest last. */
  #places = new Map<number, Place>();

  constructor(folder: string, view: LogView) {
    this.#folder = folder;
    this.#view = view;
  }

  /** The files have changed: no place in them is known any more. */
  forgetPlaces(): void {
    this.#places = new Map();
  }

  /**
   * @param bytesMax read about so much, but at least one batch if there is one
   * @throws Error when something that is durable cannot be read
   */
  async read(after: number, bytesMax: number): Promise<HistoryRead> {
    for (let retries = 0; ;) {
      try {
        return await this.#read(after, bytesMax);
      } catch (error) {
        // The worker may be dropping these very files; then its word is on the way.
        if (!this.#view.isChanging && ++retries > retriesMax) throw error;
        await delay(retryMs);
      }
    }
  }

  async #read(after: number, bytesMax: number): Promise<HistoryRead> {
    const { segments, durable } = this.#view;
    const places = this.#places;
    // Before the worker has made the first segment the log is empty, and begins where it ends.
    if (segments.length === 0) return { floor: durable <= after ? durable : -1, batches: [] };
    let index = segments.findLastIndex((segment) => segment.start <= after);
    if (index === -1) return { floor: -1, batches: [] };
    const place = places.get(after);
    places.delete(after);
    const isKnown = place !== undefined && place.sequence === segments[index]!.sequence;
    let position = isKnown ? after : segments[index]!.start;
    let offset = isKnown ? place.offset : segmentHeaderBytes;
    let floor = position;
    const batches: Batch[] = [];
    let bytes = 0;
    let stopped: Place | null = null;
    for (; index < segments.length && bytes < bytesMax; index++) {
      const { sequence } = segments[index]!;
      const walk = new SegmentWalk(join(this.#folder, segmentName(sequence)), sequence, offset, position);
      await walk.run(durable, (batch) => {
        if (batch.last <= after) {
          floor = batch.last;
        } else {
          batches.push(batch);
          bytes += batch.bytes.length;
        }
        return bytes < bytesMax;
      });
      walk.assertReached(Math.min(segments[index + 1]?.start ?? durable, durable), bytes >= bytesMax);
      ({ position } = walk);
      stopped = { sequence, offset: walk.offset };
      offset = segmentHeaderBytes;
    }
    if (stopped !== null && batches.length > 0) {
      places.set(position, stopped);
      // Whoever has not read on for the longest has come to its end.
      if (places.size > placesMax) places.delete(places.keys().next().value!);
    }
    return { floor, batches };
  }
}

/** Walks the entries of one segment file in blocks. */
class SegmentWalk {
  /** After the last entry that was visited. */
  offset: number;
  position: number;
  readonly #path: string;
  readonly #sequence: number;

  constructor(path: string, sequence: number, offset: number, position: number) {
    this.#path = path;
    this.#sequence = sequence;
    this.offset = offset;
    this.position = position;
  }

  /** Calls `visit` with each batch up to the position `until`, as long as it returns true. */
  async run(until: number, visit: (batch: Batch) => boolean): Promise<void> {
    const file = await open(this.#path, 'r');
    try {
      for (let wanted = blockBytes; wanted > 0;) {
        const block = Buffer.allocUnsafeSlow(wanted);
        const { bytesRead } = await file.read(block, 0, wanted, this.offset);
        wanted = this.#walkBlock(block.subarray(0, bytesRead), wanted, until, visit);
      }
    } finally {
      await file.close();
    }
  }

  assertReached(position: number, stoppedEarly: boolean): void {
    if (stoppedEarly || this.position >= position) return;
    throw new Error(`${this.#path} is damaged at offset ${this.offset}, after zxid ${zxidText(this.position)}`);
  }

  /** Returns how much to read next from `offset` on, 0 at the end. */
  #walkBlock(block: Buffer, wanted: number, until: number, visit: (batch: Batch) => boolean): number {
    const base = this.offset;
    for (;;) {
      const at = this.offset - base;
      const header = decodeEntryHeader(block, at, crc32);
      if (header === null) return at > 0 && block.length === wanted ? blockBytes : 0;
      if (header.segment !== this.#sequence || header.offset !== this.offset) return 0;
      const end = at + header.length;
      if (end > block.length) return block.length < wanted ? 0 : Math.max(blockBytes, header.length);
      const bytes = Buffer.from(block.subarray(at + entryHeaderBytes, end));
      const batch = decodeEntryBatch(bytes, header.batchCrc, crc32);
      if (batch === null || batch.prev !== this.position || batch.last > until) return 0;
      this.offset += header.length;
      this.position = batch.last;
      if (!visit(batch)) return 0;
    }
  }
}
