/**
 * Reads an unmodified zoo.cfg: Java properties, with ZooKeeper's keys and our own under `zabra.`.
 *
 * A key we do not know is collected, so that one warning can name them all; a value that cannot be
 * is an error that names file, line, key and what was expected.
 */
import { OptionError, type ServerOptions } from '../server/options.ts';
import { memberForm, parseMember, type EnsembleMember } from '../wire/members.ts';

/** One `key=value` with the line it began on. */
interface Property {
  readonly key: string;
  readonly value: string;
  readonly line: number;
}

export interface ZooCfg {
  readonly options: Partial<ServerOptions> & { readonly dataDir: string };
  /** Keys that mean nothing here, in order. */
  readonly unknown: readonly string[];
  /** Where each option came from, for errors that show only once all of them are known. */
  readonly places: ReadonlyMap<string, Place>;
}

interface Place {
  readonly key: string;
  readonly line: number;
}

export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

/** Keys that hold a whole number, and the option each one sets. */
const numberKeys: Readonly<Record<string, keyof ServerOptions>> = {
  tickTime: 'tickTime',
  initLimit: 'initLimit',
  syncLimit: 'syncLimit',
  clientPort: 'clientPort',
  maxClientCnxns: 'maxClientCnxns',
  minSessionTimeout: 'minSessionTimeout',
  maxSessionTimeout: 'maxSessionTimeout',
  snapCount: 'snapCount',
  preAllocSize: 'preAllocSize',
  maxCnxns: 'maxCnxns',
  'nio.sessionlessCnxnTimeout': 'sessionlessCnxnTimeout',
  connection_throttle_tokens: 'connectionThrottleTokens',
  connection_throttle_fill_time: 'connectionThrottleFillTime',
  connection_throttle_fill_count: 'connectionThrottleFillCount',
  globalOutstandingLimit: 'globalOutstandingLimit',
  request_throttle_max_requests: 'requestThrottleMaxRequests',
  throttled_op_wait_time: 'throttledOpWaitTime',
  'jute.maxbuffer': 'juteMaxBuffer',
  'znode.container.checkIntervalMs': 'containerCheckIntervalMs',
  'znode.container.maxPerMinute': 'containerMaxPerMinute',
  'znode.container.maxNeverUsedIntervalMs': 'containerMaxNeverUsedMs',
  'autopurge.snapRetainCount': 'snapRetainCount',
  'fsync.warningthresholdms': 'fsyncWarnMs',
  'admin.serverPort': 'adminPort',
  'admin.idleTimeout': 'adminIdleMs',
  'metricsProvider.httpPort': 'metricsPort',
  'zabra.segmentBytes': 'segmentBytes',
  'zabra.batchBytesMax': 'batchBytesMax',
  'zabra.batchTxnsMax': 'batchTxnsMax',
  'zabra.batchesInFlightMax': 'batchesInFlightMax',
  'zabra.bytesInFlightMax': 'bytesInFlightMax',
  'zabra.heartbeatMs': 'heartbeatMs',
  'zabra.peerTimeoutMs': 'peerTimeoutMs',
  'zabra.electionWaitMs': 'electionWaitMs',
  'zabra.leaderlessGraceMs': 'leaderlessGraceMs',
  'zabra.historyBytesMax': 'historyBytesMax',
  'zabra.outstandingBytesMax': 'outstandingBytesMax',
  'zabra.connectionRequestsMax': 'connectionRequestsMax',
  'zabra.connectionBytesInMax': 'connectionBytesInMax',
  'zabra.connectionBytesOutMax': 'connectionBytesOutMax',
  'zabra.sessionWatchesMax': 'sessionWatchesMax',
};

const textKeys: Readonly<Record<string, keyof ServerOptions>> = {
  dataDir: 'dataDir',
  dataLogDir: 'dataLogDir',
  clientPortAddress: 'clientPortAddress',
  'DigestAuthenticationProvider.superDigest': 'superDigest',
  'admin.serverAddress': 'adminAddress',
  'admin.commandURL': 'adminCommandUrl',
  'metricsProvider.httpHost': 'metricsAddress',
};

/** Keys that are true or false. */
const switchKeys: Readonly<Record<string, keyof ServerOptions>> = {
  'metricsProvider.exportJvmInfo': 'metricsOfProcess',
  'readonlymode.enabled': 'readOnlyMode',
  extendedTypesEnabled: 'extendedTypesEnabled',
  enforceQuota: 'enforceQuota',
  reconfigEnabled: 'reconfigEnabled',
};

