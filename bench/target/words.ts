/** Asks servers about themselves with four-letter words, which every ZooKeeper-compatible server may answer. */
import { connect } from 'node:net';
import type { ServerProcess } from './process.ts';
import type { Host, Target } from './target.ts';

const pauseMs = 20;
const serveMs = 60_000;

/** The answer to a word; empty when there is none within a second. */
export function word({ host, port }: Host, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let answer = '';
    socket.setTimeout(1000, () => socket.destroy());
    socket.on('connect', () => socket.write(text));
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('utf8')));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(answer));
  });
}

/** `leader`, `follower`, `observer` or `standalone`; null while the server does not serve or does not say. */
export async function modeOf(host: Host): Promise<string | null> {
  return /^Mode: (\w+)$/m.exec(await word(host, 'srvr'))?.[1] ?? null;
}

/** The numbers of `mntr`, without the prefix of their names; empty where the word is not allowed. */
export async function monitor(host: Host): Promise<Map<string, number>> {
  const values = new Map<string, number>();
  for (const line of (await word(host, 'mntr')).split('\n')) {
    const [key = '', value = ''] = line.split('\t');
    if (key.startsWith('zk_') && value !== '' && Number.isFinite(Number(value)))
      values.set(key.slice(3), Number(value));
  }
  return values;
}

/**
 * Waits until all servers that the bench started serve.
 *
 * @throws Error with what a server said last when one ends or takes too long
 */
export async function serving({ hosts, servers, modeOf }: Target): Promise<void> {
  for (const [n, host] of hosts.entries())
    await poll(`server ${n + 1} does not serve`, servers[n] ?? null, () => modeOf(host));
}

/** The server that leads, as soon as one does; null when none of them is ours or says so. */
export async function findLeader({ hosts, servers, modeOf }: Target): Promise<ServerProcess | null> {
  for (const [n, host] of hosts.entries()) {
    const server = servers[n];
    if (server?.running === true && (await modeOf(host)) === 'leader') return server;
  }
  return null;
}

/** Asks again and again until there is an answer. */
export async function poll<T>(
  problem: string,
  server: ServerProcess | null,
  probe: () => Promise<T | null>,
  patienceMs = serveMs,
): Promise<T> {
  for (const end = performance.now() + patienceMs; ;) {
    const answer = await probe();
    if (answer !== null) return answer;
    const ended = server !== null && !server.running;
    if (ended || performance.now() > end)
      throw new Error(`${problem}${ended ? ' and has ended' : ''}: ${server?.log.trimEnd().split('\n').at(-1) ?? ''}`);
    await pause(pauseMs);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
