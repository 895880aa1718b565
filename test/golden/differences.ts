/** Where we do not answer as ZooKeeper 3.8.0 did, and why. */
import type { Transcripts } from './scenarios/index.ts';

/** Single lines. Where later releases do better than 3.8.0, we follow them. */
const later: Transcripts = {
  // 3.8.4 (CVE-2024-23944): exists needs READ like any other read.
  'exists without the right to read': ['a exists /unreadable: -102 +1', 'a exists /unreadable !: -102 +1'],
  // 3.10: scheme ip knows IPv6.
  'addresses of IPv6': ['a create /six/one 0: 0 +2 "/six/one"', 'a create /six/bits 0: 0 +3 "/six/bits"'],
  // 3.9: checkWatches looks at the watches of the client that asks.
  'watches of somebody else': ['b checkWatches /elsewhere 2: -121 +1'],
  // No error reply has a body; Java's clients do not look at this one.
  'multiRead refused': ['a multiRead writes: -5 +1', 'a multiRead check: -5 +1'],
};

/**
 * 3.9 again (ZOOKEEPER-4466): watches of all kinds on one path stand beside each other, where in 3.8 the
 * later one took the place of the earlier one, and those that last are removed by types of their own.
 */
const watchesBesideEachOther: Transcripts = {
  'a watch that fires once beside one that stays': [
    'a connect: 37 bytes: 0 10000 session-a password of 16 secret readOnly 00',
    'a create /beside 0: 0 +1 "/beside"',
    'a addWatch /beside 0: 0 +1 0',
    'a getData /beside !: 0 +1 "" {c A+1 m A+1 tt v0 c0 a0 owner 0 data 0 children 0 p A+1}',
    'a event: -1 0 3 3 "/beside"',
    'a setData /beside -1: 0 +2 {c A+1 m A+2 tt v1 c0 a0 owner 0 data 1 children 0 p A+1}',
    'a event: -1 0 3 3 "/beside"',
    'a setData /beside -1: 0 +3 {c A+1 m A+3 tt v2 c0 a0 owner 0 data 1 children 0 p A+1}',
    'a addWatch /beside 1: 0 +3 0',
    'a event: -1 0 3 3 "/beside"',
    'a setData /beside -1: 0 +4 {c A+1 m A+4 tt v3 c0 a0 owner 0 data 1 children 0 p A+1}',
    'a event: -1 0 1 3 "/beside/kid"',
    'a event: -1 0 4 3 "/beside"',
    'a create /beside/kid 0: 0 +5 "/beside/kid"',
    'a ping: 0 +5',
  ],
  'removing lasting watches by their type': [
    'a connect: 37 bytes: 0 10000 session-a password of 16 secret readOnly 00',
    'a create /bytype 0: 0 +1 "/bytype"',
    'a checkWatches /bytype 4: -121 +1',
    'a removeWatches /bytype 4: -121 +1',
    'a checkWatches /bytype 5: -121 +1',
    'a removeWatches /bytype 5: -121 +1',
    'a addWatch /bytype 0: 0 +1 0',
    'a checkWatches /bytype 2: -121 +1',
    'a removeWatches /bytype 2: -121 +1',
    'a checkWatches /bytype 1: -121 +1',
    'a removeWatches /bytype 1: -121 +1',
    'a checkWatches /bytype 5: -121 +1',
    'a removeWatches /bytype 5: -121 +1',
    'a checkWatches /bytype 4: 0 +1',
    'a event: -1 0 3 3 "/bytype"',
    'a setData /bytype -1: 0 +2 {c A+1 m A+2 tt v1 c0 a0 owner 0 data 1 children 0 p A+1}',
    'a removeWatches /bytype 4: 0 +2',
    'a setData /bytype -1: 0 +3 {c A+1 m A+3 tt v2 c0 a0 owner 0 data 1 children 0 p A+1}',
    'a addWatch /bytype 1: 0 +3 0',
    'a getData /bytype !: 0 +3 "2" {c A+1 m A+3 tt v2 c0 a0 owner 0 data 1 children 0 p A+1}',
    'a removeWatches /bytype 5: 0 +3',
    'a event: -1 0 3 3 "/bytype"',
    'a setData /bytype -1: 0 +4 {c A+1 m A+4 tt v3 c0 a0 owner 0 data 1 children 0 p A+1}',
    'a setData /bytype -1: 0 +5 {c A+1 m A+5 tt v4 c0 a0 owner 0 data 1 children 0 p A+1}',
    'a ping: 0 +5',
  ],
};

/** What to expect: the captured lines, with those about the same requests replaced. */
export function expectedOf(captured: Transcripts, name: string): readonly string[] {
  if (watchesBesideEachOther[name] !== undefined) return watchesBesideEachOther[name];
  const request = (line: string): string => line.slice(0, line.indexOf(': '));
  const replacements = later[name] ?? [];
  return captured[name]!.map((line) => replacements.find((other) => request(other) === request(line)) ?? line);
}