/**
 * Understood, checked, and needing nothing from us: purging is automatic here, a lone server needs no
 * switch, and requests held back are let go when there is room and forgotten with their connection.
 */
const acceptedKeys: Readonly<Record<string, { form: RegExp; expected: string }>> = {
  'autopurge.purgeInterval': { form: /^-?\d+$/, expected: 'a whole number of hours' },
  request_throttle_stall_time: { form: /^\d+$/, expected: 'a whole number of milliseconds' },
  request_throttle_drop_stale: { form: /^(true|false)$/i, expected: 'true or false' },
  standaloneEnabled: { form: /^(true|false)$/i, expected: 'true or false' },
  electionAlg: { form: /^3$/, expected: '3' },
  'admin.enableServer': { form: /^(true|false)$/i, expected: 'true or false' },
  'metricsProvider.className': { form: /(^|\.)\w+MetricsProvider$/, expected: 'the name of a metrics provider' },
  peerType: { form: /^(participant|observer)$/i, expected: 'participant or observer (the server line decides)' },
};

/** Protection that somebody relies on; its keys must not be passed over with a warning. */
const protections = new Set([
  'sessionRequireClientSASLAuth',
  'enforce.auth.enabled',
  'quorum.auth.enableSasl',
  'quorum.auth.learnerRequireSasl',
  'quorum.auth.serverRequireSasl',
  'sslQuorum',
]);

/** Whether the line asks for a protection that is not there. */
function demands(key: string, value: string): boolean {
  if (key === 'DigestAuthenticationProvider.digestAlg') return !/^sha-?1$/i.test(value);
  return protections.has(key) && /^true$/i.test(value);
}

/** ZooKeeper's own way to say "as usual". */
const meansDefault: Readonly<Record<string, string>> = { minSessionTimeout: '-1', maxSessionTimeout: '-1' };

/** The entry of a key; what every object has by birth (`constructor`) is none. */
function entryOf<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

/**
 * Parses the text of `file`.
 *
 * @throws ConfigError that names file, line, key and what was expected
 */
export function parseZooCfg(text: string, file: string): ZooCfg {
  const values: Record<string, unknown> = {};
  const servers: EnsembleMember[] = [];
  const kept: Record<string, string> = {};
  const unknown = new Set<string>();
  const places = new Map<string, Place>();
  for (const property of readProperties(text)) {
    const { line, value } = property;
    const key = property.key.startsWith('zookeeper.') ? property.key.slice('zookeeper.'.length) : property.key;
    if (meansDefault[key] === value) continue;
    const number = entryOf(numberKeys, key);
    const name = entryOf(textKeys, key);
    const isOn = entryOf(switchKeys, key);
    const accepted = entryOf(acceptedKeys, key);
    const option = number ?? name ?? isOn ?? (key === '4lw.commands.whitelist' ? 'fourLetterWords' : undefined);
    if (option !== undefined) places.set(option, { key: property.key, line });
    if (number !== undefined) {
      values[number] = parseNumber(property, file);
    } else if (name !== undefined) {
      if (value === '') throw malformed(property, file, 'given a value');
      values[name] = value;
    } else if (isOn !== undefined) {
      values[isOn] = parseSwitch(property, file);
    } else if (option !== undefined) {
      values[option] = parseList(value);
    } else if (key.startsWith('server.')) {
      const server = parseServer(property, file);
      if (places.has(`server.${server.id}`)) throw malformed(property, file, 'given once');
      places.set(`server.${server.id}`, { key: property.key, line });
      servers.push(server);
    } else if (accepted !== undefined) {
      const { form, expected } = accepted;
      if (!form.test(value)) throw malformed(property, file, expected);
      kept[key] = value;
    } else if (demands(key, value)) {
      throw malformed(property, file, 'left out: this server cannot do that, and would let everybody in without it');
    } else if (key === 'dynamicConfigFile') {
      throw malformed(property, file, 'replaced by the server lines of that file, which is not read');
    } else {
      unknown.add(property.key);
    }
  }
  const { dataDir } = values;
  if (typeof dataDir !== 'string')
    throw new ConfigError(`${file}: dataDir is missing: name the folder for this server's data.`);
  openPorts(values, kept);
  // ZooKeeper, too, keeps three whatever it is told.
  if (typeof values['snapRetainCount'] === 'number' && values['snapRetainCount'] < 3) values['snapRetainCount'] = 3;
  return { options: { ...(values as Partial<ServerOptions>), dataDir, servers }, unknown: [...unknown], places };
}

