/**
 * Four-letter words, with the texts of ZooKeeper 3.8's `org.apache.zookeeper.server.command`.
 *
 * Parsers in the field depend on them to the letter: go-zookeeper on the lines of `srvr` and `cons`,
 * kazoo on `zookeeper.version=` in `envi`, monitoring on the keys of `mntr`.
 */
import type { Buffer } from 'node:buffer';
import { zxidText } from '../base/zxid.ts';
import type { Connection } from '../server/connection.ts';
import type { CoordinationServer } from '../server/server.ts';
import { membershipText } from '../wire/members.ts';
import { lastOpName } from '../wire/opcodes.ts';
import {
  averageLatencyOf,
  nodeWatches,
  decimal,
  environment,
  ephemerals,
  expiries,
  folderOf,
  folderSizes,
  interestOf,
  isStandalone,
  memberOf,
  modeOf,
  nodeCount,
  notServing,
  version,
  wallTime,
  whole,
} from './facts.ts';
import { zookeeperMetrics } from './catalog.ts';
import { monitorEntries } from './monitor.ts';
import type { Trace } from './trace.ts';

interface Asked {
  readonly server: CoordinationServer;
  readonly trace: Trace;
  /** What came with the word; only `stmk` has an argument. */
  readonly argument: Buffer;
}

/** Returns the answer to a word, or null when it is no word at all. */
export function createWords(
  server: CoordinationServer,
  trace: Trace,
): (word: string, argument: Buffer) => string | null {
  return (word, argument) => {
    const answer = words[word];
    if (answer === undefined) return null;
    const allowed = server.options.fourLetterWords;
    // ZooKeeper's own scripts depend on srvr: it is always answered.
    const isAllowed =
      allowed.includes('*') ||
      allowed.includes(word) ||
      word === 'srvr' ||
      (word === 'isro' && server.options.readOnlyMode);
    if (!isAllowed) return `${word} is not executed because it is not in the whitelist.\n`;
    if (!server.serving && !server.readOnly && !alwaysAnswered.has(word)) return `${notServing}\n`;
    try {
      return answer({ server, trace, argument });
    } catch (error) {
      // What it asks the system for may be refused; that is no reason to end the server.
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      return `${word} failed: ${(error as Error).message}\n`;
    }
  };
}

const alwaysAnswered = new Set(['ruok', 'envi', 'isro', 'gtmk', 'stmk']);

const words: Readonly<Record<string, (asked: Asked) => string>> = {
  ruok: () => 'imok',
  isro: ({ server }) => (server.serving ? 'rw' : server.readOnly ? 'ro' : 'null'),
  srvr: ({ server }) => `${heading(server)}${statLines(server)}`,
  stat: ({ server }) => {
    const clients = [...server.clients.connections].map((connection) => ` ${briefLine(connection)}\n`).join('');
    return `${heading(server)}Clients:\n${clients}\n${statLines(server)}`;
  },
  cons: ({ server }) =>
    `${[...server.clients.connections].map((connection) => ` ${fullLine(connection)}\n`).join('')}\n`,
  conf: ({ server }) => conf(server),
  envi: () =>
    `Environment:\n${environment()
      .map(([key, value]) => `${key}=${value}\n`)
      .join('')}`,
  mntr: ({ server }) =>
    monitorEntries(server, zookeeperMetrics(server))
      .map(([key, value]) => `zk_${key}\t${value}\n`)
      .join(''),
  dump: ({ server }) => dump(server),
  dirs: ({ server }) => {
    const { data, log } = folderSizes(server);
    return `datadir_size: ${data}\nlogdir_size: ${log}\n`;
  },
  wchs: ({ server }) => {
    const { bySession, byPath, count } = nodeWatches(server);
    return `${bySession.size} connections watching ${byPath.size} paths\nTotal watches:${count}\n`;
  },
  wchc: ({ server }) => nested([...nodeWatches(server).bySession].map(([id, paths]) => [sessionText(id), paths])),
  wchp: ({ server }) => nested([...nodeWatches(server).byPath].map(([path, ids]) => [path, ids.map(sessionText)])),
  srst: ({ server }) => {
    server.resetStats();
    return 'Server stats reset.\n';
  },
  crst: ({ server }) => {
    for (const connection of server.clients.connections) connection.resetStats();
    return 'Connection stats reset.\n';
  },
  gtmk: ({ trace }) => String(trace.mask),
  stmk: ({ trace, argument }) => {
    // ZooKeeper, too, closes without an answer when the eight bytes are not there.
    if (argument.length < 8) return '';
    trace.mask = argument.readInt32BE(0) * 2 ** 32 + argument.readUInt32BE(4);
    return String(trace.mask);
  },
  // ZooKeeper keeps a digest of its tree at every 128th txn; there is none here to show.
  hash: () => '',
};

function heading(server: CoordinationServer): string {
  const mode = server.readOnly ? 'READ-ONLY mode; serving only read-only clients\n' : '';
  return `Zookeeper version: ${version}\n${mode}`;
}

/** Each head with its lines below it, and an empty line at the end. */
function nested(groups: readonly (readonly [string, readonly string[]])[]): string {
  return `${groups.map(([head, lines]) => [head, ...lines.map(indented), ''].join('\n')).join('')}\n`;
}

function sessionText(id: number): string {
  return `0x${id.toString(16)}`;
}

function indented(text: string): string {
  return `\t${text}`;
}

