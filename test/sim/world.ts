/**
 * The simulated world: one clock, one queue of events, one source of chance, one trace.
 *
 * Everything that happens is an event at a time; equal times keep the order in which they were asked
 * for. The whole run follows from the seed, and the trace hash says whether two runs were the same.
 */
import { Prng } from '../../engine/base/prng.ts';

interface SimEvent {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** What the seed must never show: the run ends with the checker's name and what it saw. */
export class Violation extends Error {
  readonly checker: string;

  constructor(checker: string, text: string) {
    super(`${checker}: ${text}`);
    this.name = 'Violation';
    this.checker = checker;
  }
}

/** Lines of the trace kept for a failure report. */
const linesKept = 2000;

export class World {
  /** Simulated milliseconds since the start. */
  now = 0;
  readonly prng: Prng;
  /** Keep the lines of the trace as text; the hash is always kept. */
  readonly #keepsLines: boolean;
  readonly #heap: SimEvent[] = [];
  readonly #lines: string[] = [];
  #order = 0;
  #hashA = 0x811c9dc5;
  #hashB = 0x9e3779b9;
  /** Events run so far. */
  events = 0;

  constructor(seed: number, keepsLines: boolean) {
    this.prng = new Prng(seed);
    this.#keepsLines = keepsLines;
  }

  after(ms: number, run: () => void): void {
    this.#push({ at: this.now + ms, order: this.#order++, run });
  }

  /** Runs everything that is due before `end`, then sets the clock to it. */
  runUntil(end: number): void {
    while (this.step(end));
  }

  /** Runs the next event if it is due before `end`; else sets the clock to it and returns false. */
  step(end: number): boolean {
    const next = this.#heap[0];
    if (next === undefined || next.at > end) {
      this.now = end;
      return false;
    }
    this.#pop();
    this.now = next.at;
    this.events++;
    next.run();
    return true;
  }

  /** A whole number of milliseconds or parts of one between the bounds. */
  between(low: number, high: number): number {
    return low + this.prng.unit() * (high - low);
  }

  /** Exponentially distributed around `mean`. */
  around(mean: number): number {
    return -Math.log(1 - this.prng.unit()) * mean;
  }

  /** Notes that something happened: part of the hash, and a line of a failure report. */
  trace(what: string, a = 0, b = 0, c = 0): void {
    this.#mix(this.now * 1000);
    for (let i = 0; i < what.length; i++) this.#mix(what.charCodeAt(i));
    this.#mix(a);
    this.#mix(b);
    this.#mix(c);
    if (!this.#keepsLines) return;
    this.#lines.push(`${this.now.toFixed(3).padStart(11)}  ${what} ${a} ${spell(b)} ${spell(c)}`);
    if (this.#lines.length > linesKept * 2) this.#lines.splice(0, linesKept);
  }

  get hash(): string {
    const text = (half: number): string => (half >>> 0).toString(16).padStart(8, '0');
    return text(this.#hashA) + text(this.#hashB);
  }

  lastLines(count: number): readonly string[] {
    return this.#lines.slice(-count);
  }

  #mix(value: number): void {
    const low = value | 0;
    const high = (value / 4294967296) | 0;
    this.#hashA = Math.imul(this.#hashA ^ low, 0x01000193);
    this.#hashB = Math.imul(this.#hashB ^ high ^ (low >>> 7), 0x85ebca6b) ^ (this.#hashA >>> 13);
  }

  #push(event: SimEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Zxids and other large numbers are read in hex. */
function spell(value: number): string {
  return Number.isInteger(value) && Math.abs(value) > 65_535 ? `0x${value.toString(16)}` : String(value);
}
