/**
 * reconfig: a client asks for other servers in the ensemble.
 *
 * Everything that may be wrong with the request is looked at here, in ZooKeeper's order. What is right
 * is refused as well, with -6: servers take no other configuration while they run, so far.
 */
import type { Reader } from '../base/bytes.ts';
import { errorCode, type ErrorCode } from '../wire/errors.ts';
import { parseMembers, splitMembership, type EnsembleMember } from '../wire/members.ts';

export interface ReconfigRules {
  readonly reconfigEnabled: boolean;
  /** Empty: a server alone. */
  readonly servers: readonly EnsembleMember[];
}

export const configPath = '/zookeeper/config';
/** An ensemble that may be made of another one has at least so many voters. */
const votersMin = 2;

/** What is wrong with the request under the reader but for the client's rights; ok when nothing is. */
export function checkReconfig(reader: Reader, config: string, rules: ReconfigRules): ErrorCode {
  const joining = reader.stringOrNull();
  const leaving = reader.stringOrNull();
  const members = reader.stringOrNull();
  const version = reader.i64();
  if (reader.bad) return errorCode.marshalling;
  if (!rules.reconfigEnabled) return errorCode.reconfigDisabled;
  if (rules.servers.length === 0) return errorCode.unimplemented;
  if (version !== -1 && version !== splitMembership(config).version) return errorCode.badVersion;
  const next = members === null ? changed(rules.servers, joining ?? '', leaving ?? '') : parseMembers(members);
  if (next === null) return errorCode.badArguments;
  const voters = next.filter((member) => member.role === 'participant');
  return voters.length < votersMin ? errorCode.badArguments : errorCode.ok;
}

/** The servers without those that leave and with those that join; null when that makes no sense. */
function changed(servers: readonly EnsembleMember[], joining: string, leaving: string): EnsembleMember[] | null {
  const ids = leaving
    .split(',')
    .filter((id) => id.trim() !== '')
    .map(Number);
  const joiners = parseMembers(joining);
  if (joiners === null || ids.some(Number.isNaN) || joiners.some((member) => member.clientPort === null)) return null;
  const gone = new Set([...ids, ...joiners.map((member) => member.id)]);
  return [...servers.filter((member) => !gone.has(member.id)), ...joiners];
}
