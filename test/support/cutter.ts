/**
 * A connection that breaks at a chosen request: before it leaves, or after the server has carried it out and before
 * its answer comes. The client sees the same in both cases.
 *
 *   client ── request n ──✂                     before
 *   client ── request n ──► server ── reply ──✂  after
 */
import type { Connector } from '../../engine/client/index.ts';
import { tcp } from '../../engine/client/tcp.ts';

const pingXid = -2;

export class Cutter {
  /** Requests so far, without handshakes, pings and the like. */
  requests = 0;
  cuts = 0;
  #at: number;
  readonly #when: 'before' | 'after';

  /** @param at the number of the request, from 1; 0: never */
  constructor(at: number, when: 'before' | 'after') {
    this.#at = at;
    this.#when = when;
  }

  /** Breaks nothing any more. */
  disarm(): void {
    this.#at = 0;
  }

  readonly connector: Connector = (address, events) => {
    let isOver = false;
    let isGreeted = false;
    let awaited: number | null = null;
    let input: Buffer = Buffer.alloc(0);
    const cut = (): void => {
      isOver = true;
      this.cuts++;
      transport.close();
      setImmediate(() => events.closed(new Error('cut')));
    };
    const transport = tcp(address, {
      opened: () => events.opened(),
      received: (bytes) => {
        if (isOver) return;
        if (awaited === null) {
          events.received(bytes);
          return;
        }
        // Whatever comes with the answer is lost as well.
        input = Buffer.concat([input, bytes]);
        for (let at = 0; at + 8 <= input.length; at += 4 + input.readInt32BE(at)) {
          if (input.readInt32BE(at + 4) === awaited) cut();
        }
      },
      closed: (reason) => {
        if (!isOver) events.closed(reason);
      },
    });
    return {
      write: (bytes) => {
        for (let at = 0; at < bytes.length && !isOver;) {
          const end = at + 4 + bytes.readInt32BE(at);
          const xid = isGreeted ? bytes.readInt32BE(at + 4) : pingXid;
          isGreeted = true;
          if (xid > 0 && ++this.requests === this.#at) {
            if (this.#when === 'before') cut();
            else awaited = xid;
          }
          if (!isOver) transport.write(Buffer.from(bytes.subarray(at, end)));
          at = end;
        }
      },
      close: () => {
        isOver = true;
        transport.close();
      },
    };
  };
}
