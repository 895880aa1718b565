/**
 * Everything that can be set, with its unit, default and what it trades.
 *
 * Names are those of ZooKeeper's zoo.cfg where it has one (`cli/zoo-cfg.ts` maps the rest); all are
 * optional but the ones that say where the server is and where its data lies.
 */
import type { EnsembleMember } from '../wire/members.ts';

export type { EnsembleMember } from '../wire/members.ts';

export interface ServerOptions {
  /** This server's id, 1..255; 1 by default in a standalone server, where nobody asks for it. */
  readonly id: number;
  /** All servers of the ensemble; empty: standalone. */
  readonly servers: readonly EnsembleMember[];
  /** Snapshots and hard state. */
  readonly dataDir: string;
  /** The log; a disk of its own keeps fsyncs short. Default: dataDir. */
  readonly dataLogDir: string;
  /** Address and port for clients. Port 0: any free one; -1: none. */
  readonly clientPortAddress: string;
  readonly clientPort: number;

  /**
   * ms; the unit of the time limits below. Shorter: failures show sooner, and a stall is more often taken for one.
   * Default 3000.
   */
  readonly tickTime: number;
  /** Ticks that discovery and synchronization may take. More: large states on slow links can still join. Default 10. */
  readonly initLimit: number;
  /** Ticks after which a silent server no longer counts. Fewer: quicker failover, more false alarms. Default 5. */
  readonly syncLimit: number;
  /**
   * ms; bounds of what a client may ask for. Short sessions free locks sooner, and end at smaller stalls. Default 2
   * and 20 ticks.
   */
  readonly minSessionTimeout: number;
  readonly maxSessionTimeout: number;
  /**
   * Connections per client address, 0: no limit. One program that leaks them does not take those of others. Default
   * 60.
   */
  readonly maxClientCnxns: number;
  /** Connections in all, 0: no limit. Bounds memory. Default 0. */
  readonly maxCnxns: number;
  /** ms in which a new connection must have sent its whole handshake (or a four-letter word). Default 10000. */
  readonly sessionlessCnxnTimeout: number;
  /** Handshakes that may come at once, 0: any number. Few: a herd comes in slowly, but hurts nobody. Default 0. */
  readonly connectionThrottleTokens: number;
  /** … and so many more every so many ms. Default 1 every 1 ms. */
  readonly connectionThrottleFillTime: number;
  readonly connectionThrottleFillCount: number;
  /**
   * Writes without a reply over all clients, beyond which each has to wait for its own reply before its
   * next request is read. Larger: throughput; smaller: latency. Default 100000.
   */
  readonly globalOutstandingLimit: number;
  /** bytes of such writes, to the same effect; bounds memory. Default 64 MiB. */
  readonly outstandingBytesMax: number;
  /** Writes without a reply beyond which no request is read at all, 0: no such limit. Default 0. */
  readonly requestThrottleMaxRequests: number;
  /** ms; a request that was held back for longer is refused with -127, 0: none is. Default 0. */
  readonly throttledOpWaitTime: number;
  /** Requests of one connection without a reply: one client's pipeline is everybody's queue. Default 2048. */
  readonly connectionRequestsMax: number;
  /** bytes of such requests (one is always allowed). Default 1 MiB. */
  readonly connectionBytesInMax: number;
  /**
   * bytes of replies that a client has not read, beyond which its requests wait; at twice as much in
   * watch events it is disconnected. Default 8 MiB.
   */
  readonly connectionBytesOutMax: number;
  /**
   * Watches of one session, some 200 bytes each (one on a path of 1000 characters counts as ten); one more is
   * refused with -127. Bounds memory. Default 1000000.
   */
  readonly sessionWatchesMax: number;
  /** Bytes of the largest frame a client may send. Default 0xfffff. */
  readonly juteMaxBuffer: number;
  /** Four-letter words that are answered; `*`: all. Default srvr. */
  readonly fourLetterWords: readonly string[];

  /** TTL nodes may be made, and go when they are due (`zookeeper.extendedTypesEnabled`). Default false. */
  readonly extendedTypesEnabled: boolean;
  /** `reconfig` is looked at instead of refused at once. Default false. */
  readonly reconfigEnabled: boolean;
  /** Hard limits of quotas refuse what goes past them; soft ones are reported in any case. Default false. */
  readonly enforceQuota: boolean;
  /** ms between two looks for containers and TTL nodes that are due. Default 60000. */
  readonly containerCheckIntervalMs: number;
  /** Containers and TTL nodes deleted in a minute. Default 10000. */
  readonly containerMaxPerMinute: number;
  /** ms after which a container goes that never had a child, 0: it stays. Default 0. */
  readonly containerMaxNeverUsedMs: number;

