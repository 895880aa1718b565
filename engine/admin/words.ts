/**
 * Four-letter words, with the texts of ZooKeeper 3.8's `org.apache.zookeeper.server.command`.
 *
 * Parsers in the field depend on them to the letter: go-zookeeper on the lines of `srvr` and `cons`,
 * kazoo on `zookeeper.version=` in `envi`, monitoring on the keys of `mntr`.
 */
import { freemem, hostname, release, totalmem, userInfo } from 'node:os';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { zxidText } from '../base/zxid.ts';
import type { Connection } from '../server/connection.ts';
import type { CoordinationServer } from '../server/server.ts';
import { lastOpName } from '../wire/opcodes.ts';

/** The ZooKeeper release whose behaviour clients may expect comes first: parsers want `x.y.z-` there. */
const version = '3.8.4-zabra-0.1.0, built on 2026-11-23 00:00 UTC';

/** Returns the answer to a word, or null when it is no word at all. */
export function createWords(server: CoordinationServer): (word: string) => string | null {
  return (word) => {
    const answer = words[word];
    if (answer === undefined) return null;
    const allowed = server.options.fourLetterWords;
    const isAllowed =
      allowed.includes('*') || allowed.includes(word) || (word === 'isro' && server.options.readOnlyMode);
    if (!isAllowed) return `${word} is not executed because it is not in the whitelist.\n`;
    if (!server.serving && !server.readOnly && !alwaysAnswered.has(word))
      return 'This ZooKeeper instance is not currently serving requests\n';
    return answer(server);
  };
}

const alwaysAnswered = new Set(['ruok', 'envi', 'isro']);

const words: Readonly<Record<string, (server: CoordinationServer) => string>> = {
  ruok: () => 'imok',
  isro: (server) => (server.serving ? 'rw' : server.readOnly ? 'ro' : 'null'),
  srvr: (server) => `${heading(server)}${statLines(server)}`,
  stat: (server) => {
    const clients = [...server.clients.connections].map((connection) => ` ${briefLine(connection)}\n`).join('');
    return `${heading(server)}Clients:\n${clients}\n${statLines(server)}`;
  },
  cons: (server) => `${[...server.clients.connections].map((connection) => ` ${fullLine(connection)}\n`).join('')}\n`,
  conf,
  envi,
  mntr,
  wchs: (server) => {
    const { data, child } = server.clients.watches;
    const connections = new Set([...data.connections().keys(), ...child.connections().keys()]);
    const paths = new Set([...data.paths().keys(), ...child.paths().keys()]);
    return `${connections.size} connections watching ${paths.size} paths\nTotal watches:${data.count + child.count}\n`;
  },
  srst: (server) => {
    server.clients.traffic.reset();
    return 'Server stats reset.\n';
  },
};

function heading(server: CoordinationServer): string {
  const mode = server.readOnly ? 'READ-ONLY mode; serving only read-only clients\n' : '';
  return `Zookeeper version: ${version}\n${mode}`;
}

/** ZooKeeper's word for what this server is. */
function modeOf(server: CoordinationServer): string {
  if (server.options.servers.length === 0) return 'standalone';
  if (server.readOnly) return 'read-only';
  switch (server.role) {
    case 'leading':
      return 'leader';
    case 'following':
      return 'follower';
    case 'observing':
      return 'observer';
    default:
      return 'looking';
  }
}

