/** A connection within a process behaves as one over TCP: the same tests for both. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { tcp } from '../../../engine/client/tcp.ts';
import type { Connector, Transport } from '../../../engine/client/transport.ts';
import { ClientGate, type ClientEvents, type GateOptions } from '../../../engine/io/client-gate.ts';
import { ClientListener } from '../../../engine/io/client-listener.ts';
import { InProcessLink } from '../../../engine/io/in-process.ts';
import type { ClientLink } from '../../../engine/server/ports.ts';
import { until } from '../../support/until.ts';

const silent = { info: () => {}, warn: () => {}, error: () => {} };
const waitMs = 5000;

/** What happened at the server, in words, and the bytes that came. */
class ServerSide implements ClientEvents {
  readonly events: string[] = [];
  readonly links: ClientLink[] = [];
  received = Buffer.alloc(0);
  /** Called with each chunk, after it was noted. */
  onBytes: (link: ClientLink, chunk: Buffer) => void = () => {};

  opened(link: ClientLink): void {
    this.links.push(link);
    this.events.push('opened');
  }

  bytes(link: ClientLink, chunk: Buffer): void {
    this.received = Buffer.concat([this.received, chunk]);
    this.onBytes(link, chunk);
  }

  closed(): void {
    this.events.push('closed');
  }

  refused(reason: string): void {
    this.events.push(reason);
  }
}

class ClientSide {
  readonly events: string[] = [];
  readonly transport: Transport;
  received = Buffer.alloc(0);
  #isCalling = true;

  constructor(connector: Connector, port: number) {
    this.transport = connector(
      { host: '127.0.0.1', port },
      {
        opened: () => this.#note('opened'),
        received: (bytes) => {
          assert.ok(!this.#isCalling);
          this.received = Buffer.concat([this.received, bytes]);
        },
        closed: () => this.#note('closed'),
      },
    );
    this.#isCalling = false;
  }

  write(bytes: Buffer): void {
    this.#isCalling = true;
    this.transport.write(bytes);
    this.#isCalling = false;
  }

  #note(event: string): void {
    assert.ok(!this.#isCalling, 'no event comes within a call');
    this.events.push(event);
  }

  async is(event: string): Promise<void> {
    await until(`client: ${event}`, waitMs, () => this.events.includes(event));
  }
}

/** Bytes that tell where they belong. */
function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeInt32BE(at, at);
  return bytes;
}

