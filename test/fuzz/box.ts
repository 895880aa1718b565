/**
 * A production server in a box: memory for a disk, lists for links, a number for a clock.
 *
 *   feed bytes ─► server ─► settle: turns, completions, reads … until nothing is left to do
 *
 * Everything that happens follows from what is fed, so an input tells the whole story.
 */
import { createHash } from 'node:crypto';
import { crc32 } from '../../engine/io/crc32.ts';
import { completeOptions } from '../../engine/server/options.ts';
import type { ClientLink, LogPort, Ports } from '../../engine/server/ports.ts';
import { CoordinationServer } from '../../engine/server/server.ts';
import { Tree } from '../../engine/tree/tree.ts';
import type { Batch } from '../../engine/txn/batch.ts';
import { MemorySnapshots } from './memory-snapshots.ts';

/** No input that is fed at once keeps a server busy for more turns. */
const turnsMax = 2000;

export interface BoxOptions {
  readonly id: number;
  /** Voters; one: standalone. */
  readonly servers: number;
  readonly ensembleId: number;
}

/** A client's connection, with what was written to it. */
export class BoxLink implements ClientLink {
  readonly address = '127.0.0.1';
  readonly label = '/127.0.0.1:1';
  readonly backlog = 0;
  readonly received: Buffer[] = [];
  closed = false;
  /** What arrived while the server did not read. */
  readonly waiting: Buffer[] = [];
  paused = false;

  write(bytes: Uint8Array): boolean {
    this.received.push(Buffer.from(bytes));
    return true;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  close(): void {
    this.closed = true;
  }
}

export class Box {
  readonly id: number;
  readonly server: CoordinationServer;
  /** Frames to other servers that nobody has taken yet. */
  readonly sent: { readonly to: number; readonly frame: Buffer }[] = [];
  /** Links that the server closed. */
  readonly resets: number[] = [];
  /** Lines of level error. */
  readonly errors: string[] = [];
  readonly snapshots: MemorySnapshots;
  now = 1000;
  #batches: Batch[] = [];
  #start = 0;
  #ticket = 0;
  #scheduled = false;
  readonly #soon: (() => void)[] = [];

  constructor({ id, servers, ensembleId }: BoxOptions) {
    this.id = id;
    const members = Array.from({ length: servers }, (_, index) => ({
      id: index + 1,
      host: '127.0.0.1',
      quorumPort: 1,
      electionPort: 1,
      role: 'participant' as const,
      clientHost: null,
      clientPort: null,
    }));
    const options = completeOptions({
      dataDir: 'box',
      id,
      servers: servers === 1 ? [] : members,
      tickTime: 1000,
      snapCount: 30,
      leaderlessGraceMs: 1_000_000,
    });
    this.snapshots = new MemorySnapshots((run) => this.#soon.push(run));
    const empty = { state: { acceptedEpoch: 0, currentEpoch: 0, ensembleId: 0 }, lastZxid: 0, committed: 0 };
    this.server = new CoordinationServer(options, this.#ports(), Tree.fresh(), empty, ensembleId);
    this.settle();
  }

  /** Runs until nothing is left to do. */
  settle(): void {
    this.#scheduled = true;
    for (let turns = 0; this.#scheduled || this.#soon.length > 0; turns++) {
      if (turns > turnsMax) throw new Error(`the server has not come to rest after ${turnsMax} turns`);
      for (const run of this.#soon.splice(0)) run();
      this.#scheduled = false;
      this.server.turn();
    }
  }

  pass(ms: number): void {
    this.now += ms;
    this.settle();
  }

  open(): BoxLink {
    const link = new BoxLink();
    this.server.clientOpened(link);
    return link;
  }

  /** Bytes of a client; a socket that is paused keeps them back. */
  feed(link: BoxLink, bytes: Buffer): void {
    link.waiting.push(bytes);
    for (let rounds = 0; rounds < 100 && link.waiting.length > 0 && !link.closed; rounds++) {
      if (!link.paused) this.server.clientBytes(link, Buffer.from(link.waiting.shift()!));
      this.settle();
    }
  }

  close(link: BoxLink): void {
    link.closed = true;
    this.server.clientClosed(link);
    this.settle();
  }

  #ports(): Ports {
    const note = (): void => {};
    return {
      clock: { now: () => this.now, wall: () => 1_700_000_000_000 + this.now },
      log: this.#log(),
      snapshots: this.snapshots,
      peers: {
        send: (to, head, tail) => void this.sent.push({ to, frame: Buffer.concat([head, tail]) }),
        flush: note,
        backlog: () => 0,
        reset: (to) => void this.resets.push(to),
      },
      // Whoever may send batches may send commands.
      machine: { apply: note, snapshot: () => [], restore: note },
      journal: {
        info: note,
        warn: note,
        error: (event, fields) => void this.errors.push(`${event} ${JSON.stringify(fields)}`),
      },
      checksum: crc32,
      // Other than the password that fuzzed clients know.
      random: (into) => void into.fill(9),
      sha1Base64: (text) => createHash('sha1').update(text, 'utf8').digest('base64'),
      equalSecret: (a, b) => Buffer.compare(a, b) === 0,
      words: (word) => (word === 'ruok' ? 'imok' : null),
      schedule: () => void (this.#scheduled = true),
    };
  }

  /** Everything is durable as soon as it is flushed. */
  #log(): LogPort {
    const written = (ticket: number): void => void (this.#ticket = ticket);
    const start = (): number => this.#start;
    return {
      append: (ticket, batch) => {
        this.#batches.push(batch);
        written(ticket);
      },
      saveState: written,
      truncate: (ticket, last) => {
        this.#batches = this.#batches.filter((batch) => batch.last <= last);
        written(ticket);
      },
      reset: (ticket, zxid) => {
        this.#batches = [];
        this.#start = zxid;
        written(ticket);
      },
      flush: () => {
        const ticket = this.#ticket;
        this.#soon.push(() => this.server.synced(ticket));
      },
      read: (after, _bytesMax, done) => {
        const floor = Math.max(this.#start, ...this.#batches.map(({ last }) => last).filter((last) => last <= after));
        const batches = this.#batches.filter(({ last }) => last > after);
        this.#soon.push(() => (after < this.#start ? done(-1, []) : done(floor, batches)));
      },
      get start(): number {
        return start();
      },
      purge: () => {},
    };
  }
}
