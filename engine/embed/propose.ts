/** Proposals to the program's own state machine, as promises. */
import type { Commands } from '../server/commands.ts';

/** Bounds of one proposal. */
export interface ProposeOptions {
  /** Gives it up when aborted. */
  readonly signal?: AbortSignal | undefined;
  /** ms after which it is given up, 0: never. Default 30,000. */
  readonly timeoutMs?: number | undefined;
}

/** A command that did not come back. */
export class ProposalError extends Error {
  override name = 'ProposalError';
  /** `refused`: it was not carried out and never will be. `unknown`: it may have been, or may still be. */
  readonly outcome: 'refused' | 'unknown';

  constructor(outcome: 'refused' | 'unknown', reason: string, cause?: unknown) {
    super(outcome === 'refused' ? `the command was refused: ${reason}.` : `the outcome is unknown: ${reason}.`, {
      cause,
    });
    this.outcome = outcome;
  }
}

/** @throws ProposalError, with the signal's reason as its cause */
export function propose(
  commands: Commands,
  command: Uint8Array | string,
  { signal, timeoutMs = 30_000 }: ProposeOptions,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    if (!(timeoutMs >= 0 && timeoutMs < 2 ** 31)) throw new TypeError(`timeoutMs must not be ${timeoutMs}.`);
    if (signal?.aborted === true) throw new ProposalError('refused', 'it was aborted', signal.reason);
    let timer: NodeJS.Timeout | null = null;
    let isOver = false;
    const abort = (): void => commands.cancel(number, 'it was aborted');
    const number = commands.propose(asBytes(command), (outcome, result, reason) => {
      isOver = true;
      if (timer !== null) clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      if (outcome === 'applied') resolve(result);
      else reject(new ProposalError(outcome, reason, signal?.aborted === true ? signal.reason : undefined));
    });
    if (isOver) return;
    const late = (): void => commands.cancel(number, `it took longer than ${timeoutMs} ms`);
    if (timeoutMs > 0) timer = setTimeout(late, timeoutMs);
    signal?.addEventListener('abort', abort, { once: true });
  });
}

function asBytes(command: Uint8Array | string): Uint8Array {
  return typeof command === 'string' ? Buffer.from(command) : command;
}
