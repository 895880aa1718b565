/**
 * The servers of an ensemble as text: `server.N` lines of zoo.cfg, of reconfig and of /zookeeper/config.
 *
 *   server.1=host:2888:3888:participant;0.0.0.0:2181
 *   version=100000003                                      zxid of the change, in hexadecimal; /zookeeper/config alone
 */

/** One `server.N` line. */
export interface EnsembleMember {
  /** 1..255, unique. */
  readonly id: number;
  readonly host: string;
  /** All traffic between servers; ZooKeeper's separate election port is accepted and not used. */
  readonly quorumPort: number;
  readonly electionPort: number;
  readonly role: 'participant' | 'observer';
  /** Where its clients connect, when the line says so; null otherwise. */
  readonly clientHost: string | null;
  readonly clientPort: number | null;
}

/** What a server line looks like, for those who got it wrong. */
export const memberForm = 'host:quorumPort:electionPort[:participant|observer][;[address:]clientPort]';

const host = String.raw`(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+)`;
const serverPattern = new RegExp(`^${host}:(\\d+):(\\d+)(?::(participant|observer))?$`);
const clientPattern = new RegExp(`^(?:${host}:)?(\\d+)$`);
const versionLine = /^version=([0-9a-f]+)$/m;
const portMax = 65_535;

/** The server that `text` (what follows `server.N=`) describes, null when it describes none. */
export function parseMember(id: number, text: string): EnsembleMember | null {
  const [server, client, extra] = text.split(';');
  const match = serverPattern.exec(server!.trim());
  const clientMatch = client === undefined ? null : clientPattern.exec(client.trim());
  if (match === null || extra !== undefined || (client !== undefined && clientMatch === null)) return null;
  const member: EnsembleMember = {
    id,
    host: bare(match[1]!),
    quorumPort: Number(match[2]),
    electionPort: Number(match[3]),
    role: match[4] === 'observer' ? 'observer' : 'participant',
    clientHost: clientMatch?.[1] === undefined ? null : bare(clientMatch[1]),
    clientPort: clientMatch === null ? null : Number(clientMatch[2]),
  };
  const ports = [member.quorumPort, member.electionPort, member.clientPort ?? 0];
  return ports.some((port) => port > portMax) || member.quorumPort === 0 ? null : member;
}

export function memberText(member: EnsembleMember): string {
  const { id, quorumPort, electionPort, role, clientHost, clientPort } = member;
  const client = clientPort === null ? '' : `;${delimited(clientHost ?? '0.0.0.0')}:${clientPort}`;
  return `server.${id}=${delimited(member.host)}:${quorumPort}:${electionPort}:${role}${client}`;
}

/** The data of /zookeeper/config but for its last line, the version. */
export function membershipText(members: readonly EnsembleMember[]): string {
  return members
    .toSorted((a, b) => a.id - b.id)
    .map((member) => `${memberText(member)}\n`)
    .join('');
}

export function versionText(zxid: number): string {
  return `version=${zxid.toString(16)}`;
}

/** The data of /zookeeper/config taken apart; version 0 when it has none. */
export function splitMembership(text: string): { readonly servers: string; readonly version: number } {
  const match = versionLine.exec(text);
  if (match === null) return { servers: text, version: 0 };
  return { servers: text.slice(0, match.index), version: Number.parseInt(match[1]!, 16) };
}

/** `server.N=…` for each server, separated by commas or lines (reconfig); null when one makes no sense. */
export function parseMembers(text: string): EnsembleMember[] | null {
  const members: EnsembleMember[] = [];
  for (const line of text.split(/[,\n]/).map((part) => part.trim())) {
    if (line === '') continue;
    const match = /^server\.(\d+)=([^=]*)$/.exec(line);
    const member = match === null ? null : parseMember(Number(match[1]), match[2]!);
    if (member === null) return null;
    members.push(member);
  }
  return members;
}

/** An IPv6 address without its brackets. */
function bare(text: string): string {
  return text.startsWith('[') ? text.slice(1, -1) : text;
}

function delimited(text: string): string {
  return text.includes(':') ? `[${text}]` : text;
}
