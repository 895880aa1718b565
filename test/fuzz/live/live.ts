/**
 * What all targets with real processes share: a run, its figures, and the healthy client that must not
 * notice anything.
 */
import { readFileSync } from 'node:fs';
import type { ServerProcess } from '../../support/server-process.ts';
import { RawClient } from '../../support/raw-client.ts';
import { pause } from '../../support/until.ts';
import type { RunResult } from '../run.ts';

export interface LiveOptions {
  readonly from: number;
  /** Connections at most, and for how long. */
  readonly cases: number;
  readonly ms: number;
}

/** A case is a connection. */
export interface LiveResult extends RunResult {
  /** How the healthy clients fared, and the servers' memory. */
  readonly notes: string;
}

export interface LiveTarget {
  readonly name: string;
  readonly about: string;
  run(options: LiveOptions): Promise<LiveResult>;
}

/** A healthy client's longest wait, on a machine that may be busy with other tests, ms. */
const waitMsMax = 5000;
const everyMs = 15;
/** Growth of a server's resident memory after its first seconds, and all of it. */
const growthMiBMax = 250;
const residentMiBMax = 900;

/** Somebody healthy, who is watched. */
export interface Watched {
  readonly slowestMs: number;
  readonly answers: number;
  /** What went wrong first; empty when nothing has. */
  readonly wrong: string;
  /** Resolves once the last answer has come, or is given up. */
  stop(): Promise<void>;
}

/** Writes and reads at a server, one after another, and keeps the longest wait. */
export class Healthy implements Watched {
  slowestMs = 0;
  answers = 0;
  readonly #client: RawClient;
  readonly #path: string;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();
  wrong = '';

  private constructor(client: RawClient, path: string) {
    this.#client = client;
    this.#path = path;
  }

  static async start(port: number, path: string): Promise<Healthy> {
    const client = await RawClient.connect(port);
    await client.create(path, '');
    const healthy = new Healthy(client, path);
    healthy.#running = healthy.#run();
    return healthy;
  }

  async #run(): Promise<void> {
    while (!this.#stopped && this.wrong === '') {
      const started = performance.now();
      const text = String(this.answers);
      const late = setTimeout(() => (this.wrong = `no answer to a healthy client for ${waitMsMax} ms`), waitMsMax);
      const written = await this.#client.set(this.#path, text);
      const read = await this.#client.get(this.#path);
      const pong = await this.#client.ping();
      clearTimeout(late);
      this.slowestMs = Math.max(this.slowestMs, performance.now() - started);
      if (written?.err !== 0 || read?.data !== text || pong === null)
        this.wrong ||= `a healthy client got ${written?.err}, then ${read?.data} for ${text}`;
      this.answers++;
      await pause(everyMs);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.race([this.#running, pause(waitMsMax)]);
    this.#client.destroy();
  }
}

/** Watches the memory of a server process. */
export class Memory {
  readonly #server: ServerProcess;
  #first = 0;
  mostMiB = 0;

  constructor(server: ServerProcess) {
    this.#server = server;
  }

  /** From here on it should not grow much. */
  begin(): void {
    this.#first = this.#residentMiB();
  }

  /** What is wrong with it now; empty when nothing is. */
  judge(): string {
    const now = this.#residentMiB();
    this.mostMiB = Math.max(this.mostMiB, now);
    if (now > residentMiBMax) return `${now} MiB are resident in server ${this.#server.id}`;
    if (this.#first > 0 && now - this.#first > growthMiBMax)
      return `server ${this.#server.id} has grown from ${this.#first} to ${now} MiB`;
    return '';
  }

  #residentMiB(): number {
    if (process.platform !== 'linux' || !this.#server.running) return 0;
    const status = readFileSync(`/proc/${this.#server.pid}/status`, 'utf8');
    return Math.round(Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024);
  }
}

/** What a server's journal should not hold. */
export function complaintsOf(server: ServerProcess): string {
  if (!server.running) return `server ${server.id} has ended: ${server.output.slice(-2000)}`;
  const line = server.output.split('\n').find((text) => /"level":"(error|fatal)"|assertion/i.test(text));
  return line === undefined ? '' : `server ${server.id} says ${line}`;
}