  /**
   * Between half of so many txns and all, drawn anew each time, a snapshot is due, but not before the log is large
   * beside the state. More: less to write, a longer restart and log. Default 100000.
   */
  readonly snapCount: number;
  /**
   * KiB of zeros kept ahead in the log. More: fewer fsyncs that also have to grow the file; takes that much disk.
   * Default 65536.
   */
  readonly preAllocSize: number;
  /** Snapshots kept, at least 3 as in ZooKeeper; each with the log since then, on disk. Default 3. */
  readonly snapRetainCount: number;
  /** bytes; size of a log segment. Smaller ones free disk space sooner. Default 64 MiB. */
  readonly segmentBytes: number;

  /** bytes; a batch is proposed once it has grown to this. Larger: throughput; smaller: latency. Default 256 KiB. */
  readonly batchBytesMax: number;
  /** Txns in a batch, to the same effect. Default 4096. */
  readonly batchTxnsMax: number;
  /** Batches proposed and not yet committed. More hide a longer round trip. Default 16. */
  readonly batchesInFlightMax: number;
  /** bytes in all of them; bounds memory. Default 32 MiB. */
  readonly bytesInFlightMax: number;
  /** ms between pings of leader and followers. Longer: less to do when idle. Default: half a tick, at most 500. */
  readonly heartbeatMs: number;
  /**
   * ms of silence after which a peer counts as dead (a closed connection does at once). Shorter: quicker failover from
   * a machine that is gone or stands still; too short: a busy one is left for nothing. Default: syncLimit ticks.
   */
  readonly peerTimeoutMs: number;
  /**
   * ms to wait for better votes once a quorum agrees but a reachable server has not voted. Shorter: quicker failover;
   * longer: fewer elections that end with the wrong server and begin again. Default 200.
   */
  readonly electionWaitMs: number;
  /**
   * ms for which clients are kept while there is no leader; then they may try another server. Longer: fewer
   * reconnects. Default 1000.
   */
  readonly leaderlessGraceMs: number;
  /**
   * Without a leader, after leaderlessGraceMs, serve reads to clients that allow it (they may be stale
   * and see no change) instead of nobody. Default false.
   */
  readonly readOnlyMode: boolean;
  /**
   * bytes of recent batches kept in memory for learners that come back. Less: they are read from the log. Default 16
   * MiB.
   */
  readonly historyBytesMax: number;
  /** ms; an fsync longer than this is reported. Default 1000. */
  readonly fsyncWarnMs: number;
  /** `user:base64(sha1(user:password))` that passes every ACL; empty: nobody. */
  readonly superDigest: string;
  /**
   * Address and port of the AdminServer (HTTP, `/commands/…`). Port 0: any free one; -1: none, the default
   * here, while zoo.cfg has ZooKeeper's 8080.
   */
  readonly adminAddress: string;
  readonly adminPort: number;
  /** Path that its commands are below. Default /commands. */
  readonly adminCommandUrl: string;
  /** ms without traffic after which a connection to it ends. Default 30000. */
  readonly adminIdleMs: number;
  /** Address and port where Prometheus finds `/metrics`. Port 0: any free one; -1: none. Default none. */
  readonly metricsAddress: string;
  readonly metricsPort: number;
  /** The metrics tell of the process as well. Default true. */
  readonly metricsOfProcess: boolean;
  /** Least important level of the journal. Default info. */
  readonly logLevel: 'info' | 'warn' | 'error' | 'silent';
}

/** A setting that cannot be; `field` names it. */
export class OptionError extends Error {
  readonly field: string;
  /** The end of the sentence that begins with the field's name. */
  readonly problem: string;

  constructor(field: string, expected: string, got: unknown) {
    const problem = `must be ${expected}, not ${typeof got === 'number' ? got : JSON.stringify(got)}.`;
    super(`${field} ${problem}`);
    this.name = 'OptionError';
    this.field = field;
    this.problem = problem;
  }
}

const KiB = 1024;
const MiB = 1024 * KiB;

/** What a timer takes; and less than a round trip between servers would end every link. */
const msMax = 2 ** 31 - 1;
const peerTimeoutMsMin = 10;

/**
 * Fills in the defaults and checks everything. A default that follows from another setting stays within
 * its own range: nobody can correct what he has not set.
 *
 * @throws OptionError that names the field and what it must be
 */
