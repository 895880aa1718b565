/**
 * The commands of ZooKeeper's AdminServer, with its names and fields: `/commands/<name>` → JSON.
 *
 * Left out are those that need authentication (snapshot, restore) and shed_connections.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { counterOf, epochOf, zxidText } from '../base/zxid.ts';
import type { Connection } from '../server/connection.ts';
import type { CoordinationServer } from '../server/server.ts';
import { lastOpName } from '../wire/opcodes.ts';
import { zookeeperMetrics } from './catalog.ts';
import {
  averageLatencyOf,
  nodeWatches,
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
  zabPhase,
} from './facts.ts';
import { monitorEntries } from './monitor.ts';
import type { Trace } from './trace.ts';

export type Fields = Readonly<Record<string, unknown>>;

interface Command {
  /** The name that answers and the index give, then others that are understood. */
  readonly names: readonly [string, ...string[]];
  /** Answered even while no client is served. */
  readonly always?: boolean;
  readonly run: (asked: Asked) => Fields;
}

interface Asked {
  readonly server: CoordinationServer;
  readonly trace: Trace;
  readonly query: URLSearchParams;
}

const commands: readonly Command[] = [
  { names: ['configuration', 'conf', 'config'], run: ({ server }) => configuration(server) },
  {
    names: ['connection_stat_reset', 'crst'],
    run: ({ server }) => {
      for (const connection of server.clients.connections) connection.resetStats();
      return {};
    },
  },
  {
    names: ['connections', 'cons'],
    run: ({ server }) => ({ connections: connectionsOf(server, fullConnection), secure_connections: [] }),
  },
  {
    names: ['dirs'],
    run: ({ server }) => {
      const { data, log } = folderSizes(server);
      return { datadir_size: data, logdir_size: log };
    },
  },
  { names: ['dump'], run: ({ server }) => dump(server) },
  { names: ['environment', 'env', 'envi'], always: true, run: () => Object.fromEntries(environment()) },
  { names: ['get_trace_mask', 'gtmk'], always: true, run: ({ trace }) => ({ tracemask: trace.mask }) },
  { names: ['hash'], run: () => ({ digests: [] }) },
  // Known to a standalone ZooKeeper alone; null elsewhere, as in its ensembles.
  { names: ['initial_configuration', 'icfg'], run: () => ({ initial_configuration: null }) },
  { names: ['is_read_only', 'isro'], run: ({ server }) => ({ read_only: server.readOnly }) },
  { names: ['last_snapshot', 'lsnp'], run: ({ server }) => lastSnapshot(server) },
  { names: ['leader', 'lead'], run: ({ server }) => leader(server) },
  { names: ['monitor', 'mntr'], run: ({ server }) => monitor(server) },
  { names: ['observer_connection_stat_reset', 'orst'], run: () => ({}) },
  { names: ['observers', 'obsr'], run: ({ server }) => observers(server) },
  { names: ['ruok'], run: () => ({}) },
  { names: ['server_stats', 'srvr'], run: ({ server }) => serverStats(server) },
  { names: ['set_trace_mask', 'stmk'], always: true, run: ({ trace, query }) => setTraceMask(trace, query) },
  {
    names: ['stat_reset', 'srst'],
    run: ({ server }) => {
      server.resetStats();
      return {};
    },
  },
  {
    names: ['stats', 'stat'],
    run: ({ server }) => ({
      ...serverStats(server),
      connections: connectionsOf(server, briefConnection),
      secure_connections: [],
    }),
  },
  {
    names: ['system_properties', 'sysp'],
    always: true,
    run: () => Object.fromEntries([...environment(), ...Object.entries(process.versions)].toSorted()),
  },
  { names: ['voting_view'], run: ({ server }) => votingView(server) },
  {
    names: ['watch_summary', 'wchs'],
    run: ({ server }) => {
      const { bySession, byPath, count } = nodeWatches(server);
      return { num_connections: bySession.size, num_paths: byPath.size, num_total_watches: count };
    },
  },
  {
    names: ['watches', 'wchc'],
    run: ({ server }) => ({ session_id_to_watched_paths: Object.fromEntries(nodeWatches(server).bySession) }),
  },
  {
    names: ['watches_by_path', 'wchp'],
    run: ({ server }) => ({ path_to_session_ids: Object.fromEntries(nodeWatches(server).byPath) }),
  },
  { names: ['zabstate'], always: true, run: ({ server }) => zabState(server) },
];

