/**
 * What can be measured of a server, under the names of ZooKeeper's ServerMetrics and gauges, so that
 * dashboards and alerts made for ZooKeeper find them. Times are in ms where ZooKeeper's are.
 *
 * Names of things that do not exist here (its queues between threads, its caches, TLS) are left out.
 * Where ZooKeeper times each request, a batch of them is timed here.
 */
import type { Histogram } from '../base/histogram.ts';
import type { CoordinationServer } from '../server/server.ts';
import { eventType } from '../wire/events.ts';
import { fileDescriptors, isStandalone, nodeCount } from './facts.ts';

export interface Simple {
  readonly kind: 'gauge' | 'counter';
  readonly name: string;
  readonly value: number;
  /** May have a fraction. */
  readonly fraction?: boolean;
}

export interface Summary {
  readonly kind: 'summary';
  readonly name: string;
  /** ZooKeeper's level of detail: which quantiles are shown. */
  readonly detail: 'basic' | 'advanced';
  readonly histogram: Histogram;
  /** What to divide values by, to come to the unit of the name. */
  readonly scale: number;
  /** In a set of them, the server that this one is about. */
  readonly key: string | null;
}

export type Metric = Simple | Summary;

/** Histograms hold microseconds, ZooKeeper's summaries milliseconds. */
const perMs = 1000;

export function zookeeperMetrics(server: CoordinationServer): Metric[] {
  return [
    ...gauges(server),
    ...(isStandalone(server) ? [] : ensembleGauges(server)),
    ...counters(server),
    ...requestSummaries(server),
    ...commitSummaries(server),
    ...roleSummaries(server),
  ];
}

function gauges(server: CoordinationServer): Metric[] {
  const { clients, tree, metrics } = server;
  const { traffic } = metrics;
  const { min, average, max } = traffic.latency;
  const { replyBytes } = traffic;
  const files = fileDescriptors();
  return [
    { kind: 'gauge', name: 'avg_latency', value: average, fraction: true },
    gauge('max_latency', Math.round(max)),
    gauge('min_latency', Math.round(min)),
    gauge('packets_received', traffic.received),
    gauge('packets_sent', traffic.sent),
    gauge('num_alive_connections', clients.count),
    gauge('outstanding_requests', server.outstanding),
    gauge('uptime', Math.round(server.uptimeMs)),
    gauge('znode_count', nodeCount(server)),
    gauge('watch_count', clients.watches.count),
    gauge('ephemerals_count', tree.table.ephemeralCount),
    gauge('approximate_data_size', tree.store.approximateBytes),
    gauge('global_sessions', tree.table.size),
    gauge('local_sessions', clients.localSessions),
    gauge('open_file_descriptor_count', files.open),
    gauge('max_file_descriptor_count', files.max),
    { kind: 'gauge', name: 'connection_drop_probability', value: 0, fraction: true },
    gauge('last_client_response_size', replyBytes.last),
    gauge('max_client_response_size', replyBytes.max),
    gauge('min_client_response_size', replyBytes.min),
    gauge('auth_failed_count', traffic.authFailures),
    gauge('outstanding_tls_handshake', 0),
    gauge('non_mtls_remote_conn_count', 0),
    gauge('non_mtls_local_conn_count', 0),
  ];
}

function ensembleGauges(server: CoordinationServer): Metric[] {
  const { core, leading, options, role } = server;
  const found = [gauge('quorum_size', options.servers.filter((member) => member.role === 'participant').length)];
  if (role !== 'leading') return found;
  const { followers, observers, pending } = core.learnerCounts();
  found.push(
    gauge('learners', followers + observers),
    gauge('synced_followers', followers),
    gauge('synced_non_voting_followers', 0),
    gauge('synced_observers', observers),
    gauge('pending_syncs', pending),
    gauge('leader_uptime', Math.round(server.leaderUptimeMs)),
    gauge('last_proposal_size', leading.proposalBytes.last),
    gauge('max_proposal_size', leading.proposalBytes.max),
    gauge('min_proposal_size', leading.proposalBytes.min),
  );
  return found;
}

