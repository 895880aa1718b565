/** `zabra status HOSTS`: asks every server how it is (the word `srvr`) and makes one table of the answers. */
import { connect } from 'node:net';
import { epochOf, zxidText } from '../base/zxid.ts';
import { settingsOf } from '../client/options.ts';
import type { ServerAddress } from '../client/transport.ts';
import { printLine, tableLines } from './print.ts';

/** A server that says nothing for so long counts as unreachable, ms. */
const answerMsMax = 3000;

export interface ServerState {
  readonly server: string;
  /** What is wrong with it, in a few words; null when it serves. */
  readonly problem: string | null;
  readonly mode?: string;
  readonly epoch?: number;
  readonly zxid?: string;
  /** min, average and max, ms. */
  readonly latencyMs?: readonly number[];
  readonly connections?: number;
  readonly outstanding?: number;
  readonly nodes?: number;
  readonly version?: string;
}

/** Prints the table; resolves with whether all servers serve. */
export async function printEnsemble(hosts: string, json: boolean): Promise<boolean> {
  const states = await Promise.all(settingsOf(hosts, {}).servers.map(ask));
  if (json) printLine(JSON.stringify(states));
  else for (const line of tableLines([headings, ...states.map(cellsOf)])) printLine(line);
  return states.every(({ problem }) => problem === null);
}

const headings = ['SERVER', 'MODE', 'EPOCH', 'ZXID', 'LATENCY ms', 'CONNECTIONS', 'OUTSTANDING', 'NODES', 'VERSION'];

function cellsOf(state: ServerState): string[] {
  if (state.problem !== null) return [state.server, state.problem];
  const { server, mode, epoch, zxid, latencyMs, connections, outstanding, nodes, version } = state;
  const numbers = [connections, outstanding, nodes].map(String);
  return [server, mode ?? '', String(epoch), zxid ?? '', (latencyMs ?? []).join('/'), ...numbers, version ?? ''];
}

async function ask({ host, port }: ServerAddress): Promise<ServerState> {
  const server = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  try {
    return parseSrvr(server, await sayWord(host, port, 'srvr'));
  } catch (error) {
    return { server, problem: `unreachable: ${(error as Error).message}` };
  }
}

/** The answer to `srvr`, as ZooKeeper and Zabra word it. */
export function parseSrvr(server: string, answer: string): ServerState {
  const value = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(answer)?.[1] ?? '';
  const mode = value('Mode');
  if (mode === '') return { server, problem: answer.trim() === '' ? 'no answer' : answer.trim().split('\n')[0]! };
  const zxid = Number(value('Zxid'));
  return {
    server,
    problem: null,
    mode,
    epoch: epochOf(zxid),
    zxid: zxidText(zxid),
    latencyMs: value('Latency min/avg/max').split('/').map(Number),
    connections: Number(value('Connections')),
    outstanding: Number(value('Outstanding')),
    nodes: Number(value('Node count')),
    version: value('Zookeeper version').replace(/, built on.*$/, ''),
  };
}

function sayWord(host: string, port: number, word: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ host, port }, () => socket.write(word));
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${answerMsMax} ms`)), answerMsMax);
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('utf8')));
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}