/** The AdminServer is there unless it is switched off, the Prometheus endpoint where it is asked for. */
function openPorts(values: Record<string, unknown>, kept: Readonly<Record<string, string>>): void {
  values['adminPort'] = kept['admin.enableServer']?.toLowerCase() === 'false' ? -1 : (values['adminPort'] ?? 8080);
  const provider = kept['metricsProvider.className'];
  if (provider === undefined) return;
  values['metricsPort'] = provider.endsWith('PrometheusMetricsProvider') ? (values['metricsPort'] ?? 7000) : -1;
}

/** Says where in the file an option came from that turned out impossible. */
export function locate(error: OptionError, { places }: ZooCfg, file: string): ConfigError {
  const place = places.get(error.field);
  return new ConfigError(
    place === undefined ? `${file}: ${error.message}` : `${file}:${place.line}: ${place.key} ${error.problem}`,
  );
}

/**
 * Takes the server's own id from the text of its myid file, and its client port from its server line.
 *
 * @throws ConfigError when myid is no number, names no server, or the two client ports disagree
 */
export function applyMyid(config: ZooCfg, myid: string, file: string, myidFile: string): ZooCfg['options'] {
  const { options } = config;
  const servers = options.servers ?? [];
  const id = Number(myid.trim());
  if (!/^\d+$/.test(myid.trim()))
    throw new ConfigError(`${myidFile} must hold this server's number, not "${myid.trim()}".`);
  const own = servers.find((server) => server.id === id);
  if (own === undefined) {
    throw new ConfigError(`${myidFile} says ${id}, but ${file} has no server.${id}: correct one of them.`);
  }
  if (own.clientPort === null) return { ...options, id };
  if (options.clientPort !== undefined && options.clientPort !== own.clientPort) {
    throw new ConfigError(
      `${file}:${config.places.get('clientPort')!.line}: clientPort must be ${own.clientPort} as server.${id} says, ` +
        `not "${options.clientPort}".`,
    );
  }
  return {
    ...options,
    id,
    clientPort: own.clientPort,
    ...(own.clientHost === null ? {} : { clientPortAddress: own.clientHost }),
  };
}

function malformed({ key, value, line }: Property, file: string, expected: string): ConfigError {
  return new ConfigError(`${file}:${line}: ${key} must be ${expected}, not "${value}".`);
}

/** Hexadecimal as well, since ZooKeeper's manual writes jute.maxbuffer so. */
function parseNumber(property: Property, file: string): number {
  if (!/^(-?\d+|0x[0-9a-f]+)$/i.test(property.value)) throw malformed(property, file, 'a whole number');
  return Number(property.value);
}

/** As Java's Boolean.parseBoolean, except that a misspelt `true` is an error and not `false`. */
function parseSwitch(property: Property, file: string): boolean {
  const value = property.value.toLowerCase();
  if (value !== 'true' && value !== 'false') throw malformed(property, file, 'true or false');
  return value === 'true';
}

function parseList(value: string): string[] {
  return value
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

function parseServer(property: Property, file: string): EnsembleMember {
  const { key, value, line } = property;
  const id = Number(/^server\.(\d+)$/.exec(key)?.[1]);
  if (!(id >= 1 && id <= 255)) throw new ConfigError(`${file}:${line}: ${key} must be numbered from 1 to 255.`);
  const member = parseMember(id, value);
  if (member === null) throw malformed(property, file, memberForm);
  return member;
}

/** Java's Properties.load: comments, three separators, continuation lines, escapes. */
function* readProperties(text: string): Iterable<Property> {
  const lines = text.split(/\r\n|\n|\r/);
  for (let index = 0; index < lines.length; index++) {
    const line = index + 1;
    let logical = lines[index]!.trimStart();
    if (logical === '' || logical.startsWith('#') || logical.startsWith('!')) continue;
    while (/(^|[^\\])(\\\\)*\\$/.test(logical) && index + 1 < lines.length) {
      logical = logical.slice(0, -1) + lines[++index]!.trimStart();
    }
    const match = /^((?:\\.|[^=:\s\\])*)\s*[=:]?\s*(.*)$/s.exec(logical)!;
    yield { key: unescape(match[1]!), value: unescape(match[2]!).trim(), line };
  }
}

function unescape(text: string): string {
  const named: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f' };
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, code: string | undefined, char: string) =>
    code === undefined ? (named[char] ?? char) : String.fromCharCode(Number.parseInt(code, 16)),
  );
}