function counters({ metrics, refusals }: CoordinationServer): Metric[] {
  const { traffic } = metrics;
  return [
    counter('looking_count', metrics.lookings),
    counter('diff_count', metrics.diffs),
    counter('snap_count', metrics.snaps),
    counter('commit_count', metrics.committed),
    counter('proposal_count', metrics.proposed),
    counter('prep_processor_request_queued', metrics.proposed),
    counter('sync_processor_request_queued', metrics.proposed + metrics.received),
    counter('request_commit_queued', metrics.committed + metrics.learned),
    counter('learner_proposal_received_count', metrics.received),
    counter('learner_commit_received_count', metrics.learned),
    counter('stale_sessions_expired', metrics.sessionsExpired),
    counter('connection_request_count', traffic.connects),
    counter('connection_revalidate_count', traffic.resumes),
    counter('cnxn_closed_without_zk_server_running', traffic.closedWithoutLeader),
    counter('connection_rejected', refusals.connections + refusals.connectionsOfAddress + refusals.connectionRate),
    counter('sessionless_connections_expired', refusals.handshakeTimeout),
    counter('large_requests_rejected', refusals.frameBytes),
    counter('request_throttle_wait_count', refusals.requestThrottle + refusals.outstandingRequests),
    counter('throttled_ops', refusals.throttledOp),
    counter('bytes_received_count', traffic.bytesReceived),
    counter('response_bytes', traffic.bytesSent - traffic.eventBytes),
    counter('watch_bytes', traffic.eventBytes),
  ];
}

function requestSummaries({ metrics, clients }: CoordinationServer): Metric[] {
  const { traffic } = metrics;
  const { fired } = clients.watches;
  return [
    advanced('readlatency', traffic.reads),
    advanced('updatelatency', traffic.updates),
    basic('node_created_watch_count', fired[eventType.nodeCreated]!, 1),
    basic('node_deleted_watch_count', fired[eventType.nodeDeleted]!, 1),
    basic('node_changed_watch_count', fired[eventType.nodeDataChanged]!, 1),
    basic('node_children_watch_count', fired[eventType.nodeChildrenChanged]!, 1),
  ];
}

function commitSummaries({ metrics }: CoordinationServer): Metric[] {
  const { stages } = metrics;
  return [
    advanced('prep_processor_queue_time_ms', stages.queue),
    basic('prep_process_time', stages.prep),
    basic('fsynctime', stages.fsync),
    advanced('sync_processor_queue_time_ms', stages.log),
    advanced('sync_processor_queue_flush_time_ms', stages.fsync),
    advanced('sync_processor_queue_and_flush_time_ms', stages.logged),
    basic('sync_processor_batch_size', stages.groupTxns, 1),
    advanced('quorum_ack_latency', stages.quorum),
    ...[...stages.acks].map(([peer, histogram]) => advanced('ack_latency', histogram, perMs, `${peer}`)),
    basic('commit_process_time', stages.apply),
    advanced('write_final_proc_time_ms', stages.apply),
    advanced('proposal_latency', metrics.proposalDelay),
    advanced('proposal_ack_creation_latency', stages.durableDelay),
    advanced('commit_propagation_latency', metrics.commitDelay),
    advanced('propagation_latency', metrics.propagation),
  ];
}

function roleSummaries({ metrics }: CoordinationServer): Metric[] {
  return [
    basic('election_time', metrics.election),
    basic('unavailable_time', metrics.unavailable),
    basic('leader_unavailable_time', metrics.leaderUnavailable),
    basic('follower_sync_time', metrics.followerSync),
    basic('observer_sync_time', metrics.observerSync),
    basic('snapshottime', metrics.snapshot),
    basic('dbinittime', metrics.startup),
    basic('startup_snap_load_time', metrics.snapshotLoad),
  ];
}

function gauge(name: string, value: number): Simple {
  return { kind: 'gauge', name, value };
}

function counter(name: string, value: number): Simple {
  return { kind: 'counter', name, value };
}

function basic(name: string, histogram: Histogram, scale = perMs): Summary {
  return { kind: 'summary', name, detail: 'basic', histogram, scale, key: null };
}

function advanced(name: string, histogram: Histogram, scale = perMs, key: string | null = null): Summary {
  return { kind: 'summary', name, detail: 'advanced', histogram, scale, key };
}
