/**
 * A connection between a client and a server of one process: the protocol's bytes, and no socket.
 *
 *   client ── write ──► chunks ──► gate.bytes          while the server does not pause
 *          ◄─ received ─ chunks ◄── link.write
 *
 * Both sides are told after the present piece of work, never within a call of theirs, and in order, as
 * with a socket. What differs is gone by itself: nothing lies in a kernel's buffers, so what a client
 * sends too fast waits here, and what a server sends is with the client before the next turn.
 */
import type { ClientGate, GatedLink } from './client-gate.ts';

/** The client's side, as `client/transport.ts` has it. */
export interface InProcessEvents {
  opened(): void;
  received(bytes: Buffer): void;
  closed(reason: Error | null): void;
}

export class InProcessLink implements GatedLink {
  /** It counts and has rights as a client on this machine. */
  readonly address = '127.0.0.1';
  readonly label = '/127.0.0.1:0';
  /** Bytes on their way to the client. */
  backlog = 0;
  readonly #gate: ClientGate;
  readonly #client: InProcessEvents;
  #toServer: Buffer[] = [];
  #toClient: Buffer[] = [];
  #isOpen = false;
  #isPaused = false;
  /** Each side ends its own; the link is over when the other has been told. */
  #serverEnded = false;
  #clientEnded = false;
  #isOver = false;
  #isArmed = false;
  readonly #deliver = (): void => {
    this.#isArmed = false;
    if (this.#isOver || (!this.#isOpen && !this.#open())) return;
    this.#deliverToServer();
    this.#deliverToClient();
    const nothingLeft = this.#toServer.length === 0;
    if (this.#serverEnded || (this.#clientEnded && nothingLeft)) this.#end();
  };

  constructor(gate: ClientGate, client: InProcessEvents) {
    this.#gate = gate;
    this.#client = client;
    this.#arm();
  }

  // ---- the client's side ---------------------------------------------------------------------------

  /** The bytes are the link's from now on. */
  send(bytes: Buffer): void {
    if (this.#clientEnded || this.#serverEnded) return;
    this.#toServer.push(bytes);
    this.#arm();
  }

  /** The client leaves; what it sent still arrives. */
  leave(): void {
    this.#clientEnded = true;
    this.#arm();
  }

  // ---- the server's side ---------------------------------------------------------------------------

  write(bytes: Uint8Array): boolean {
    if (this.#serverEnded || this.#clientEnded) return true;
    this.#toClient.push(Buffer.from(bytes));
    this.backlog += bytes.length;
    this.#arm();
    return true;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#toServer.length > 0 || this.#clientEnded) this.#arm();
  }

  close(): void {
    this.#serverEnded = true;
    this.#toServer = [];
    this.#arm();
  }

  destroy(): void {
    this.close();
  }

  // ---- between them --------------------------------------------------------------------------------

  #arm(): void {
    if (this.#isArmed || this.#isOver) return;
    this.#isArmed = true;
    process.nextTick(this.#deliver);
  }

  #open(): boolean {
    if (this.#clientEnded) {
      this.#isOver = true;
      return false;
    }
    this.#isOpen = this.#gate.open(this);
    if (this.#isOpen) {
      this.#client.opened();
    } else {
      this.#isOver = true;
      this.#client.closed(new Error('the server takes no connection'));
    }
    return this.#isOpen;
  }

  #deliverToServer(): void {
    const chunks = this.#toServer;
    let given = 0;
    while (given < chunks.length && !this.#isPaused && !this.#serverEnded) this.#gate.bytes(this, chunks[given++]!);
    // When the server ends the link, there is a new list.
    chunks.splice(0, given);
  }

  #deliverToClient(): void {
    const chunks = this.#toClient;
    this.#toClient = [];
    this.backlog = 0;
    for (const chunk of chunks) {
      if (this.#clientEnded) return;
      this.#client.received(chunk);
    }
  }

  #end(): void {
    this.#isOver = true;
    this.#gate.closed(this);
    if (!this.#clientEnded) this.#client.closed(null);
  }
}
