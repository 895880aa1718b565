/**
 * The generator's engine: sessions, when they send, and what is recorded.
 *
 *   closed loop   a reply makes room, and room is filled at once          → throughput
 *   open loop     operation i is due at start + i / rate, whatever the    → latency
 *                 server does; its latency counts from then
 *
 * In an open loop a server that stalls for a second delays everything that was due in that second, and
 * all of it is recorded so: that is the correction for coordinated omission. What is never answered is
 * recorded with its age at the end. What a closed loop would have seen is recorded beside it (`service`),
 * as is how late the generator itself was (`lag`).
 */
import { Histogram, type HistogramData } from '../measure/histogram.ts';
import { Arena } from './arena.ts';
import { EtcdSession } from './etcd-session.ts';
import type { Source } from './operation.ts';
import { payload } from './payload.ts';
import type { Session } from './session.ts';
import { Ticker } from './ticker.ts';
import type { Workload } from './workload.ts';
import { ZooKeeperFrames } from './zookeeper-frames.ts';
import { ZooKeeperSession } from './zookeeper-session.ts';

export type Protocol = 'zookeeper' | 'etcd';

export interface LoadSpec {
  readonly protocol: Protocol;
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  /** `workload.sessions` are this generator's own. */
  readonly workload: Workload;
  /** Number of the first of them in the whole run. */
  readonly firstSession: number;
  readonly seed: number;
  /** Keeps the znodes that two runs make apart. */
  readonly run: string;
  readonly sessionTimeoutMs: number;
}

/** One measured stretch. Times are ms of this process's clock. */
export interface Stretch {
  readonly startAt: number;
  readonly warmMs: number;
  readonly measureMs: number;
  /** Overrides the workload's. */
  readonly rate: number;
  /** When each operation is due, ms after the start, in place of a rate. */
  readonly schedule?: Float64Array;
}

export interface LoadResult {
  readonly seconds: number;
  readonly operations: number;
  readonly writes: number;
  readonly reads: number;
  readonly writeLatency: HistogramData;
  readonly readLatency: HistogramData;
  /** Open loop: from when an operation really went. */
  readonly service: HistogramData;
  /** Open loop: how late it went. */
  readonly lag: HistogramData;
  readonly errors: Readonly<Record<number, number>>;
  /** Operations without an answer, since their connection broke. */
  readonly lost: number;
  readonly reconnects: number;
  readonly events: number;
  readonly malformed: number;
  readonly expired: number;
  /** Open loop: how old what was due and never answered was at the end, the least that it can have taken. */
  readonly unanswered: HistogramData;
  /** Acknowledged writes in each ms from the start of the stretch, its warm-up included. */
  readonly timeline: Uint32Array;
  readonly longestGapMs: number;
  /** µs of CPU time of the generator while it measured. */
  readonly cpuUs: number;
  /** Share of the time in which its event loop was not waiting. */
  readonly busy: number;
}

/** After the end of an open loop, answers are waited for so long, ms. */
const drainMs = 3000;
/** In one go an open loop sends through this many sessions at most: fewer writes into sockets. */
const sessionsPerPump = 8;

export class Load {
  readonly spec: LoadSpec;
  readonly arena = new Arena();
  readonly frames: ZooKeeperFrames;
  readonly sessions: Session[];
  source: Source;
  /** The time as of the chunk that is being read. */
  now = 0;
  readonly counts = { events: 0, malformed: 0, expired: 0, lost: 0, reconnects: 0 };
  /** Why the last connection to a server broke, by host and port. */
  readonly reasons = new Map<string, string>();
  #errors: Record<number, number> = {};
  readonly #writes = new Histogram();
  readonly #reads = new Histogram();
  readonly #service = new Histogram();
  readonly #lag = new Histogram();
  readonly #unanswered = new Histogram();
  /** When that was due which will not be answered any more, since its connection broke. */
  #lostDue: number[] = [];
  #stretch: Stretch = { startAt: 0, warmMs: 0, measureMs: 0, rate: 0 };
  #from = Infinity;
  #to = Infinity;
  #running = false;
  #isOpen = false;
  /** Of an open loop: operations sent. */
  #issued = 0;
  #cursor = 0;
  #timeline = new Uint32Array(0);
  #lastDone = 0;
  #longestGap = 0;
  readonly #ticker = new Ticker(() => this.#pump(performance.now()));
  /** Called when the number of ready sessions or of operations in flight may matter to somebody. */
  onChange: () => void = () => {};

  constructor(spec: LoadSpec, source: Source) {
    this.spec = spec;
    this.source = source;
    const { bytes, multiOps, sessions } = spec.workload;
    this.frames = new ZooKeeperFrames(payload(bytes), spec.run, multiOps);
    const Kind = spec.protocol === 'etcd' ? EtcdSession : ZooKeeperSession;
    this.sessions = Array.from({ length: sessions }, (_, index) => new Kind(this, index));
  }

  /** A session may send from now on. */
  opened(): void {
    this.onChange();
  }

  get inFlight(): number {
    return this.sessions.reduce((sum, session) => sum + session.inFlight, 0);
  }

  /** Operations done so far in this stretch. */
  get operations(): number {
    return this.#writes.count + this.#reads.count;
  }

