/**
 * Whose next request has to wait, so that one client's hunger is not everybody's delay.
 *
 *   socket ─► frames ─► [ may it? ] ─► answered here, or on its way to the leader ─► replies ─► socket
 *                          └ no: the socket is not read, what has come stays in its frames
 *
 * In each turn a connection is given a share, and what it wants beyond that comes in the next one,
 * after the others had theirs. Further bounds are on what it has asked and not been answered, and on
 * what it was answered and has not read. Limits over all clients leave one request to each that has
 * none under way, as ZooKeeper's do.
 */
import { opcode } from '../wire/opcodes.ts';
import type { Connection } from './connection.ts';
import type { Forwarding } from './forwarding.ts';
import type { ServerOptions } from './options.ts';
import type { Ports } from './ports.ts';
import type { Refusals, RefusalReason } from './refusals.ts';

const KiB = 1024;

/** What one connection may bring in during a turn, bytes: some thousand small requests, about 2 ms. */
const shareIn = 64 * KiB;
/** And how much in replies it may be written: about 1 ms. */
const shareOut = 256 * KiB;
/** And for how long it may be worked for, ms; and for how long for all that were held. */
const shareMs = 2;
const releaseMs = 10;

export class Throttle {
  readonly #options: ServerOptions;
  readonly #forwarding: Forwarding;
  readonly #refusals: Refusals;
  readonly #ports: Ports;
  #held: Connection[] = [];
  /** The connection that `release` looks at, and whether it is to wait on. */
  #releasing: Connection | null = null;
  #staysHeld = false;
  #turn = 1;

  constructor(options: ServerOptions, forwarding: Forwarding, refusals: Refusals, ports: Ports) {
    this.#options = options;
    this.#forwarding = forwarding;
    this.#refusals = refusals;
    this.#ports = ports;
  }

  /** Bytes of a request were taken in. */
  took(connection: Connection, bytes: number): void {
    if (connection.turn !== this.#turn) {
      connection.turn = this.#turn;
      connection.taken = 0;
      connection.turnAt = this.#ports.clock.now();
    }
    connection.taken += bytes;
  }

  /** True, and the connection is held, when it has to wait before its next request is looked at. */
  mustWait(connection: Connection): boolean {
    if (this.hasEnough(connection)) return true;
    const reason = this.#reason(connection);
    if (reason !== null) this.hold(connection, reason);
    else if (connection.turn === this.#turn && this.#hadItsShare(connection)) this.#holdForShare(connection);
    else return false;
    return true;
  }

  /** Few requests can be a lot of work. */
  #hadItsShare({ taken, turnAt, lastReplyAt }: Connection): boolean {
    return taken >= shareIn || lastReplyAt - turnAt > shareMs;
  }

  /** True, and the connection is held, when it cannot be given another reply at present. */
  hasEnough(connection: Connection): boolean {
    const written = connection.out?.at ?? 0;
    if (connection.busy) this.hold(connection, null);
    else if (written >= shareOut) this.#holdForShare(connection);
    else if (connection.link.backlog + written > this.#options.connectionBytesOutMax)
      this.hold(connection, 'connectionBytesOut');
    else return false;
    return true;
  }

  /** Whether the request now at hand came so long ago that its client is told to slow down. */
  waitedTooLong(connection: Connection, op: number): boolean {
    const { throttledOpWaitTime } = this.#options;
    if (throttledOpWaitTime === 0 || op === opcode.ping || op === opcode.closeSession) return false;
    return this.#ports.clock.now() - connection.heardAt > throttledOpWaitTime;
  }

  /** Whether so much is unread that not even an event can be kept for the client. */
  isDeaf(connection: Connection): boolean {
    const { connectionBytesOutMax } = this.#options;
    const unread = connection.link.backlog + (connection.out?.at ?? 0);
    if (unread <= connectionBytesOutMax) connection.longReply = 0;
    return unread > 2 * connectionBytesOutMax + connection.longReply;
  }

  #reason({ outstanding }: Connection): RefusalReason | null {
    const options = this.#options;
    const forwarding = this.#forwarding;
    if (outstanding.length >= options.connectionRequestsMax) return 'connectionRequests';
    if (outstanding.bytes >= options.connectionBytesInMax) return 'connectionBytesIn';
    const throttle = options.requestThrottleMaxRequests;
    if (throttle > 0 && forwarding.outstanding >= throttle) return 'requestThrottle';
    if (outstanding.length === 0) return null;
    if (forwarding.outstanding >= options.globalOutstandingLimit) return 'outstandingRequests';
    if (forwarding.bytes >= options.outstandingBytesMax) return 'outstandingBytes';
    return null;
  }

  #holdForShare(connection: Connection): void {
    this.hold(connection, null);
    this.#ports.schedule();
  }

  /**
   * Reads no more from the connection until `release` finds that it may go on.
   *
   * @param reason the limit it has reached; null when it waits for something else
   */
  hold(connection: Connection, reason: RefusalReason | null): void {
    if (reason !== null && connection.heldFor !== reason) this.#refusals.note(reason, connection.link.label);
    connection.heldFor = reason;
    if (connection === this.#releasing) {
      this.#staysHeld = true;
    } else if (!connection.paused) {
      connection.paused = true;
      connection.link.pause();
      this.#held.push(connection);
    }
  }

  /** Starts everybody's next share: calls `goOn` for each that is held, which lets it go or holds it anew. */
  release(goOn: (connection: Connection) => void): void {
    this.#turn++;
    if (this.#held.length === 0) return;
    const held = this.#held;
    this.#held = [];
    const until = this.#ports.clock.now() + releaseMs;
    for (const [index, connection] of held.entries()) {
      if (this.#ports.clock.now() > until) {
        // Those left come first in the next turn.
        this.#held = [...held.slice(index), ...this.#held];
        this.#ports.schedule();
        break;
      }
      if (connection.phase === 'closing') continue;
      this.#releasing = connection;
      this.#staysHeld = false;
      goOn(connection);
      if (this.#staysHeld) {
        this.#held.push(connection);
      } else {
        connection.paused = false;
        connection.heldFor = null;
        connection.link.resume();
      }
    }
    this.#releasing = null;
  }
}
