/**
 * The embedding program's own state machine: its commands on their way, and back to be carried out.
 *
 *   propose ─► forwarding ─► … leader ─► commit ─► apply, on every server ─► result, where it was proposed
 *
 * A command is a txn like any other, opaque to us. Until this server serves, proposals wait here and can
 * still be taken back. From then on they are treated like clients' writes: a leader's death goes unnoticed,
 * and what did not come back is asked again (forwarding.ts). Only when this server ends, or installs a
 * snapshot that may hold the command or not, is an outcome unknown.
 */
import { Buffer } from 'node:buffer';
import { assert } from '../base/assert.ts';
import type { TxnCursor } from '../txn/batch.ts';
import { internalOp } from '../txn/request.ts';
import type { Forwarding } from './forwarding.ts';
import type { ServerOptions } from './options.ts';
import type { Command, Ports } from './ports.ts';

/** `refused`: it was not and never will be carried out; `unknown`: it may have been, or may still be. */
export type ProposalOutcome = 'applied' | 'refused' | 'unknown';

/** Hears once how a proposal ended: what `apply` returned for it, or why there is nothing. */
export type ProposalDone = (outcome: ProposalOutcome, result: unknown, reason: string) => void;

interface Waiting {
  readonly data: Uint8Array;
  readonly done: ProposalDone;
}

const nobody = Buffer.alloc(0);

export class Commands {
  readonly #options: ServerOptions;
  readonly #ports: Ports;
  readonly #forwarding: Forwarding;
  /** By number; what waits has not left, what is sent is with the leader or on its way. */
  readonly #waiting = new Map<number, Waiting>();
  #waitingBytes = 0;
  readonly #sent = new Map<number, ProposalDone>();
  #number: number;
  #serving = false;
  #ended: string | null = null;
  /** Commands of the batch at hand and, for each, its proposal's number when it is ours. */
  readonly #batch: Command[] = [];
  readonly #numbers: (number | null)[] = [];

  constructor(options: ServerOptions, ports: Ports, forwarding: Forwarding) {
    this.#options = options;
    this.#ports = ports;
    this.#forwarding = forwarding;
    // Commands of this server's previous life may still come back: they are not to be taken for ours.
    const start = Buffer.alloc(4);
    ports.random(start);
    this.#number = start.readInt32BE(0);
  }

  /** Returns the proposal's number, for `cancel`. */
  propose(data: Uint8Array, done: ProposalDone): number {
    const number = (this.#number = (this.#number + 1) | 0);
    const refusal = this.#refusal(data.length);
    if (refusal !== null) {
      done('refused', undefined, refusal);
    } else if (this.#serving) {
      this.#send(number, data, done);
    } else {
      this.#waiting.set(number, { data: Buffer.from(data), done });
      this.#waitingBytes += data.length;
    }
    return number;
  }

  /** Nobody waits for it any more; it is taken back if it has not left. */
  cancel(number: number, reason: string): void {
    const waiting = this.#waiting.get(number);
    const sent = this.#sent.get(number);
    if (waiting !== undefined) {
      this.#waiting.delete(number);
      this.#waitingBytes -= waiting.data.length;
      waiting.done('refused', undefined, reason);
    } else if (sent !== undefined) {
      this.#sent.delete(number);
      sent('unknown', undefined, reason);
    }
  }

  #refusal(bytes: number): string | null {
    const { juteMaxBuffer, outstandingBytesMax } = this.#options;
    if (this.#ports.machine === undefined) return 'the server was started without a state machine';
    if (this.#ended !== null) return this.#ended;
    if (bytes > juteMaxBuffer) return `${bytes} bytes are more than juteMaxBuffer (${juteMaxBuffer})`;
    if (this.#waitingBytes + this.#forwarding.bytes + bytes > outstandingBytesMax)
      return `with it more than outstandingBytesMax (${outstandingBytesMax}) would be under way`;
    return null;
  }

  #send(number: number, data: Uint8Array, done: ProposalDone): void {
    this.#sent.set(number, done);
    this.#forwarding.add(internalOp.command, 0, number, nobody, data, 0, data.length);
    this.#ports.schedule();
  }

  // ---- readiness -----------------------------------------------------------------------------------

  serve(): void {
    this.#serving = true;
    for (const [number, { data, done }] of this.#waiting) this.#send(number, data, done);
    this.#waiting.clear();
    this.#waitingBytes = 0;
  }

  suspend(): void {
    this.#serving = false;
  }

  /** A snapshot took the place of the state: whether it holds what is under way cannot be told. */
  forget(): void {
    this.#endSent('a snapshot was installed, which may hold the command or not');
  }

  /** The server ends. */
  end(): void {
    this.#ended = 'the server is closed';
    const waiting = [...this.#waiting.keys()];
    for (const number of waiting) this.cancel(number, this.#ended);
    this.#endSent('the server was closed before the command came back');
  }

  #endSent(reason: string): void {
    const sent = [...this.#sent.values()];
    this.#sent.clear();
    for (const done of sent) done('unknown', undefined, reason);
  }

  /** The leader has no state machine: what was proposed here came back as a refusal. */
  refused(number: number): void {
    const done = this.#sent.get(number);
    this.#sent.delete(number);
    done?.('refused', undefined, 'the leader was started without a state machine');
  }

  // ---- what is committed ---------------------------------------------------------------------------

  /** A command of the present batch; `isOurs`: it was proposed here. */
  take(txn: TxnCursor, isOurs: boolean): void {
    // A copy: the machine may keep it, or write into it.
    const data = Buffer.from(txn.bytes.subarray(txn.bodyStart, txn.bodyEnd));
    this.#batch.push({ zxid: txn.zxid, time: txn.time, data });
    this.#numbers.push(isOurs ? txn.cxid : null);
  }

  /** All txns of the batch were gone through. */
  batchApplied(): void {
    if (this.#batch.length === 0) return;
    const { machine } = this.#ports;
    assert(machine !== undefined, 'an ensemble with a state machine has it on every server');
    const batch = this.#batch.splice(0);
    const numbers = this.#numbers.splice(0);
    const results = machine.apply(batch);
    for (const [index, number] of numbers.entries()) {
      const done = number === null ? undefined : this.#sent.get(number);
      if (done === undefined) continue;
      this.#sent.delete(number!);
      done('applied', results?.[index], '');
    }
  }
}