const byName = new Map(commands.flatMap((command) => command.names.map((name) => [name, command] as const)));

/** All of them, for an index. */
export const commandNames: readonly string[] = commands.map(({ names }) => names[0]);

/** Answers a command; one that is unknown or impossible at the moment with an error in the answer, as ZooKeeper. */
export function runCommand(name: string, asked: Asked): Fields {
  const command = byName.get(name);
  if (command === undefined) return { command: name, error: `Unknown command: ${name}` };
  const { serving, readOnly } = asked.server;
  if (!serving && !readOnly && command.always !== true) return { command: name, error: notServing };
  return { error: null, ...command.run(asked), command: command.names[0] };
}

function configuration(server: CoordinationServer): Fields {
  const { options } = server;
  return {
    client_port: options.clientPort,
    data_dir: folderOf(options.dataDir),
    data_log_dir: folderOf(options.dataLogDir),
    tick_time: options.tickTime,
    max_client_cnxns: options.maxClientCnxns,
    min_session_timeout: options.minSessionTimeout,
    max_session_timeout: options.maxSessionTimeout,
    server_id: isStandalone(server) ? 0 : options.id,
    client_port_listen_backlog: -1,
  };
}

function connectionsOf(server: CoordinationServer, show: (connection: Connection) => Fields): Fields[] {
  return [...server.clients.connections].map(show);
}

function briefConnection(connection: Connection): Fields {
  return {
    remote_socket_address: connection.link.label.slice(1),
    interest_ops: interestOf(connection),
    outstanding_requests: connection.outstanding.length,
    packets_received: connection.counts.received,
    packets_sent: connection.counts.sent,
  };
}

function fullConnection(connection: Connection): Fields {
  const { latency } = connection;
  return {
    ...briefConnection(connection),
    session_id: connection.session,
    last_operation: lastOpName(connection.lastOp),
    established: wallTime(connection.since),
    session_timeout: connection.timeoutMs,
    last_cxid: connection.lastXid,
    last_zxid: connection.lastZxid,
    last_response_time: whole(connection.lastReplyAt),
    last_latency: whole(latency.last),
    min_latency: whole(Math.max(latency.min, 0)),
    avg_latency: averageLatencyOf(connection),
    max_latency: whole(latency.max),
  };
}

function dump(server: CoordinationServer): Fields {
  return {
    expiry_time_to_session_ids: Object.fromEntries(expiries(server)),
    session_id_to_ephemeral_paths: Object.fromEntries(ephemerals(server)),
  };
}

function lastSnapshot({ options }: CoordinationServer): Fields {
  const folder = folderOf(options.dataDir);
  const newest = readdirSync(folder)
    .filter((name) => /^snapshot\.[0-9a-f]+$/.test(name))
    .toSorted()
    .at(-1);
  const found = newest === undefined ? undefined : statSync(join(folder, newest), { throwIfNoEntry: false });
  if (newest === undefined || found === undefined) return { zxid: 'ffffffffffffffff', timestamp: -1 };
  const zxid = Number.parseInt(newest.slice('snapshot.'.length), 16);
  return { zxid: zxid.toString(16), timestamp: Math.floor(found.mtimeMs / 1000) };
}

function leader(server: CoordinationServer): Fields {
  if (isStandalone(server)) return { error: 'server is not initialized' };
  const id = server.core.leader;
  return { is_leader: server.role === 'leading', leader_id: id, leader_ip: memberOf(server, id)?.host ?? '' };
}

