/** What the clients of one sequence do, step by step. */
import { describe, type Request } from './request.ts';

/** A connect request; what is left out is as any client sends it. */
export interface Greeting {
  readonly protocol?: number;
  readonly since?: 'start' | 'seen' | 'never';
  readonly timeoutMs?: number;
  /** Its own session is asked for unless this says otherwise. */
  readonly session?: 'none' | 'unknown' | 'negative';
  readonly password?: 'right' | 'wrong' | 'null' | 'short' | 'long';
  /** Bytes after the password: 0 for clients before 3.4, 1 for the others. */
  readonly tail?: readonly number[];
  /** Only so many bytes of it. */
  readonly cut?: number;
}

/** A step goes to a connection by its name; one that is not open opens first, with its session if it has one. */
export type Step = { readonly who: string } & (
  | { readonly kind: 'requests'; readonly requests: readonly Request[] }
  /** The TCP connection ends without a word. */
  | { readonly kind: 'drop' }
  /** Another connection for the same session, while the first may still be open. */
  | { readonly kind: 'connect'; readonly greeting: Greeting }
  /** Bytes that are no request. */
  | { readonly kind: 'bytes'; readonly hex: string }
);

export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'requests':
      return `${step.who}: ${step.requests.map(describe).join(' + ')}`;
    case 'drop':
      return `${step.who} drops its connection`;
    case 'connect':
      return `${step.who} connects ${JSON.stringify(step.greeting)}`;
    case 'bytes':
      return `${step.who} sends 0x${step.hex}`;
  }
}

export function describeSteps(steps: readonly Step[]): string {
  return steps.map((step) => `  ${describeStep(step)}`).join('\n');
}
