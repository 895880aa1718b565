/** Damaged HTTP to the AdminServer and the Prometheus endpoint of a standalone server's process. */
import { get } from 'node:http';
import type { Prng } from '../../../engine/base/prng.ts';
import { freePorts } from '../../support/ports.ts';
import { ProcessEnsemble } from '../../support/server-process.ts';
import { pause } from '../../support/until.ts';
import { Draft } from '../draft.ts';
import { chunks, mutate, noise } from '../mutate.ts';
import { attack } from './attack.ts';
import { wage } from './campaign.ts';
import { Healthy, type LiveTarget, type Watched } from './live.ts';

const methods = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'CONNECT', 'TRACE', 'get', 'PRI', ''];
const paths = [
  ['/metrics', '/commands', '/commands/', '/commands/monitor', '/commands/connections', '/commands/dump', '/'],
  ['/commands/stats', '/commands/watches', '/commands/set_trace_mask?traceMask=5', '/commands/stmk?traceMask=x'],
  ['/commands/voting_view', '/commands/__proto__', '/commands/constructor', '/commands/%00', '/commands/../conf'],
  ['/commands/ruok?a=%zz&a=b&=&&', '*', 'http://h/commands/ruok', '//', '/\u00e9', `/commands/${'x'.repeat(9000)}`],
].flat();
const versions = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9.9', '', 'HTTQ/1.1'];
const headers = [
  ['Host: localhost', 'Host: localhost', 'Host:', 'Connection: keep-alive', 'Connection: close', 'Upgrade: websocket'],
  ['Connection: Upgrade', 'Expect: 100-continue', 'Expect: x', 'Accept-Encoding: gzip', 'Transfer-Encoding: chunked'],
  ['Content-Length: 5', 'Content-Length: -1', 'Content-Length: 99999999999999999999', 'Content-Length: 3, 4'],
  ['Authorization: digest super:x', `X: ${'y'.repeat(9000)}`, 'X: \u0000', ': none', ' folded', 'X : y', 'X'],
].flat();
const bodies = [
  '',
  '',
  '',
  'hello',
  '5\r\nhello\r\n0\r\n\r\n',
  'ffffffffffffffff\r\nx',
  '-1\r\n\r\n',
  '0\r\nA: b\r\n\r\n',
];
const width = 6;
/** A healthy GET may take this long, ms. */
const answerMsMax = 5000;
const everyMs = 100;

function drawRequest(prng: Prng): Draft {
  const isPlain = prng.chance(0.4);
  const end = prng.chance(0.95) ? '\r\n' : '\n';
  const line = isPlain
    ? `GET ${prng.pick(paths)} HTTP/1.1`
    : `${prng.pick(methods)} ${prng.pick(paths)} ${prng.pick(versions)}`;
  const lines = [line, 'Host: localhost'];
  for (let left = isPlain ? 0 : prng.pick([0, 1, 3, 8, 300]); left > 0; left--) lines.push(prng.pick(headers));
  const draft = new Draft();
  for (const text of lines) draft.raw(Buffer.from(text)).raw(Buffer.from(end));
  return draft.raw(Buffer.from(end)).raw(Buffer.from(isPlain ? '' : prng.pick(bodies)));
}

/** Requests one after another on one connection, without waiting for an answer. */
function draw(prng: Prng): Buffer[] {
  const requests = Array.from({ length: prng.pick([1, 1, 2, 30]) }, () => {
    const draft = drawRequest(prng);
    return prng.chance(0.3) ? mutate(prng, draft) : Buffer.from(draft.bytes);
  });
  if (prng.chance(0.05)) requests.push(noise(prng, 200));
  return chunks(prng, Buffer.concat(requests));
}

/** Somebody's monitoring: it wants its answer while others misbehave. */
class Monitoring implements Watched {
  slowestMs = 0;
  answers = 0;
  wrong = '';
  readonly #urls: readonly string[];
  #stopped = false;
  readonly #running: Promise<void>;

  constructor(urls: readonly string[]) {
    this.#urls = urls;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#stopped && this.wrong === '') {
      const url = this.#urls[this.answers % this.#urls.length]!;
      const started = performance.now();
      const status = await statusOf(url);
      this.slowestMs = Math.max(this.slowestMs, performance.now() - started);
      if (status !== '200') this.wrong = `${url} answers ${status}`;
      this.answers++;
      await pause(everyMs);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }
}

/** The status, or why there is none. */
function statusOf(url: string): Promise<string> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: answerMsMax }, (response) => {
      response.resume();
      response.on('end', () => resolve(String(response.statusCode)));
    });
    request.on('timeout', () => request.destroy(new Error('nothing for too long')));
    request.on('error', (error) => resolve(error.message));
  });
}

export const liveHttp: LiveTarget = {
  name: 'live-http',
  about: 'HTTP, to the AdminServer and the Prometheus endpoint of a process',
  async run(options) {
    const ports = await freePorts(2);
    const ensemble = await ProcessEnsemble.start(1, [
      'admin.enableServer=true',
      'admin.serverAddress=127.0.0.1',
      `admin.serverPort=${ports[0]}`,
      'metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider',
      'metricsProvider.httpHost=127.0.0.1',
      `metricsProvider.httpPort=${ports[1]}`,
    ]);
    try {
      await ensemble.serving();
      const urls = [`http://127.0.0.1:${ports[0]}/commands/monitor`, `http://127.0.0.1:${ports[1]}/metrics`];
      const healthy = [await Healthy.start(ensemble.ports[0]!, '/healthy'), new Monitoring(urls)];
      const one = (prng: Prng): Promise<string> => attack(prng, prng.pick(ports), draw(prng));
      return await wage({ target: 'live-http', servers: ensemble.servers, healthy, width, attack: one }, options);
    } finally {
      await ensemble.close();
    }
  },
};
