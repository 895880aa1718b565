/**
 * A small HTTP server for operators: GET and HEAD, short answers, no bodies taken.
 *
 * Whoever comes is bounded: in number, in the size and time of a request's head, in idleness and in how
 * long an answer may wait to be fetched. A port that is taken is a line in the journal and no reason
 * not to serve clients, as with ZooKeeper's AdminServer.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Journal } from '../server/ports.ts';

const headBytesMax = 8 * 1024;

export interface HttpAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export interface HttpOptions {
  /** What it is, for the journal. */
  readonly name: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** A connection without traffic ends after so many ms. */
  readonly idleMs: number;
  readonly journal: Journal;
  /** ms for a request's head to come in whole. Default 10 s. */
  readonly headMs?: number;
  /** ms between two looks at that. Default 1 s. */
  readonly checkMs?: number;
  /** Default 100. */
  readonly connectionsMax?: number;
}

export class HttpEndpoint {
  readonly #server: Server;
  readonly #answer: (path: string, query: URLSearchParams) => HttpAnswer;
  #listening = false;

  private constructor(options: HttpOptions, answer: (path: string, query: URLSearchParams) => HttpAnswer) {
    this.#answer = answer;
    const headMs = options.headMs ?? 10_000;
    this.#server = createServer(
      {
        headersTimeout: headMs,
        requestTimeout: headMs,
        keepAliveTimeout: options.idleMs,
        connectionsCheckingInterval: options.checkMs ?? 1000,
        maxHeaderSize: headBytesMax,
      },
      (request, response) => this.#take(request, response),
    );
    this.#server.maxConnections = options.connectionsMax ?? 100;
    this.#server.setTimeout(options.idleMs);
  }

  /** Resolves once it listens, or cannot. */
  static async start(
    options: HttpOptions,
    answer: (path: string, query: URLSearchParams) => HttpAnswer,
  ): Promise<HttpEndpoint> {
    const endpoint = new HttpEndpoint(options, answer);
    await endpoint.#listen(options);
    return endpoint;
  }

  /** -1 when it does not listen. */
  get port(): number {
    return this.#listening ? (this.#server.address() as AddressInfo).port : -1;
  }

  async close(): Promise<void> {
    if (!this.#listening) return;
    this.#listening = false;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #listen({ name, host, port, journal }: HttpOptions): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const reason = error.code === 'EADDRINUSE' ? `port ${port} is taken by another process` : error.message;
        journal.error(`${name} does not listen`, { host, port, reason });
        resolve();
      });
      this.#server.listen({ host, port }, () => {
        this.#listening = true;
        this.#server.removeAllListeners('error').on('error', (error) => {
          journal.error(`${name} could not accept somebody`, { reason: error.message });
        });
        resolve();
      });
    });
  }

  #ask(path: string, query: string): HttpAnswer {
    try {
      return this.#answer(path, new URLSearchParams(query));
    } catch (error) {
      return refused(error);
    }
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '' } = request;
    const at = url.indexOf('?');
    const path = at < 0 ? url : url.slice(0, at);
    const isRead = method === 'GET' || method === 'HEAD';
    const answer = isRead ? this.#ask(path, at < 0 ? '' : url.slice(at + 1)) : notAllowed;
    // The rest of a request that is not read must not keep its connection busy.
    if (!isRead) response.setHeader('Connection', 'close').setHeader('Allow', 'GET, HEAD');
    response.writeHead(answer.status, {
      'Content-Type': answer.type,
      'Content-Length': Buffer.byteLength(answer.body),
    });
    response.end(method === 'HEAD' ? undefined : answer.body);
  }
}

/** What the system refused, as a sentence: that is no reason to end the server. */
function refused(error: unknown): HttpAnswer {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  return { status: 500, type: 'text/plain', body: `${message}\n` };
}

const notAllowed: HttpAnswer = { status: 405, type: 'text/plain', body: 'only GET and HEAD are understood here\n' };
export const notFound: HttpAnswer = { status: 404, type: 'text/plain', body: 'there is nothing here\n' };