export function completeOptions(given: Partial<ServerOptions> & { readonly dataDir: string }): ServerOptions {
  const { tickTime = 3000, syncLimit = 5, servers = [] } = given;
  // First of all: the default of the id follows from it.
  if (!Array.isArray(servers) || !servers.every((server) => typeof server === 'object' && server !== null))
    throw new OptionError('servers', 'a list of servers', servers);
  const options: ServerOptions = {
    id: servers.length === 0 ? 1 : 0,
    dataLogDir: given.dataDir,
    clientPortAddress: '0.0.0.0',
    clientPort: -1,
    initLimit: 10,
    minSessionTimeout: Math.min(2 * tickTime, msMax),
    maxSessionTimeout: Math.min(20 * tickTime, msMax),
    maxClientCnxns: 60,
    maxCnxns: 0,
    sessionlessCnxnTimeout: 10_000,
    connectionThrottleTokens: 0,
    connectionThrottleFillTime: 1,
    connectionThrottleFillCount: 1,
    globalOutstandingLimit: 100_000,
    outstandingBytesMax: 64 * MiB,
    requestThrottleMaxRequests: 0,
    throttledOpWaitTime: 0,
    connectionRequestsMax: 2048,
    connectionBytesInMax: 1 * MiB,
    connectionBytesOutMax: 8 * MiB,
    sessionWatchesMax: 1_000_000,
    juteMaxBuffer: 0xfffff,
    fourLetterWords: ['srvr'],
    extendedTypesEnabled: false,
    enforceQuota: false,
    reconfigEnabled: false,
    containerCheckIntervalMs: 60_000,
    containerMaxPerMinute: 10_000,
    containerMaxNeverUsedMs: 0,
    snapCount: 100_000,
    preAllocSize: 65_536,
    snapRetainCount: 3,
    segmentBytes: 64 * MiB,
    batchBytesMax: 256 * KiB,
    batchTxnsMax: 4096,
    batchesInFlightMax: 16,
    bytesInFlightMax: 32 * MiB,
    heartbeatMs: Math.max(1, Math.min(500, Math.floor(tickTime / 2))),
    peerTimeoutMs: Math.min(Math.max(syncLimit * tickTime, peerTimeoutMsMin), msMax),
    electionWaitMs: 200,
    leaderlessGraceMs: 1000,
    readOnlyMode: false,
    historyBytesMax: 16 * MiB,
    fsyncWarnMs: 1000,
    superDigest: '',
    adminAddress: '0.0.0.0',
    adminPort: -1,
    adminCommandUrl: '/commands',
    adminIdleMs: 30_000,
    metricsAddress: '0.0.0.0',
    metricsPort: -1,
    metricsOfProcess: true,
    logLevel: 'info',
    ...given,
    tickTime,
    syncLimit,
    servers,
  };
  checkFields(options);
  checkNumbers(options, given);
  checkSwitches(options);
  checkTexts(options);
  checkServers(options);
  return options;
}

/** Field, smallest and largest allowed value. */
const ranges: readonly (readonly [keyof ServerOptions, number, number])[] = [
  ['id', 1, 255],
  ['clientPort', -1, 65_535],
  ['tickTime', 1, 2 ** 31 - 1],
  ['initLimit', 1, 2 ** 31 - 1],
  ['syncLimit', 1, 2 ** 31 - 1],
  ['minSessionTimeout', 1, msMax],
  ['maxSessionTimeout', 1, msMax],
  ['maxClientCnxns', 0, 2 ** 31 - 1],
  ['maxCnxns', 0, 2 ** 31 - 1],
  ['sessionlessCnxnTimeout', 1, 2 ** 31 - 1],
  ['connectionThrottleTokens', 0, 2 ** 31 - 1],
  ['connectionThrottleFillTime', 1, 2 ** 31 - 1],
  ['connectionThrottleFillCount', 1, 2 ** 31 - 1],
  ['globalOutstandingLimit', 1, 2 ** 31 - 1],
  ['outstandingBytesMax', 1, 1024 * MiB],
  ['requestThrottleMaxRequests', 0, 2 ** 31 - 1],
  ['throttledOpWaitTime', 0, 2 ** 31 - 1],
  ['connectionRequestsMax', 1, 2 ** 20],
  ['connectionBytesInMax', 1, 1024 * MiB],
  ['connectionBytesOutMax', 1, 1024 * MiB],
  ['sessionWatchesMax', 0, 2 ** 24],
  ['juteMaxBuffer', 1024, 64 * MiB],
  ['containerCheckIntervalMs', 1, 2 ** 31 - 1],
  ['containerMaxPerMinute', 1, 1_000_000],
  ['containerMaxNeverUsedMs', 0, 2 ** 31 - 1],
  ['snapCount', 2, 2 ** 31 - 1],
  ['preAllocSize', 0, 2 ** 21],
  ['snapRetainCount', 2, 1000],
  ['segmentBytes', 64 * KiB, 1024 * MiB],
  ['batchBytesMax', 1, 8 * MiB],
  ['batchTxnsMax', 1, 16_384],
  ['batchesInFlightMax', 1, 4096],
  ['bytesInFlightMax', 64 * KiB, 1024 * MiB],
  ['heartbeatMs', 1, 60_000],
  ['peerTimeoutMs', peerTimeoutMsMin, msMax],
  ['electionWaitMs', 0, 60_000],
  ['leaderlessGraceMs', 0, 2 ** 31 - 1],
  ['historyBytesMax', 0, 1024 * MiB],
  ['fsyncWarnMs', 1, 2 ** 31 - 1],
  ['adminPort', -1, 65_535],
  ['adminIdleMs', 1, 2 ** 31 - 1],
  ['metricsPort', -1, 65_535],
];

