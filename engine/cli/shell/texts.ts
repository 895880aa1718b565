/** Values and errors worded as ZooKeeper's zkCli does, and as JSON. */
import { zxidText } from '../../base/zxid.ts';
import {
  permission,
  KeeperError,
  type Acl,
  type Stat,
  type WatchEvent,
  type WatchEventType,
} from '../../client/index.ts';
import { permissionsText } from '../print.ts';

/** As Java prints a date: `Wed Nov 25 03:50:26 UTC 2026`. */
export function dateText(ms: number): string {
  const date = new Date(ms);
  const [day, month, number, year, time] = date.toString().split(' ');
  const zone = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' })
    .formatToParts(date)
    .find(({ type }) => type === 'timeZoneName')!.value;
  return `${day} ${month} ${number} ${time} ${zone} ${year}`;
}

export function statLines(stat: Stat): string[] {
  return [
    `cZxid = ${zxidText(stat.czxid)}`,
    `ctime = ${dateText(stat.ctime)}`,
    `mZxid = ${zxidText(stat.mzxid)}`,
    `mtime = ${dateText(stat.mtime)}`,
    `pZxid = ${zxidText(stat.pzxid)}`,
    `cversion = ${stat.cversion}`,
    `dataVersion = ${stat.version}`,
    `aclVersion = ${stat.aversion}`,
    `ephemeralOwner = ${stat.ephemeralOwner}`,
    `dataLength = ${stat.dataLength}`,
    `numChildren = ${stat.numChildren}`,
  ];
}

/** Zxids as everywhere, times in ISO 8601. */
export function statJson(stat: Stat): Record<string, unknown> {
  return {
    ...stat,
    czxid: zxidText(stat.czxid),
    mzxid: zxidText(stat.mzxid),
    pzxid: zxidText(stat.pzxid),
    ctime: new Date(stat.ctime).toISOString(),
    mtime: new Date(stat.mtime).toISOString(),
  };
}

export function aclLines(acl: readonly Acl[]): string[] {
  return acl.flatMap(({ scheme, id, permissions }) => [`'${scheme},'${id}`, `: ${permissionsText(permissions)}`]);
}

const letters: Readonly<Record<string, number>> = {
  c: permission.create,
  d: permission.delete,
  r: permission.read,
  w: permission.write,
  a: permission.admin,
};

/** Reads `scheme:id:perms,scheme:id:perms`; an id may have colons. Null when it is none. */
export function parseAcl(text: string): Acl[] | null {
  const acl: Acl[] = [];
  for (const part of text.split(',')) {
    const [, scheme, id, perms] = /^([^:]+):(.*):([cdrwa]+)$/.exec(part) ?? [];
    if (scheme === undefined) return null;
    const permissions = [...perms!].reduce((sum, letter) => sum | letters[letter]!, 0);
    acl.push({ scheme, id: id!, permissions });
  }
  return acl;
}

export function listText(items: readonly string[]): string {
  return `[${items.join(', ')}]`;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** ZooKeeper's name of an event. */
export function eventName(type: WatchEventType): string {
  return capital(type);
}

export function eventText({ type, path }: WatchEvent): string {
  return `\nWATCHER::\n\nWatchedEvent state:SyncConnected type:${eventName(type)} path:${path}`;
}

/** What zkCli says of each error; `…` is the path. */
const sentences: Partial<Record<KeeperError['code'], string>> = {
  noNode: 'Node does not exist: …',
  noChildrenForEphemerals: 'Ephemerals cannot have children: …',
  nodeExists: 'Node already exists: …',
  notEmpty: 'Node not empty: …',
  notReadOnly: 'Not a read-only call: …',
  invalidAcl: 'Acl is not valid : …',
  noAuth: 'Insufficient permission : …',
  badArguments: 'Arguments are not valid : …',
  badVersion: 'version No is not valid : …',
  quotaExceeded: 'Quota has exceeded : …',
  noWatcher: 'KeeperErrorCode = No such watcher for …',
  sessionExpired: 'KeeperErrorCode = Session expired for …',
};

export function errorText(error: KeeperError): string {
  const { code, path, message } = error;
  if (path !== null && !path.startsWith('/')) return 'Path must start with / character';
  const sentence = sentences[code];
  if (sentence !== undefined && path !== null) return sentence.replace('…', path);
  // Of its own errors the client knows more than their code.
  if (error.constructor !== KeeperError) return message;
  return `KeeperErrorCode = ${capital(code)}${path === null ? '' : ` for ${path}`}`;
}
