/** Free ports for servers that must find the same port again after a restart. */
import { createServer } from 'node:net';
import type { EnsembleMember } from '../../engine/index.ts';

/**
 * Below the range that systems give to outgoing connections (32768 and up), so that nobody takes a
 * port while its server is down; processes begin at different places.
 */
const range = { first: 20_000, count: 12_000 } as const;
let next = (process.pid * 31) % range.count;

export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let tries = 0; tries < range.count && ports.length < count; tries++) {
    const port = range.first + next;
    next = (next + 1) % range.count;
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** Voters 1, 2, … of an ensemble on this machine. */
export async function freeMembers(count: number): Promise<EnsembleMember[]> {
  const ports = await freePorts(count);
  return ports.map((quorumPort, index) => ({
    id: index + 1,
    host: '127.0.0.1',
    quorumPort,
    electionPort: 0,
    role: 'participant',
    clientHost: null,
    clientPort: null,
  }));
}