for (const carrier of ['TCP', 'in-process'] as const)
  describe(carrier, () => {
    let server: ServerSide;
    let gate: ClientGate;
    let listener: ClientListener;
    let connector: Connector;
    let port: number;

    async function start(limits: Partial<GateOptions> = {}): Promise<void> {
      gate = new ClientGate({ connectionsPerAddressMax: 0, connectionsMax: 0, ...limits }, server);
      listener = new ClientListener({ host: '127.0.0.1', port: 0, journal: silent }, gate);
      await listener.listen();
      ({ port } = listener);
      connector =
        carrier === 'TCP'
          ? tcp
          : (_address, events) => {
              const link = new InProcessLink(gate, events);
              return { write: (bytes) => link.send(bytes), close: () => link.leave() };
            };
    }

    const dial = (): ClientSide => new ClientSide(connector, port);

    beforeEach(() => {
      server = new ServerSide();
    });
    afterEach(() => Promise.all([listener.close(), gate.close()]));

    test('bytes arrive in order, both ways', async () => {
      await start();
      server.onBytes = (link, chunk) => void link.write(Buffer.from(chunk));
      const client = dial();
      await client.is('opened');
      assert.equal(server.links[0]!.address, '127.0.0.1');
      const bytes = pattern(1_000_000);
      for (let at = 0; at < bytes.length; at += 60_000) client.write(bytes.subarray(at, at + 60_000));
      await until('the echo', waitMs, () => client.received.length === bytes.length);
      assert.ok(client.received.equals(bytes));
      client.transport.close();
      await until('the end', waitMs, () => server.events.includes('closed'));
      assert.deepEqual([server.events, client.events], [['opened', 'closed'], ['opened']]);
    });

    test('what the server wrote before it closes arrives, and its buffer may be used again', async () => {
      await start();
      const bytes = pattern(200_000);
      server.onBytes = (link) => {
        const own = Buffer.from(bytes);
        if (link.write(own)) own.fill(0xff);
        link.close();
      };
      const client = dial();
      await client.is('opened');
      client.write(Buffer.from('x'));
      await client.is('closed');
      assert.ok(client.received.equals(bytes));
      await until('the end', waitMs, () => server.events.includes('closed'));
      client.write(Buffer.from('after the end'));
    });

    test('what the client wrote before it closes arrives', async () => {
      await start();
      const client = dial();
      await client.is('opened');
      const bytes = pattern(200_000);
      client.write(bytes);
      client.transport.close();
      await until('the end', waitMs, () => server.events.includes('closed'));
      assert.ok(server.received.equals(bytes));
      assert.deepEqual(client.events, ['opened']);
    });

    test('a server that pauses is sent nothing, and everything once it goes on', async () => {
      await start();
      server.onBytes = (link) => link.pause();
      const client = dial();
      await client.is('opened');
      const bytes = pattern(3_000_000);
      for (let at = 0; at < bytes.length; at += 50_000) client.write(bytes.subarray(at, at + 50_000));
      await until('the first bytes', waitMs, () => server.received.length > 0);
      const first = server.received.length;
      // The other way stays open, and what comes back shows that time has passed.
      server.links[0]!.write(Buffer.from('go on'));
      await until('an answer', waitMs, () => client.received.length === 5);
      assert.equal(server.received.length, first);
      assert.ok(first < bytes.length);
      server.onBytes = () => {};
      server.links[0]!.resume();
      await until('the rest', waitMs, () => server.received.length === bytes.length);
      assert.ok(server.received.equals(bytes));
    });

    test('a client that leaves a server that pauses is missed once it goes on', async () => {
      await start();
      server.onBytes = (link) => link.pause();
      const client = dial();
      await client.is('opened');
      client.write(Buffer.from('first'));
      await until('the first bytes', waitMs, () => server.received.length > 0);
      client.write(Buffer.from(' last'));
      client.transport.close();
      server.onBytes = () => {};
      server.links[0]!.resume();
      await until('the end', waitMs, () => server.events.includes('closed'));
      assert.equal(server.received.toString(), 'first last');
    });

    test('connections above a limit are ended, and counted', async () => {
      for (const limits of [{ connectionsPerAddressMax: 2 }, { connectionsMax: 2 }]) {
        server = new ServerSide();
        await start(limits);
        const clients = [dial(), dial()];
        await Promise.all(clients.map((client) => client.is('opened')));
        await until('both', waitMs, () => server.events.length === 2);
        const third = dial();
        await third.is('closed');
        const reason = 'connectionsMax' in limits ? 'connections' : 'connectionsOfAddress';
        assert.deepEqual(server.events, ['opened', 'opened', reason]);
        clients[0]!.transport.close();
        await until('room', waitMs, () => server.events.includes('closed'));
        const fourth = dial();
        await fourth.is('opened');
        await until('a fourth', waitMs, () => server.links.length === 3);
        assert.ok(!fourth.events.includes('closed'));
        await Promise.all([listener.close(), gate.close()]);
      }
    });

    test('the end of the server ends all connections, and lets nobody in', async () => {
      await start();
      const clients = [dial(), dial()];
      await Promise.all(clients.map((client) => client.is('opened')));
      await until('both', waitMs, () => server.links.length === 2);
      await Promise.all([listener.close(), gate.close()]);
      assert.equal(server.events.filter((event) => event === 'closed').length, 2);
      await Promise.all(clients.map((client) => client.is('closed')));
      const late = dial();
      await late.is('closed');
      assert.equal(server.links.length, 2);
    });
  });
