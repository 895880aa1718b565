/**
 * The simulated mesh between servers and the wires to clients.
 *
 *   a link is up for both or down for both, after a while; while it is up each direction is a FIFO
 *   blocked direction: frames wait (TCP would send them again); after the time-out the link breaks
 *   broken link: what has not arrived is lost, both sides hear of it, each at its own time
 */
import type { Checks } from './checks.ts';
import type { SimServer } from './process.ts';
import type { World } from './world.ts';

export interface NetworkOptions {
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly peerTimeoutMs: number;
}

/** One direction of something that delivers in order. */
export class Wire {
  readonly #world: World;
  readonly #options: NetworkOptions;
  #lastAt = 0;
  #blocked = false;
  #held: (() => void)[] = [];

  constructor(world: World, options: NetworkOptions) {
    this.#world = world;
    this.#options = options;
  }

  get blocked(): boolean {
    return this.#blocked;
  }

  send(deliver: () => void): void {
    if (this.#blocked) {
      this.#held.push(deliver);
      return;
    }
    const { latencyMs, jitterMs } = this.#options;
    const at = Math.max(this.#world.now + latencyMs + this.#world.prng.unit() * jitterMs, this.#lastAt);
    this.#lastAt = at;
    this.#world.after(at - this.#world.now, deliver);
  }

  block(): void {
    this.#blocked = true;
  }

  unblock(): void {
    this.#blocked = false;
    const held = this.#held;
    this.#held = [];
    for (const deliver of held) this.send(deliver);
  }
}

/** The connection between servers `a` and `b`. */
class Link {
  readonly a: number;
  readonly b: number;
  /** Grows with each connection: what belongs to an older one is lost. */
  generation = 0;
  phase: 'down' | 'dialling' | 'up' = 'down';
  /** Sides that have not yet heard that the link broke. */
  unaware = 0;
  /** Directions cut by a partition: from a, from b. */
  readonly cut = [false, false];
  /** It comes up, and then nothing passes. */
  stalled = false;
  wires: [Wire, Wire];

  constructor(a: number, b: number, world: World, options: NetworkOptions) {
    this.a = a;
    this.b = b;
    this.wires = [new Wire(world, options), new Wire(world, options)];
  }
}

export class Network {
  readonly #world: World;
  readonly #options: NetworkOptions;
  readonly #servers: readonly SimServer[];
  readonly #checks: Checks;
  readonly #links: Link[] = [];
  /** Figures for the report. */
  partitions = 0;
  breaks = 0;

  constructor(world: World, options: NetworkOptions, servers: readonly SimServer[], checks: Checks) {
    this.#world = world;
    this.#options = options;
    this.#servers = servers;
    this.#checks = checks;
    for (let a = 0; a < servers.length; a++) {
      for (let b = a + 1; b < servers.length; b++) this.#links.push(new Link(a, b, world, options));
    }
    for (const link of this.#links) this.#dial(link);
  }

  // ---- what servers do ---------------------------------------------------------------------------

  send(from: number, to: number, frame: Buffer): void {
    const link = this.#link(from, to);
    if (link.phase !== 'up' || !this.#servers[from]!.running) return;
    const { generation } = link;
    const receiver = this.#servers[to]!;
    this.#checks.said(this.#servers[from]!, receiver, frame);
    const { incarnation } = receiver;
    this.#wire(link, from).send(() => {
      if (link.phase === 'up' && link.generation === generation) {
        receiver.post(incarnation, (server) => server.peerFrame(from + 1, frame));
      }
    });
  }

  /** Breaks the link, as a reset or a lost cable would. */
  break(a: number, b: number): void {
    const link = this.#link(a, b);
    if (link.phase !== 'up') return;
    this.breaks++;
    this.#world.trace('link breaks', a + 1, b + 1);
    this.#down(link);
  }

