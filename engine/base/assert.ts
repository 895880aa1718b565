/**
 * Assertions stay on in production.
 *
 * The claim is a constant string and the details are numbers, so a passing assertion allocates
 * nothing. A failing one is our own bug: nothing catches it, the process dumps and ends.
 */
export class AssertionFailed extends Error {
  constructor(claim: string, a: number | undefined, b: number | undefined) {
    const details = [a, b].filter((value) => value !== undefined).join(', ');
    super(details === '' ? `assertion failed: ${claim}` : `assertion failed: ${claim} (${details})`);
    this.name = 'AssertionFailed';
  }
}

export function assert(holds: boolean, claim: string, a?: number, b?: number): asserts holds {
  if (!holds) throw new AssertionFailed(claim, a, b);
}

/** Ends a switch over a union: a value that reaches it is a case nobody wrote. */
export function unreachable(value: never): never {
  throw new AssertionFailed(`unexpected case ${JSON.stringify(value)}`, undefined, undefined);
}