/** Numbers as numbers. */
function monitor(server: CoordinationServer): Fields {
  return Object.fromEntries(
    monitorEntries(server, zookeeperMetrics(server)).map(([key, value]) => [
      key,
      /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value,
    ]),
  );
}

function observers(server: CoordinationServer): Fields {
  const { observers } = server.core.learnerCounts();
  return { synced_observers: observers, observers: [] };
}

function serverStats(server: CoordinationServer): Fields {
  const { metrics, clients, leading } = server;
  const { traffic } = metrics;
  const { min, average, max } = traffic.latency;
  const { data, log } = folderSizes(server);
  const responses = bufferStats(traffic.replyBytes);
  return {
    version,
    read_only: server.readOnly,
    server_stats: {
      packets_sent: traffic.sent,
      packets_received: traffic.received,
      fsync_threshold_exceed_count: metrics.slowFsyncs,
      client_response_stats: responses,
      data_dir_size: data,
      log_dir_size: log,
      provider_null: false,
      server_state: modeOf(server),
      last_processed_zxid: server.tree.lastZxid,
      outstanding_requests: server.outstanding,
      avg_latency: Math.round(average * 10_000) / 10_000,
      max_latency: whole(max),
      min_latency: whole(min),
      num_alive_client_connections: clients.count,
      auth_failed_count: traffic.authFailures,
      non_mtlsremote_conn_count: 0,
      non_mtlslocal_conn_count: 0,
      uptime: whole(server.uptimeMs),
    },
    client_response: responses,
    ...(modeOf(server) === 'leader' ? { proposal_stats: bufferStats(leading.proposalBytes) } : {}),
    node_count: nodeCount(server),
  };
}

function bufferStats({ last, min, max }: { last: number; min: number; max: number }): Fields {
  return { last_buffer_size: last, min_buffer_size: min, max_buffer_size: max };
}

function setTraceMask(trace: Trace, query: URLSearchParams): Fields {
  const text = query.get('traceMask');
  if (text === null) return { error: 'setTraceMask requires long traceMask argument' };
  if (!/^[+-]?\d{1,19}$/.test(text)) return { error: `setTraceMask requires long traceMask argument, got ${text}` };
  trace.mask = Number(text);
  return { tracemask: trace.mask };
}

function votingView({ options }: CoordinationServer): Fields {
  const voters = options.servers.filter(({ role }) => role === 'participant');
  return {
    current_config: Object.fromEntries(
      voters.map(({ id, host, quorumPort, electionPort, role, clientHost, clientPort }) => [
        id,
        {
          server_addresses: [`${host}:${quorumPort}`],
          election_addresses: [`${host}:${electionPort}`],
          client_address: clientPort === null ? '' : `${clientHost ?? '0.0.0.0'}:${clientPort}`,
          learner_type: role,
        },
      ]),
    ),
  };
}

function zabState(server: CoordinationServer): Fields {
  const { options, role, tree } = server;
  const own = memberOf(server, options.id);
  if (own === undefined) return { voting: false, zabstate: '' };
  return {
    myid: options.id,
    is_leader: role === 'leading',
    quorum_address: addresses(own.host, own.quorumPort),
    election_address: addresses(own.host, own.electionPort),
    client_address: `${options.clientPortAddress}:${options.clientPort}`,
    voting: own.role === 'participant',
    last_zxid: zxidText(tree.lastZxid),
    zab_epoch: epochOf(tree.lastZxid),
    zab_counter: counterOf(tree.lastZxid),
    zabstate: zabPhase(server),
  };
}

/** The one address of a server, as ZooKeeper shows its set of them. */
function addresses(host: string, port: number): Fields {
  const one = `${host}:${port}`;
  return {
    empty: false,
    all_addresses: [one],
    all_reachable_addresses: [one],
    one,
    reachable_address: one,
    wildcard_addresses: [`0.0.0.0:${port}`],
    all_ports: [port],
    all_host_strings: [host],
    all_reachable_addresses_or_all: [one],
    reachable_or_one: one,
  };
}
