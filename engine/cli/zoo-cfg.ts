/**
 * Reads an unmodified zoo.cfg: Java properties, with ZooKeeper's keys and our own under `zabra.`.
 *
 * A key we do not know is collected, so that one warning can name them all; a value that cannot be
 * is an error that names file, line, key and what was expected.
 */
import { OptionError, type EnsembleMember, type ServerOptions } from '../server/options.ts';

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
  globalOutstandingLimit: 'globalOutstandingLimit',
  'jute.maxbuffer': 'juteMaxBuffer',
  'autopurge.snapRetainCount': 'snapRetainCount',
  'fsync.warningthresholdms': 'fsyncWarnMs',
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
};

const textKeys: Readonly<Record<string, keyof ServerOptions>> = {
  dataDir: 'dataDir',
  dataLogDir: 'dataLogDir',
  clientPortAddress: 'clientPortAddress',
  'DigestAuthenticationProvider.superDigest': 'superDigest',
};

/** Understood, and needing nothing from us: purging is automatic here, a lone server needs no switch. */
const acceptedKeys = new Set(['autopurge.purgeInterval', 'standaloneEnabled', 'electionAlg']);

/**
 * Parses the text of `file`.
 *
 * @throws ConfigError that names file, line, key and what was expected
 */
export function parseZooCfg(text: string, file: string): ZooCfg {
  const values: Record<string, unknown> = {};
  const servers: EnsembleMember[] = [];
  const unknown: string[] = [];
  for (const property of readProperties(text)) {
    const key = property.key.startsWith('zookeeper.') ? property.key.slice('zookeeper.'.length) : property.key;
    const number = numberKeys[key];
    const name = textKeys[key];
    if (number !== undefined) {
      values[number] = parseNumber(property, file);
    } else if (name !== undefined) {
      values[name] = property.value;
    } else if (key === '4lw.commands.whitelist') {
      values['fourLetterWords'] = property.value
        .split(',')
        .map((word) => word.trim())
        .filter((word) => word !== '');
    } else if (key.startsWith('server.')) {
      servers.push(parseServer(property, file));
    } else if (!acceptedKeys.has(key)) {
      unknown.push(property.key);
    }
  }
  const { dataDir } = values;
  if (typeof dataDir !== 'string')
    throw new ConfigError(`${file}: dataDir is missing: name the folder for this server's data.`);
  if (typeof values['snapRetainCount'] === 'number' && values['snapRetainCount'] < 3) values['snapRetainCount'] = 3;
  return { options: { ...(values as Partial<ServerOptions>), dataDir, servers }, unknown };
}

/** Says where in the file an option came from that turned out impossible. */
export function locate(error: OptionError, file: string): ConfigError {
  return new ConfigError(`${file}: ${error.message}`);
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
      `${file}: clientPort=${options.clientPort} and server.${id} says ${own.clientPort}: remove one of them.`,
    );
  }
  return {
    ...options,
    id,
    clientPort: own.clientPort,
    ...(own.clientHost === null ? {} : { clientPortAddress: own.clientHost }),
  };
}

function parseNumber({ key, value, line }: Property, file: string): number {
  if (!/^-?\d+$/.test(value)) throw new ConfigError(`${file}:${line}: ${key} must be a whole number, not "${value}".`);
  return Number(value);
}

const serverForm = 'host:quorumPort:electionPort[:participant|observer][;[address:]clientPort]';

function parseServer({ key, value, line }: Property, file: string): EnsembleMember {
  const fail = (): never => {
    throw new ConfigError(`${file}:${line}: ${key} must be ${serverForm}, not "${value}".`);
  };
  const id = Number(key.slice('server.'.length));
  if (!Number.isInteger(id) || id < 1 || id > 255) {
    throw new ConfigError(`${file}:${line}: ${key} must be numbered from 1 to 255.`);
  }
  const [address, client, extra] = value.split(';');
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+):(\d+):(\d+)(?::(participant|observer))?$/.exec(address!.trim());
  if (match === null || extra !== undefined) return fail();
  let clientHost: string | null = null;
  let clientPort: number | null = null;
  if (client !== undefined) {
    const parts = /^(?:(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+):)?(\d+)$/.exec(client.trim());
    if (parts === null) return fail();
    clientHost = parts[1] === undefined ? null : bare(parts[1]);
    clientPort = Number(parts[2]);
  }
  const ports = [Number(match[2]), Number(match[3]), clientPort ?? 0];
  if (ports.some((port) => port > 65_535)) return fail();
  return {
    id,
    host: bare(match[1]!),
    quorumPort: ports[0]!,
    electionPort: ports[1]!,
    role: match[4] === 'observer' ? 'observer' : 'participant',
    clientHost,
    clientPort,
  };
}

/** An IPv6 address without its brackets. */
function bare(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host;
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
