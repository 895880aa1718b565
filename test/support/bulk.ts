/**
 * A client for very many requests and very long replies: frames are cut and counted, nothing is kept
 * but what a test asks for.
 */
import { connect, type Socket } from 'node:net';
import { connectRequest, op, openAcl, Record, type ConnectOptions } from './raw-client.ts';

/** Bytes of requests that wait to be sent, beyond which the next ones are made later. */
const unsentBytesMax = 1024 * 1024;
const createTail = new Record().buffer('').acl(openAcl).bytes();

export class Bulk {
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  /** Bytes to come before the frame under way is whole. */
  #missing = 8;
  #waiting: { left: number; done: () => void; failed: (error: Error) => void; reply: (frame: Buffer) => void } | null =
    null;
  #xid = 0;
  /** Watch events so far. */
  events = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#waiting?.failed(new Error('the connection ended')));
  }

  /** Opens a connection with a session. */
  static async connect(port: number, options: ConnectOptions = {}): Promise<Bulk> {
    const client = new Bulk(connect({ port, host: '127.0.0.1', noDelay: true }));
    const answer = client.#replies(1, () => {});
    client.#socket.write(new Record().buffer(connectRequest(options)).bytes());
    await answer;
    return client;
  }

  /** Creates nodes, without data; all have to succeed. */
  async create(paths: Iterable<string>, count: number, flags = 0): Promise<void> {
    const tail = Buffer.concat([createTail, new Record().int(flags).bytes()]);
    await this.#askAll(paths, count, op.create, tail);
  }

  /** Deletes nodes, whatever their version. */
  async remove(paths: Iterable<string>, count: number): Promise<void> {
    await this.#askAll(paths, count, op.delete, new Record().int(-1).bytes());
  }

  /** Asks for `code` at each path, what follows the path being `tail`; every reply has to be a success. */
  async #askAll(paths: Iterable<string>, count: number, code: number, tail: Buffer): Promise<void> {
    const answered = this.#replies(count, (frame) => {
      const error = frame.readInt32BE(12);
      if (error !== 0) throw new Error(`a request was refused with ${error}`);
    });
    for (const path of paths) {
      if (!this.#socket.write(this.#request(code, path, tail)) && this.#socket.writableLength > unsentBytesMax)
        await Promise.race([new Promise((resolve) => this.#socket.once('drain', resolve)), answered]);
    }
    await answered;
  }

  /** Leaves a watch at each path: `exists`, whose node has to be there. */
  async watch(paths: Iterable<string>, count: number): Promise<void> {
    await this.#askAll(paths, count, op.exists, Buffer.of(1));
  }

  /** Sends one request whose record is given; resolves with the body of its reply. */
  async ask(code: number, record: Record): Promise<Buffer> {
    let body: Buffer = Buffer.alloc(0);
    const answered = this.#replies(1, (frame) => (body = frame.subarray(16)));
    const request = new Record().int(++this.#xid).int(code).raw(record.bytes());
    this.#socket.write(new Record().buffer(request.bytes()).bytes());
    await answered;
    return body;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #request(code: number, path: string, tail: Buffer): Buffer {
    const length = 12 + path.length + tail.length;
    const frame = Buffer.allocUnsafe(4 + length);
    frame.writeInt32BE(length, 0);
    frame.writeInt32BE(++this.#xid, 4);
    frame.writeInt32BE(code, 8);
    frame.writeInt32BE(path.length, 12);
    frame.write(path, 16, 'latin1');
    tail.copy(frame, 16 + path.length);
    return frame;
  }

  /** Resolves after `count` frames that are no watch events. */
  #replies(count: number, reply: (frame: Buffer) => void): Promise<void> {
    return new Promise((done, failed) => (this.#waiting = { left: count, done, failed, reply }));
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#missing -= chunk.length;
    if (this.#missing > 0) return;
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    this.#chunks.length = 0;
    while (rest.length >= 8 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0);
      this.#frame(rest.subarray(4, end));
      rest = rest.subarray(end);
    }
    if (rest.length > 0) this.#chunks.push(rest);
    this.#missing = (rest.length >= 4 ? 4 + rest.readInt32BE(0) : 8) - rest.length;
  }

  #frame(frame: Buffer): void {
    if (frame.readInt32BE(0) === -1) {
      this.events++;
      return;
    }
    const waiting = this.#waiting!;
    try {
      waiting.reply(frame);
    } catch (error) {
      waiting.failed(error as Error);
    }
    if (--waiting.left === 0) waiting.done();
  }
}
