/**
 * Names of nodes that stand in a line, as Curator and kazoo choose them; in a folder there may be both.
 *
 *   Curator   _c_2f1c…-lock-0000000007       who reads it: Curator; kazoo with extra_lock_patterns=['-lock-']
 *   kazoo     9ab0…__lock__0000000007        who reads it: kazoo
 */

/** Whose names to give to own nodes, so that those others see them; both are understood. Default `curator`. */
export type Naming = 'curator' | 'kazoo';

export interface Contender {
  readonly name: string;
  /** What it wants: `lock`, … */
  readonly role: Role;
}

export type Role = 'lock' | 'read' | 'write' | 'latch' | 'lease';

const markers: Readonly<Record<Role, Readonly<Record<Naming, string>>>> = {
  lock: { curator: '-lock-', kazoo: '__lock__' },
  read: { curator: '-__READ__', kazoo: '__rlock__' },
  // A writer of kazoo's is named as one who wants a plain lock.
  write: { curator: '-__WRIT__', kazoo: '__lock__' },
  latch: { curator: '-latch-', kazoo: '__lock__' },
  lease: { curator: '-lease-', kazoo: '__lease__' },
};
const roles = new Map<string, Role>(
  (Object.keys(markers) as Role[])
    .toReversed()
    .flatMap((role) => Object.values(markers[role]).map((marker) => [marker, role])),
);
/** The number is that of the folder's changes; after 2^31 of them it goes on below zero. */
const pattern = new RegExp(`(${[...roles.keys()].join('|')})(-?\\d{9,10})$`);

/** The name of a node that will get a number behind it, and that nobody else gives. */
export function prefixOf(uuid: string, role: Role, naming: Naming): string {
  const marker = markers[role][naming];
  return naming === 'curator' ? `_c_${uuid}${marker}` : `${uuid.replaceAll('-', '')}${marker}`;
}

/** The children that stand in a line, the first one first. */
export function lineOf(children: readonly string[]): Contender[] {
  const line: (Contender & { readonly number: number })[] = [];
  for (const name of children) {
    const [, marker, digits] = pattern.exec(name) ?? [];
    if (marker !== undefined) line.push({ name, role: roles.get(marker)!, number: Number(digits) });
  }
  // As a difference of 32 bits: the order goes on when the number has passed its largest.
  return line.sort((a, b) => (a.number - b.number) | 0);
}