const textFields = [
  'dataDir',
  'dataLogDir',
  'clientPortAddress',
  'superDigest',
  'adminAddress',
  'adminCommandUrl',
  'metricsAddress',
] as const;
const switches = [
  'readOnlyMode',
  'extendedTypesEnabled',
  'enforceQuota',
  'reconfigEnabled',
  'metricsOfProcess',
] as const;
const logLevels: readonly ServerOptions['logLevel'][] = ['info', 'warn', 'error', 'silent'];
const knownFields: ReadonlySet<string> = new Set([
  ...ranges.map(([field]) => field),
  ...textFields,
  ...switches,
  'servers',
  'fourLetterWords',
  'logLevel',
]);

function checkFields(options: ServerOptions): void {
  for (const field of Object.keys(options))
    if (!knownFields.has(field))
      throw new OptionError(field, 'absent (there is no such setting)', options[field as keyof ServerOptions]);
}

function checkNumbers(options: ServerOptions, given: Partial<ServerOptions>): void {
  for (const [field, min, max] of ranges) {
    const value = options[field];
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
      throw new OptionError(field, `a whole number from ${min} to ${max}`, value);
    }
  }
  const { minSessionTimeout: least, maxSessionTimeout: most } = options;
  if (least <= most) return;
  if (given.minSessionTimeout === undefined)
    throw new OptionError('maxSessionTimeout', `at least minSessionTimeout (${least}, by default two ticks)`, most);
  throw new OptionError('minSessionTimeout', `at most maxSessionTimeout (${most})`, least);
}

function checkTexts(options: ServerOptions): void {
  for (const field of textFields) {
    const value = options[field];
    if (typeof value !== 'string') throw new OptionError(field, 'a text', value);
    if (value === '' && field !== 'superDigest') throw new OptionError(field, 'given', value);
  }
  if (!/^\/.*[^/]$/.test(options.adminCommandUrl))
    throw new OptionError('adminCommandUrl', 'a path that begins with / and does not end so', options.adminCommandUrl);
  const { fourLetterWords, logLevel } = options;
  if (!Array.isArray(fourLetterWords) || !fourLetterWords.every((word) => typeof word === 'string'))
    throw new OptionError('fourLetterWords', 'a list of words', fourLetterWords);
  if (!logLevels.includes(logLevel)) throw new OptionError('logLevel', `one of ${logLevels.join(', ')}`, logLevel);
}

function checkSwitches(options: ServerOptions): void {
  for (const field of switches) {
    const value: unknown = options[field];
    if (typeof value !== 'boolean') throw new OptionError(field, 'true or false', value);
  }
  // As in ZooKeeper, whose TTL nodes look like those of a session given out by server 255.
  if (options.extendedTypesEnabled && options.id > 254)
    throw new OptionError('id', 'at most 254 with extendedTypesEnabled', options.id);
}

function checkServers({ id, servers }: ServerOptions): void {
  const ids = new Set<number>();
  for (const server of servers) {
    if (!Number.isInteger(server.id) || server.id < 1 || server.id > 255) {
      throw new OptionError(`server.${server.id}`, 'numbered from 1 to 255', server.id);
    }
    if (ids.has(server.id)) throw new OptionError(`server.${server.id}`, 'given once', server.id);
    ids.add(server.id);
    if (typeof server.host !== 'string' || server.host === '')
      throw new OptionError(`server.${server.id}`, 'given with a host', server);
    if (!isPort(server.quorumPort)) throw new OptionError(`server.${server.id}`, 'given with a quorum port', server);
    if (server.role !== 'participant' && server.role !== 'observer')
      throw new OptionError(`server.${server.id}`, 'a participant or an observer', server.role);
  }
  if (servers.length > 0 && !ids.has(id)) {
    throw new OptionError('id', `one of the servers (${[...ids].join(', ')})`, id);
  }
  if (servers.length > 0 && servers.every((server) => server.role === 'observer')) {
    throw new OptionError('servers', 'at least one participant', 'observers alone');
  }
}

/** 0 stands for any free port. */
function isPort(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535;
}
