/**
 * Which server next, and after how long a pause.
 *
 * Every client goes through the servers in an order of its own and pauses at random, so that the
 * clients of a server that died neither come to the next one together nor at the same moment.
 */
import type { ServerAddress } from './transport.ts';

/** Pause before the first attempts after a loss: up to this, ms; each round of all servers doubles it. */
const pauseMs = 200;
const pauseMsMax = 4000;
/** A whole ensemble that was away grants sessions their time anew: no pause may take more than this part of it. */
const sessionPart = 1 / 5;

export class Hosts {
  readonly #servers: ServerAddress[];
  readonly #random: () => number;
  #next = 0;
  /** Attempts since the last success. */
  #attempts = 0;
  #isFirst = true;

  readonly #pauseMsMax: number;

  constructor(servers: readonly ServerAddress[], sessionTimeoutMs: number, random: () => number) {
    this.#pauseMsMax = Math.min(pauseMsMax, sessionTimeoutMs * sessionPart);
    this.#servers = [...servers];
    this.#random = random;
    for (let i = this.#servers.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [this.#servers[i], this.#servers[j]] = [this.#servers[j]!, this.#servers[i]!];
    }
  }

  next(): ServerAddress {
    this.#attempts++;
    this.#isFirst = false;
    const server = this.#servers[this.#next]!;
    this.#next = (this.#next + 1) % this.#servers.length;
    return server;
  }

  /** The next attempt goes to this one. */
  prefer(server: ServerAddress): void {
    this.#next = Math.max(0, this.#servers.indexOf(server));
  }

  /** ms to wait before the next attempt. */
  pause(): number {
    if (this.#isFirst) return 0;
    const rounds = Math.floor(this.#attempts / this.#servers.length);
    return this.#random() * Math.min(this.#pauseMsMax, pauseMs * 2 ** rounds);
  }

  succeeded(): void {
    this.#attempts = 0;
  }

  /** For messages. */
  get text(): string {
    return this.#servers.map(({ host, port }) => `${host}:${port}`).join(', ');
  }
}