  breakAll(): void {
    for (const { a, b } of this.#links) this.break(a, b);
  }

  /** The process is gone; its peers hear of it at once, or by their time-outs when the whole machine went. */
  crashed(index: number, silently: boolean): void {
    for (const link of this.#linksOf(index)) {
      if (link.phase !== 'up') continue;
      if (silently) this.#downLater(link, () => true);
      else this.#down(link);
    }
  }

  /** The process stands still: its peers give up on it after their time-out. */
  paused(index: number): void {
    for (const link of this.#linksOf(index)) this.#downLater(link, () => this.#servers[index]!.paused);
  }

  // ---- partitions --------------------------------------------------------------------------------

  /** Sets for every ordered pair whether its direction is cut. */
  partition(isCut: (from: number, to: number) => boolean): void {
    this.partitions++;
    for (const link of this.#links) {
      this.#setStalled(link, false);
      this.#setCut(link, 0, isCut(link.a, link.b));
      this.#setCut(link, 1, isCut(link.b, link.a));
    }
  }

  /** Lets links come up, but nothing pass: who looks at its links alone believes that its peer is there. */
  stall(isStalled: (a: number, b: number) => boolean): void {
    this.partitions++;
    for (const link of this.#links) this.#setStalled(link, isStalled(link.a, link.b));
  }

  heal(): void {
    for (const link of this.#links) {
      this.#setStalled(link, false);
      this.#setCut(link, 0, false);
      this.#setCut(link, 1, false);
    }
  }

  /** True when the pair can talk in both directions. */
  isWhole(a: number, b: number): boolean {
    const { cut } = this.#link(a, b);
    return !cut[0] && !cut[1];
  }

  #setCut(link: Link, direction: 0 | 1, cut: boolean): void {
    if (link.cut[direction] === cut) return;
    link.cut[direction] = cut;
    const wire = link.wires[direction];
    if (!cut) {
      if (!link.stalled) wire.unblock();
      return;
    }
    wire.block();
    this.#downLater(link, () => link.cut[direction]!);
  }

  #setStalled(link: Link, stalled: boolean): void {
    if (link.stalled === stalled) return;
    link.stalled = stalled;
    if (stalled) this.#stall(link);
    else for (const direction of [0, 1]) if (!link.cut[direction]) link.wires[direction]!.unblock();
  }

  #stall(link: Link): void {
    for (const wire of link.wires) wire.block();
    this.#downLater(link, () => link.stalled);
  }

  /** The peers give up on a silent link after their time-out. */
  #downLater(link: Link, isStill: () => boolean): void {
    const { generation } = link;
    this.#world.after(this.#options.peerTimeoutMs * this.#world.between(0.9, 1.3), () => {
      if (isStill() && link.phase === 'up' && link.generation === generation) this.#down(link);
    });
  }

  // ---- up and down -------------------------------------------------------------------------------

  #dial(link: Link): void {
    this.#world.after(this.#world.between(5, 40), () => {
      const [a, b] = [this.#servers[link.a]!, this.#servers[link.b]!];
      const reachable = a.running && b.running && !a.paused && !b.paused && !link.cut[0] && !link.cut[1];
      if (!reachable || link.unaware > 0 || !sameEnsemble(a.ensembleId, b.ensembleId)) {
        this.#dial(link);
        return;
      }
      link.phase = 'up';
      link.generation++;
      link.wires = [new Wire(this.#world, this.#options), new Wire(this.#world, this.#options)];
      this.#world.trace('link up', link.a + 1, link.b + 1);
      this.#tellUp(link, b, link.wires[0], link.a);
      this.#tellUp(link, a, link.wires[1], link.b);
      if (link.stalled) this.#stall(link);
    });
  }

  /** The news that a link is up comes first in its direction. */
  #tellUp(link: Link, receiver: SimServer, wire: Wire, peer: number): void {
    const { generation } = link;
    const { incarnation } = receiver;
    wire.send(() => {
      if (link.generation === generation && link.phase === 'up') {
        receiver.post(incarnation, (server) => server.peerUp(peer + 1));
      }
    });
  }

  #down(link: Link): void {
    link.phase = 'down';
    link.unaware = 2;
    for (const [side, peer] of [
      [link.a, link.b],
      [link.b, link.a],
    ] as const) {
      const receiver = this.#servers[side]!;
      const { incarnation } = receiver;
      this.#world.after(this.#world.between(0, this.#options.latencyMs + this.#options.jitterMs), () => {
        link.unaware--;
        receiver.post(incarnation, (server) => server.peerDown(peer + 1));
      });
    }
    this.#dial(link);
  }

  #link(a: number, b: number): Link {
    return this.#links.find((link) => (link.a === a && link.b === b) || (link.a === b && link.b === a))!;
  }

  #linksOf(index: number): Link[] {
    return this.#links.filter((link) => link.a === index || link.b === index);
  }

  #wire(link: Link, from: number): Wire {
    return link.wires[from === link.a ? 0 : 1];
  }
}

function sameEnsemble(a: number, b: number): boolean {
  return a === 0 || b === 0 || a === b;
}