function statLines(server: CoordinationServer): string {
  const { traffic } = server.metrics;
  const { count } = server.clients;
  const { min, average, max } = traffic.latency;
  const lines = [
    `Latency min/avg/max: ${whole(min)}/${decimal(average)}/${whole(max)}`,
    `Received: ${traffic.received}`,
    `Sent: ${traffic.sent}`,
    `Connections: ${count}`,
    `Outstanding: ${server.outstanding}`,
    `Zxid: ${zxidText(server.tree.lastZxid)}`,
    `Mode: ${modeOf(server)}`,
    `Node count: ${nodeCount(server)}`,
  ];
  if (modeOf(server) === 'leader') {
    const { last, min: smallest, max: largest } = server.leading.proposalBytes;
    lines.push(`Proposal sizes last/min/max: ${last}/${smallest}/${largest}`);
  }
  return `${lines.join('\n')}\n`;
}

function briefLine(connection: Connection): string {
  const { counts, outstanding, link } = connection;
  const interest = interestOf(connection);
  return `${link.label}[${interest}](queued=${outstanding.length},recved=${counts.received},sent=${counts.sent})`;
}

function fullLine(connection: Connection): string {
  const brief = briefLine(connection);
  if (connection.session === 0) return brief;
  const { latency } = connection;
  const fields = [
    `sid=${sessionText(connection.session)}`,
    `lop=${lastOpName(connection.lastOp)}`,
    `est=${wallTime(connection.since)}`,
    `to=${connection.timeoutMs}`,
    ...(connection.lastXid < 0 ? [] : [`lcxid=0x${connection.lastXid.toString(16)}`]),
    `lzxid=${connection.lastZxid < 0 ? '0xffffffffffffffff' : zxidText(connection.lastZxid)}`,
    `lresp=${whole(connection.lastReplyAt)}`,
    `llat=${whole(latency.last)}`,
    `minlat=${whole(Math.max(latency.min, 0))}`,
    `avglat=${averageLatencyOf(connection)}`,
    `maxlat=${whole(latency.max)}`,
  ];
  return `${brief.slice(0, -1)},${fields.join(',')})`;
}

function conf(server: CoordinationServer): string {
  const { options } = server;
  const { data, log } = folderSizes(server);
  const lines = [
    `clientPort=${options.clientPort}`,
    'secureClientPort=-1',
    `dataDir=${folderOf(options.dataDir)}`,
    `dataDirSize=${data}`,
    `dataLogDir=${folderOf(options.dataLogDir)}`,
    `dataLogSize=${log}`,
    `tickTime=${options.tickTime}`,
    `maxClientCnxns=${options.maxClientCnxns}`,
    `minSessionTimeout=${options.minSessionTimeout}`,
    `maxSessionTimeout=${options.maxSessionTimeout}`,
    'clientPortListenBacklog=-1',
    `serverId=${isStandalone(server) ? 0 : options.id}`,
  ];
  const own = memberOf(server, options.id);
  if (own === undefined) return `${lines.join('\n')}\n`;
  lines.push(
    `initLimit=${options.initLimit}`,
    `syncLimit=${options.syncLimit}`,
    'electionAlg=3',
    `electionPort=${own.electionPort}`,
    `quorumPort=${own.quorumPort}`,
    `peerType=${own.role === 'observer' ? 1 : 0}`,
    'membership: ',
    `${membershipText(options.servers)}version=0`,
  );
  // No line ends here, as in ZooKeeper.
  return lines.join('\n');
}

/** Sessions, their ephemeral nodes, and connections by the time until which they may be silent. */
function dump(server: CoordinationServer): string {
  const lines = ['SessionTracker dump:', ...sessionLines(server), 'ephemeral nodes dump:'];
  const owned = ephemerals(server);
  lines.push(`Sessions with Ephemerals (${owned.size}):`);
  for (const [id, paths] of owned) lines.push([`${sessionText(id)}:`, ...paths.map(indented)].join('\n'));
  const deadlines = new Map<number, string[]>();
  for (const { heardAt, timeoutMs, link, session } of server.clients.connections) {
    const deadline = roundUp(heardAt + timeoutMs, server.options.tickTime);
    const line = `\tip: ${link.label} sessionId: ${sessionText(session)}`;
    deadlines.set(deadline, [...(deadlines.get(deadline) ?? []), line]);
  }
  const sets = [...deadlines].toSorted(([a], [b]) => a - b);
  lines.push('Connections dump:', `Connections Sets (${sets.length})/(${server.clients.count}):`);
  for (const [deadline, connections] of sets)
    lines.push([expiryLine(connections.length, deadline), ...connections].join('\n'));
  return `${lines.join('\n')}\n`;
}

/** The leader knows when each session ends; the others only which there are. */
function sessionLines(server: CoordinationServer): string[] {
  if (server.role !== 'leading') {
    const sessions = [...server.tree.sessions()].toSorted((a, b) => a.id - b.id);
    const lines = sessions.map(({ id, timeoutMs }) => `${sessionText(id)}\t${timeoutMs}ms`);
    return [`Global Sessions(${sessions.length}):`, ...lines];
  }
  const sets = expiries(server);
  const count = sets.reduce((sum, [, ids]) => sum + ids.length, 0);
  return [
    `Session Sets (${sets.length})/(${count}):`,
    ...sets.map(([deadline, ids]) =>
      [expiryLine(ids.length, deadline), ...ids.map((id) => indented(sessionText(id)))].join('\n'),
    ),
  ];
}

function expiryLine(count: number, deadline: number): string {
  return `${count} expire at ${javaDate(wallTime(deadline))}:`;
}

function roundUp(time: number, step: number): number {
  return (Math.floor(time / step) + 1) * step;
}

/** As Java's Date prints it in UTC: `Wed Nov 25 02:41:30 UTC 2026`. */
function javaDate(ms: number): string {
  const [day, date, month, year, time] = new Date(ms).toUTCString().replace(',', '').split(' ');
  return `${day} ${month} ${date} ${time} UTC ${year}`;
}
