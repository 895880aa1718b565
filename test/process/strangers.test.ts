/**
 * Who is not a server of this ensemble gets no link, and nonsense on a link ends that link alone.
 *
 * Servers 1 and 2 of three run; everybody here tries to be server 3, or something stranger.
 */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { frame, hello, type Hello } from '../support/frames.ts';
import { RawClient } from '../support/raw-client.ts';
import { ProcessEnsemble, word, type ServerProcess } from '../support/server-process.ts';

const helloBytes = 32;
/** A stranger is gone after this, ms: the server itself allows 3000 for a hello. */
const goneMs = 8000;

let ensemble: ProcessEnsemble;
let target: ServerProcess;
let client: RawClient;
let epoch = '';

before(async () => {
  ensemble = await ProcessEnsemble.start(3);
  const [first, second, third] = ensemble.servers;
  await ensemble.serving();
  await third!.kill();
  await Promise.all([first!.serving(), second!.serving()]);
  target = first!;
  client = await RawClient.connect(target.clientPort);
  assert.equal((await client.create('/kept', '0'))?.err, 0);
  epoch = await epochOf(target);
});
after(() => ensemble.close());

/** What the third server says, to the first. */
const greeting = (but: Partial<Hello>): Buffer => hello({ id: 3, to: 1, ...but });

class Stranger {
  readonly #socket: Socket;
  received = Buffer.alloc(0);
  readonly closed: Promise<void>;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1' });
    this.#socket.on('data', (chunk: Buffer) => (this.received = Buffer.concat([this.received, chunk])));
    this.#socket.on('error', () => this.#socket.destroy());
    this.closed = new Promise((resolve) => this.#socket.once('close', () => resolve()));
  }

  say(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Resolves once the other side has answered with its hello. */
  async welcomed(): Promise<void> {
    while (this.received.length < helloBytes)
      await Promise.race([
        new Promise((resolve) => this.#socket.once('data', resolve)),
        this.closed.then(() => assert.fail('refused instead of welcomed')),
      ]);
  }

  async isClosed(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error('the link is still open')), goneMs);
    });
    await Promise.race([this.closed, late]);
    clearTimeout(timer);
  }
}

async function epochOf(server: ServerProcess): Promise<string> {
  return /^Zxid: (0x[0-9a-f]+)$/m.exec(await word(server.clientPort, 'srvr'))![1]!.slice(0, -8);
}

/** The client that was there before is still served, in the same epoch. */
async function goesOn(): Promise<void> {
  const reply = await client.set('/kept', 'x');
  assert.equal(reply?.err, 0);
  assert.equal(await epochOf(target), epoch);
}

const refused: readonly (readonly [string, Buffer])[] = [
  ['data of another ensemble', greeting({ ensemble: 12_345 })],
  ['an id that no server has', greeting({ id: 9 })],
  ["the target's own id", greeting({ id: 1 })],
  ['a hello for another server', greeting({ to: 2 })],
  ['another version of the protocol', greeting({ version: 99 })],
  ['another magic number', greeting({ magic: 1 })],
  ['a hello with a bad checksum', greeting({ crc: 7 })],
  ['a request of HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
  ['zeros', Buffer.alloc(64)],
];

for (const [name, bytes] of refused)
  test(`refused: ${name}`, async () => {
    const stranger = new Stranger(target.quorumPort);
    stranger.say(bytes);
    await stranger.isClosed();
    assert.equal(stranger.received.length, 0, 'a stranger is told nothing');
    await goesOn();
  });

test('closed in time: strangers that say nothing, or half a hello', async () => {
  const silent = Array.from({ length: 20 }, () => new Stranger(target.quorumPort));
  silent[0]!.say(greeting({}).subarray(0, 20));
  await goesOn();
  await Promise.all(silent.map((stranger) => stranger.isClosed()));
  await goesOn();
});

const badFrames: readonly (readonly [string, Buffer])[] = [
  ['a bad checksum', frame(Buffer.from([19, ...Buffer.alloc(16)]), { crc: 1 })],
  ['a length of 4 GiB', frame(Buffer.alloc(0), { length: 0xffffffff })],
  ['a checksum of more than there is', frame(Buffer.from([19]), { covered: 2 })],
  ['a kind that does not exist', frame(Buffer.from([99, 1, 2, 3]))],
  ['a vote that is no MessagePack', frame(Buffer.from([1, 0xc1, 0xff]))],
  ['a proposal that is no batch', frame(Buffer.concat([Buffer.from([16]), Buffer.alloc(64)]), { covered: 17 })],
  ['random bytes', Buffer.from('0badc0de'.repeat(32), 'hex')],
];

for (const [name, bytes] of badFrames)
  test(`a link ends at a frame with ${name}`, async () => {
    const stranger = new Stranger(target.quorumPort);
    stranger.say(greeting({}));
    await stranger.welcomed();
    stranger.say(bytes);
    await stranger.isClosed();
    await goesOn();
  });

test('the real server 3 joins after all that', async () => {
  const third = ensemble.servers[2]!;
  third.start();
  assert.equal(await third.serving(), 'follower');
  await goesOn();
  assert.match(target.output, /its data belongs to another ensemble/);
});
