/**
 * Where operators and their monitoring come in over HTTP: the AdminServer and the Prometheus endpoint,
 * each on a port of its own and only where it is asked for.
 */
import type { Journal } from '../server/ports.ts';
import type { CoordinationServer } from '../server/server.ts';
import { commandNames, runCommand } from './commands.ts';
import { HttpEndpoint, notFound, type HttpAnswer } from './http.ts';
import { Prometheus } from './prometheus.ts';
import type { Trace } from './trace.ts';

/** An idle connection of Prometheus ends after this; it scrapes more often. */
const metricsIdleMs = 120_000;

export class Endpoints {
  readonly #admin: HttpEndpoint | null;
  readonly #metrics: HttpEndpoint | null;

  private constructor(admin: HttpEndpoint | null, metrics: HttpEndpoint | null) {
    this.#admin = admin;
    this.#metrics = metrics;
  }

  /** Never fails: what cannot listen is named in the journal. */
  static async start(server: CoordinationServer, trace: Trace, journal: Journal): Promise<Endpoints> {
    const { options } = server;
    const admin =
      options.adminPort < 0
        ? null
        : await HttpEndpoint.start(
            {
              name: 'the admin server',
              host: options.adminAddress,
              port: options.adminPort,
              idleMs: options.adminIdleMs,
              journal,
            },
            (path, query) => adminAnswer(server, trace, path, query),
          );
    if (options.metricsPort < 0) return new Endpoints(admin, null);
    const prometheus = new Prometheus(server, options.metricsOfProcess);
    const metrics = await HttpEndpoint.start(
      {
        name: 'the metrics endpoint',
        host: options.metricsAddress,
        port: options.metricsPort,
        idleMs: metricsIdleMs,
        journal,
      },
      (path) => (path === '/metrics' ? metricsAnswer(prometheus) : notFound),
    );
    return new Endpoints(admin, metrics);
  }

  /** -1 when it does not listen. */
  get adminPort(): number {
    return this.#admin?.port ?? -1;
  }

  get metricsPort(): number {
    return this.#metrics?.port ?? -1;
  }

  async close(): Promise<void> {
    await this.#admin?.close();
    await this.#metrics?.close();
  }
}

function metricsAnswer(prometheus: Prometheus): HttpAnswer {
  return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: prometheus.render() };
}

/** ZooKeeper, too, answers an unknown command with status 200 and an error inside. */
function adminAnswer(server: CoordinationServer, trace: Trace, path: string, query: URLSearchParams): HttpAnswer {
  const base = server.options.adminCommandUrl;
  if (path !== base && !path.startsWith(`${base}/`)) return notFound;
  const name = path.slice(base.length + 1);
  if (name === '') {
    const links = commandNames.map((known) => `<a href="${base}/${known}">${known}</a>\n<br/>\n`);
    return { status: 200, type: 'text/html', body: links.join('') };
  }
  const fields = runCommand(name, { server, trace, query });
  return { status: 200, type: 'application/json', body: `${JSON.stringify(fields, null, 2)}\n` };
}
