/**
 * Where we answer otherwise than Apache ZooKeeper 3.8.0 on purpose. The table in README.md is this one
 * in words; whatever differs and is not here is a bug.
 */
import { op } from '../../support/raw-client.ts';
import type { Line } from './side.ts';

interface Intended {
  readonly what: string;
  readonly why: string;
  /** Whether this is what shows in two lines, after these steps; absent: the generator does not draw it. */
  readonly holds?: (theirs: Line, ours: Line, told: string) => boolean;
}

export const intended: readonly Intended[] = [
  {
    what: 'exists needs the permission READ',
    why: 'as in ZooKeeper since 3.8.4 (CVE-2024-23944)',
    holds: (theirs, ours) => ours.request?.op === op.exists && ours.frame?.err === noAuth && theirs.frame?.err === 0,
  },
  {
    what: 'scheme ip knows IPv6',
    why: 'as in ZooKeeper since 3.10',
    holds: (theirs) => theirs.text.includes(' -114') && theirs.text.includes(':ip:::1'),
  },
  {
    what: 'checkWatches looks at the watches of the client that asks',
    why: 'as in ZooKeeper since 3.9; before, anybody’s watch was enough',
    holds: (theirs, ours) => ours.request?.op === op.checkWatches && errors(theirs, ours, 0, noWatcher),
  },
  {
    what: 'removeWatches and checkWatches know the types 4 and 5',
    why: 'as in ZooKeeper since 3.9 (ZOOKEEPER-4466)',
    holds: (theirs, ours) =>
      (errors(theirs, ours, marshalling, noWatcher) || errors(theirs, ours, marshalling, 0)) &&
      (ours.request?.op === op.checkWatches || ours.request?.op === op.removeWatches),
  },
  {
    what: 'watches of several kinds on one path stand beside each other',
    why: 'as in ZooKeeper since 3.9 (ZOOKEEPER-4466); before, the later one took the place of the earlier one',
  },
  {
    what: 'getAllChildrenNumber of the empty path',
    why: 'ZooKeeper counts the root among its own children; its clients do not let the empty path through',
    holds: (theirs, ours) =>
      ours.request?.op === op.getAllChildrenNumber &&
      errors(theirs, ours, 0, 0) &&
      JSON.stringify(ours.request.fields) === '[{"path":""}]',
  },
  {
    what: '/zookeeper/config of an ensemble is written by a txn from the start',
    why: 'in ZooKeeper only reconfig writes it so; before, every server makes its own and its version is 0',
    holds: (theirs, ours) => theirs.text.includes('"/zookeeper/config"') && errors(theirs, ours, 0, 0),
  },
  {
    what: 'limits of a quota that make no sense limit nothing',
    why: 'in ZooKeeper, every write below fails with -5 while its limits do not parse',
  },
  {
    what: 'a reconfig that does not decode takes a zxid',
    why: 'here every request that goes to the leader takes one, so that its answer keeps its place',
    holds: (theirs, ours) => ours.request?.op === op.reconfig && errors(theirs, ours, marshalling, marshalling),
  },
  {
    what: 'a refused multiRead has no body',
    why: 'no other refusal has one, and Java’s client does not look at this one',
    holds: (theirs, ours) => ours.request?.op === op.multiRead && errors(theirs, ours, marshalling, marshalling),
  },
  {
    what: 'a wrong password ends no connection but its own',
    why: 'ZooKeeper closes the connection of a session before it looks at the password of who wants to take it over',
    holds: (theirs, ours) =>
      theirs.text.endsWith('the former connection closed') && ours.text.endsWith('the former connection goes on'),
  },
  {
    what: 'characters beyond U+FFFF come back as they were sent, in UTF-8',
    why: 'ZooKeeper writes each of their two halves by itself (CESU-8), which is not UTF-8',
    holds: (theirs, ours) => /0x(..)*eda0bd/.test(theirs.text) && ours.text.includes('\u{1f600}'),
  },
  {
    what: 'setACL holds for what is sent behind it at once',
    why: 'ZooKeeper checks against the old ACL until the change is applied, even requests of the same session',
  },
  {
    what: 'setWatches tells nothing of nodes that the client may not read',
    why: 'ZooKeeper tells of their changes; nobody else hears of them',
    holds: (theirs, _, told) => {
      const path = /^\w+ event: -1 0 [134] 3 "\/d\d+(.*)"$/.exec(theirs.text)?.[1];
      const isSetting = /setWatches2? [^+]*$/.test(told.slice(told.lastIndexOf('\n')));
      return path !== undefined && isSetting && mayBeHidden(path, told);
    },
  },
];

/** Whether some step gave the node at `path`, which may be a sequential one, an ACL by which not everybody reads it. */
function mayBeHidden(path: string, told: string): boolean {
  const named = new Set([path, path.replace(/\d{10}$/, '')].map((each) => `"@${each}"`));
  return [...told.matchAll(/(?:create\w*|setAcl) ("[^"]*")[^+;)\n]*\[([^\]]*)\]/g)].some(
    ([, at, acl]) => named.has(at!) && !/(?:^|,)\d*[13579]:world:anyone/.test(acl!),
  );
}

const marshalling = -5;
const noAuth = -102;
const noWatcher = -121;

function errors(theirs: Line, ours: Line, inTheirs: number, inOurs: number): boolean {
  return theirs.frame?.err === inTheirs && ours.frame?.err === inOurs;
}

/**
 * The entry that accounts for the difference; null: none does.
 *
 * @param told the steps so far, as text
 */
export function explain(theirs: Line | undefined, ours: Line | undefined, told: string): Intended | null {
  if (theirs === undefined || ours === undefined) return null;
  return intended.find(({ holds }) => holds?.(theirs, ours, told) === true) ?? null;
}
