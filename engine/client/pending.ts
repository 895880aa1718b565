/**
 * Calls that wait for their reply: encoded in order, answered in order, each with a deadline.
 *
 * While there is a connection all of them are sent; while there is none, none is, and each keeps its
 * bytes, so that one that is given up in time never leaves.
 */
import { Writer } from '../base/bytes.ts';
import type { Reader } from '../base/bytes.ts';
import { errorCode } from '../wire/errors.ts';
import { isWriteOp, opcode } from '../wire/opcodes.ts';
import { ConnectionLossError, errorOf, OperationTimeoutError, type KeeperError } from './errors.ts';
import { RequestRing, type Request } from './request.ts';

const xidMax = 0x7fffffff;

export class Pending {
  /** No deadline is earlier. */
  earliestDeadline = Infinity;
  /** When the newest write was made that was carried out. */
  confirmedAt = -Infinity;
  readonly #ring = new RequestRing();
  readonly #scratch = new Writer(1024);
  #xid = 0;

  /** Appends the request's frame to `out`; null: to keep until there is a connection. */
  add(request: Request, encode: (out: Writer) => void, out: Writer | null): void {
    request.xid = this.#xid = this.#xid === xidMax ? 1 : this.#xid + 1;
    if (out === null) {
      this.#scratch.clear();
      writeFrame(request, encode, this.#scratch);
      request.frame = this.#scratch.copy();
      // Who gave up waiting for a connection takes no room.
      while (this.#ring.length > 0 && this.#ring.at(0).isSettled) this.#ring.shift();
    } else {
      writeFrame(request, encode, out);
    }
    this.#ring.push(request);
    if (request.deadline < this.earliestDeadline) this.earliestDeadline = request.deadline;
  }

  /** Appends the frames of all that wait, now that there is a connection. */
  writeAll(out: Writer): void {
    for (let left = this.#ring.length; left > 0; left--) {
      const request = this.#ring.shift()!;
      if (request.isSettled) continue;
      out.raw(request.frame!);
      request.frame = null;
      this.#ring.push(request);
    }
  }

  /** Settles the request that a reply is for; returns what is wrong with the reply, or null. */
  reply(xid: number, code: number, body: Reader): string | null {
    const request = this.#ring.shift();
    if (request === null || request.xid !== xid) {
      request?.reject(lossOf(request));
      return `a reply to ${xid} came while ${request?.xid ?? 'nothing'} was next`;
    }
    if (code === 0 && isWriteOp(request.op)) this.confirmedAt = request.madeAt;
    if (request.isSettled) {
      if (code === 0) request.onLate?.();
      return null;
    }
    if (code !== 0 && !(code === errorCode.noNode && request.op === opcode.exists)) {
      request.reject(errorOf(code, request.path));
      return null;
    }
    try {
      const value = request.decode(body, code);
      if (!body.bad) {
        request.resolve(value);
        return null;
      }
    } catch (error) {
      request.reject(error);
      return null;
    }
    request.reject(lossOf(request));
    return `the reply to operation ${request.op} is malformed`;
  }

  rejectLate(now: number): void {
    this.earliestDeadline = Infinity;
    for (let i = 0; i < this.#ring.length; i++) {
      const request = this.#ring.at(i);
      if (request.isSettled) continue;
      if (request.deadline <= now) request.reject(new OperationTimeoutError(request.path, request.frame === null));
      else if (request.deadline < this.earliestDeadline) this.earliestDeadline = request.deadline;
    }
  }

  /** The connection was lost. */
  rejectLost(): void {
    this.rejectAll(lossOf);
  }

  rejectAll(errorFor: (request: Request) => KeeperError): void {
    for (let request = this.#ring.shift(); request !== null; request = this.#ring.shift())
      request.reject(errorFor(request));
    this.earliestDeadline = Infinity;
  }
}

function writeFrame(request: Request, encode: (out: Writer) => void, out: Writer): void {
  const at = out.at;
  try {
    out.i32(0);
    out.i32(request.xid);
    out.i32(request.op);
    encode(out);
  } catch (error) {
    // Nothing of a call that cannot be encoded may leave.
    out.at = at;
    throw error;
  }
  out.setI32(at, out.at - at - 4);
}

function lossOf(request: Request): ConnectionLossError {
  const what = request.path === null ? 'the request' : `the request about ${request.path}`;
  return new ConnectionLossError(
    request.path,
    `the connection was lost before the reply came: whether ${what} was carried out is unknown`,
  );
}