function statLines(server: CoordinationServer): string {
  const { traffic, count } = server.clients;
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

/** ZooKeeper counts its root twice, as "" and as "/". */
function nodeCount(server: CoordinationServer): number {
  return server.tree.nodeCount + 1;
}

function briefLine(connection: Connection): string {
  const { counts, outstanding, link } = connection;
  const interest = connection.paused || connection.phase === 'closing' ? 0 : 1;
  return `${link.label}[${interest}](queued=${outstanding.length},recved=${counts.received},sent=${counts.sent})`;
}

function fullLine(connection: Connection): string {
  const brief = briefLine(connection);
  if (connection.session === 0) return brief;
  const { latency } = connection;
  const average = latency.count === 0 ? 0 : Math.floor(latency.sum / latency.count);
  const fields = [
    `sid=0x${connection.session.toString(16)}`,
    `lop=${lastOpName(connection.lastOp)}`,
    `est=${Math.round(performance.timeOrigin + connection.since)}`,
    `to=${connection.timeoutMs}`,
    `lcxid=0x${connection.lastXid.toString(16)}`,
    `lzxid=${zxidText(connection.lastZxid)}`,
    `lresp=${whole(connection.lastReplyAt)}`,
    `llat=${whole(latency.last)}`,
    `minlat=${whole(Math.max(latency.min, 0))}`,
    `avglat=${average}`,
    `maxlat=${whole(latency.max)}`,
  ];
  return `${brief.slice(0, -1)},${fields.join(',')})`;
}

function conf(server: CoordinationServer): string {
  const { options } = server;
  const lines = [
    `clientPort=${options.clientPort}`,
    'secureClientPort=-1',
    `dataDir=${join(options.dataDir, 'zabra-1')}`,
    `dataDirSize=${folderBytes(join(options.dataDir, 'zabra-1'))}`,
    `dataLogDir=${join(options.dataLogDir, 'zabra-1')}`,
    `dataLogSize=${folderBytes(join(options.dataLogDir, 'zabra-1'))}`,
    `tickTime=${options.tickTime}`,
    `maxClientCnxns=${options.maxClientCnxns}`,
    `minSessionTimeout=${options.minSessionTimeout}`,
    `maxSessionTimeout=${options.maxSessionTimeout}`,
    'clientPortListenBacklog=-1',
    `serverId=${options.servers.length === 0 ? 0 : options.id}`,
  ];
  const own = options.servers.find((member) => member.id === options.id);
  if (own === undefined) return `${lines.join('\n')}\n`;
  const members = options.servers.map(
    ({ id, host, quorumPort, electionPort, role, clientHost, clientPort }) =>
      `server.${id}=${host}:${quorumPort}:${electionPort}:${role}` +
      (clientPort === null ? '' : `;${clientHost ?? '0.0.0.0'}:${clientPort}`),
  );
  lines.push(
    `initLimit=${options.initLimit}`,
    `syncLimit=${options.syncLimit}`,
    'electionAlg=3',
    `electionPort=${own.electionPort}`,
    `quorumPort=${own.quorumPort}`,
    `peerType=${own.role === 'observer' ? 1 : 0}`,
    'membership: ',
    ...members,
    'version=0',
  );
  // No line ends here, as in ZooKeeper.
  return lines.join('\n');
}

function envi(): string {
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)}MB`;
  const { heapTotal, rss } = process.memoryUsage();
  const facts: readonly (readonly [string, string])[] = [
    ['zookeeper.version', version],
    ['host.name', hostname()],
    ['node.version', process.version],
    ['node.path', process.execPath],
    ['os.name', process.platform === 'linux' ? 'Linux' : process.platform],
    ['os.arch', process.arch],
    ['os.version', release()],
    ['user.name', userInfo().username],
    ['user.home', userInfo().homedir],
    ['user.dir', process.cwd()],
    ['os.memory.free', megabytes(freemem())],
    ['os.memory.max', megabytes(totalmem())],
    ['os.memory.total', megabytes(totalmem())],
    ['process.memory.heap', megabytes(heapTotal)],
    ['process.memory.resident', megabytes(rss)],
  ];
  return `Environment:\n${facts.map(([key, value]) => `${key}=${value}\n`).join('')}`;
}

function mntr(server: CoordinationServer): string {
  const { clients, tree } = server;
  const { min, average, max } = clients.traffic.latency;
  const gauges: [string, string | number][] = [
    ['version', version],
    ['server_state', modeOf(server)],
    ...(server.options.servers.length > 0 ? quorumGauges(server) : []),
    ['ephemerals_count', tree.table.ephemeralCount],
    ['num_alive_connections', clients.count],
    ['avg_latency', decimal(average)],
    ['outstanding_requests', server.outstanding],
    ['znode_count', nodeCount(server)],
    ['global_sessions', tree.table.size],
    ['packets_sent', clients.traffic.sent],
    ['packets_received', clients.traffic.received],
    ['watch_count', clients.watches.count],
    ['min_latency', whole(min)],
    ['max_latency', whole(max)],
    ['approximate_data_size', tree.store.approximateBytes],
    ['open_file_descriptor_count', openFiles()],
    ['local_sessions', clients.localSessions],
    ['uptime', whole(server.uptimeMs)],
  ];
  return gauges.map(([key, value]) => `zk_${key}\t${value}\n`).join('');
}

/** What a server of an ensemble shows besides. */
function quorumGauges(server: CoordinationServer): [string, string | number][] {
  const { core, leading, options, role } = server;
  const voters = options.servers.filter((member) => member.role === 'participant').length;
  const gauges: [string, string | number][] = [
    // Zab's phase; a server in another one does not answer `mntr`.
    ['peer_state', `${role} - broadcast`],
    ['quorum_size', voters],
  ];
  if (role !== 'leading') return gauges;
  const { followers, observers, pending } = core.learnerCounts();
  gauges.push(
    ['learners', followers + observers],
    ['synced_followers', followers],
    ['synced_non_voting_followers', 0],
    ['synced_observers', observers],
    ['pending_syncs', pending],
    ['last_proposal_size', leading.proposalBytes.last],
    ['min_proposal_size', leading.proposalBytes.min],
    ['max_proposal_size', leading.proposalBytes.max],
  );
  return gauges;
}

function whole(ms: number): number {
  return Math.round(ms);
}

/** Up to four digits after the point, at least one, as Java prints it. */
function decimal(value: number): string {
  const rounded = Math.round(value * 10_000) / 10_000;
  return Number.isInteger(rounded) ? `${rounded}.0` : String(rounded);
}

function folderBytes(folder: string): number {
  return readdirSync(folder).reduce(
    (sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

function openFiles(): number {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : -1;
}