  begin(stretch: Stretch): void {
    this.#stretch = stretch;
    this.#from = stretch.startAt + stretch.warmMs;
    this.#to = this.#from + stretch.measureMs;
    this.#isOpen = stretch.rate > 0 || stretch.schedule !== undefined;
    this.#issued = 0;
    this.#lostDue = [];
    this.#errors = {};
    for (const histogram of [this.#writes, this.#reads, this.#service, this.#lag, this.#unanswered]) histogram.reset();
    for (const key of Object.keys(this.counts) as (keyof Load['counts'])[]) this.counts[key] = 0;
    this.#timeline = new Uint32Array(Math.ceil(stretch.warmMs + stretch.measureMs + drainMs));
    this.#lastDone = this.#from;
    this.#longestGap = 0;
    this.#running = true;
    if (this.#isOpen) {
      this.#ticker.start();
      return;
    }
    this.now = performance.now();
    for (const session of this.sessions) this.refill(session);
  }

  /** No operation begins any more. */
  stop(): void {
    if (this.#running && this.#isOpen) this.#pump(performance.now());
    if (this.#running) this.#gap(this.#to);
    this.#running = false;
    this.#ticker.stop();
  }

  /** What waits at the end of an open loop is as good as lost. */
  get drained(): boolean {
    return this.inFlight === 0 || performance.now() > this.#to + drainMs;
  }

  /** Fills the window of a session that has just read replies. */
  refill(session: Session): void {
    if (!this.#running) {
      if (this.inFlight === 0) this.onChange();
      return;
    }
    if (this.#isOpen) {
      this.#pump(this.now);
      return;
    }
    const { now } = this;
    while (session.hasRoom && session.issue(now, now));
    session.flush();
  }

  /** Sends what is due. */
  #pump(now: number): void {
    if (!this.#running) return;
    const { sessions } = this;
    let left = this.#due(now) - this.#issued;
    if (left <= 0) return;
    if (this.source.sessionOf !== undefined) {
      this.#pumpInOrder(now, left);
      return;
    }
    const share = Math.ceil(left / Math.min(sessions.length, sessionsPerPump));
    for (let tries = sessions.length; tries > 0 && left > 0; tries--) {
      const session = sessions[this.#cursor]!;
      this.#cursor = (this.#cursor + 1) % sessions.length;
      for (let i = 0; i < share && left > 0 && session.hasRoom && this.#issue(session, now); i++) left--;
      session.flush();
    }
  }

  /** The same where each operation has its session: one that has no room holds up all. */
  #pumpInOrder(now: number, due: number): void {
    const { sessions } = this;
    for (let left = due; left > 0; left--) {
      const session = sessions[this.source.sessionOf!(this.#issued) % sessions.length]!;
      if (!session.hasRoom || !this.#issue(session, now)) return;
      session.flush();
    }
  }

  #issue(session: Session, now: number): boolean {
    const intended = this.#intended(this.#issued);
    if (!session.issue(intended, now)) return false;
    this.#issued++;
    if (this.#measures(intended)) this.#lag.record((now - intended) * 1000);
    return true;
  }

  /** How many operations should have gone by `now`. */
  #due(now: number): number {
    const { schedule, startAt, rate } = this.#stretch;
    const until = Math.min(now, this.#to);
    if (schedule === undefined) return Math.ceil(((until - startAt) * rate) / 1000);
    let due = this.#issued;
    while (due < schedule.length && startAt + schedule[due]! <= until) due++;
    return due;
  }

  #intended(index: number): number {
    const { schedule, startAt, rate } = this.#stretch;
    return startAt + (schedule === undefined ? (index * 1000) / rate : schedule[index]!);
  }

  #measures(at: number): boolean {
    return at >= this.#from && at < this.#to;
  }

  completed(intended: number, sent: number, isWrite: boolean, error: number): void {
    const { now } = this;
    if (error !== 0) this.#errors[error] = (this.#errors[error] ?? 0) + 1;
    if (isWrite && error === 0) this.#timeline[(now - this.#stretch.startAt) | 0]!++;
    // An open loop counts what was due in the stretch, however late it was answered.
    const at = this.#isOpen ? intended : now;
    // A refusal is an answer, but nothing was done.
    if (!this.#measures(at) || error !== 0) return;
    (isWrite ? this.#writes : this.#reads).record((now - intended) * 1000);
    if (this.#isOpen) this.#service.record((now - sent) * 1000);
    this.#gap(now);
  }

  /** @param lost when each operation was due that was in flight */
  broke(lost: Float64Array): void {
    this.counts.lost += lost.length;
    this.counts.reconnects++;
    if (this.#isOpen) this.#lostDue.push(...lost);
  }

  #gap(now: number): void {
    const gap = now - this.#lastDone;
    if (gap > this.#longestGap) this.#longestGap = gap;
    this.#lastDone = now;
  }

  /** Records what was due in the stretch, sent or not, and has no answer. */
  #giveUp(): void {
    const now = performance.now();
    const record = (due: number): void => {
      if (this.#measures(due)) this.#unanswered.record((now - due) * 1000);
    };
    this.#lostDue.forEach(record);
    for (const session of this.sessions) session.waiting.forEach(record);
    const due = this.#due(this.#to);
    for (let index = this.#issued; index < due; index++) record(this.#intended(index));
  }

  result(cpuUs: number, busy: number): LoadResult {
    const { events, malformed, expired, lost, reconnects } = this.counts;
    const { measureMs } = this.#stretch;
    if (this.#isOpen) this.#giveUp();
    return {
      seconds: measureMs / 1000,
      operations: this.operations,
      writes: this.#writes.count,
      reads: this.#reads.count,
      writeLatency: this.#writes.data(),
      readLatency: this.#reads.data(),
      service: this.#service.data(),
      lag: this.#lag.data(),
      errors: this.#errors,
      lost,
      reconnects,
      events,
      malformed,
      expired,
      unanswered: this.#unanswered.data(),
      timeline: this.#timeline,
      longestGapMs: this.#longestGap,
      cpuUs,
      busy,
    };
  }
}
