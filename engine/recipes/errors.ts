/** What a recipe can end with, besides the errors of the client and the reason of a signal. */

/** It did not happen in time. Nothing of the attempt is left behind. */
export class WaitTimeoutError extends Error {
  override name = 'WaitTimeoutError';
  readonly timeoutMs: number;

  constructor(what: string, timeoutMs: number) {
    super(`${what}: not within ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}

/** What was held is not held any more, or may not be: someone else may have it. */
export class LostError extends Error {
  override name = 'LostError';
}

/** What a node holds makes no sense to the recipe. */
export class InvalidDataError extends Error {
  override name = 'InvalidDataError';
  readonly path: string;

  constructor(path: string, why: string, options?: ErrorOptions) {
    super(`${path}: ${why}`, options);
    this.path = path;
  }
}
