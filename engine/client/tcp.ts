/** TCP, with one buffer per connection that all reads reuse. */
import { Buffer } from 'node:buffer';
import { connect } from 'node:net';
import type { Connector } from './transport.ts';

const readBytes = 64 * 1024;

export const tcp: Connector = ({ host, port }, events) => {
  let isOver = false;
  let reason: Error | null = null;
  const socket = connect({
    host,
    port,
    noDelay: true,
    onread: {
      buffer: Buffer.allocUnsafeSlow(readBytes),
      callback: (length, bytes) => {
        if (!isOver) events.received((bytes as Buffer).subarray(0, length));
        return true;
      },
    },
  });
  socket.on('connect', () => {
    if (!isOver) events.opened();
  });
  socket.on('error', (error) => (reason = error));
  // The server has nothing more to say: what it was asked last is never answered.
  socket.on('end', () => socket.destroy());
  socket.on('close', () => {
    if (!isOver) events.closed(reason);
    isOver = true;
  });
  return {
    write: (bytes) => void socket.write(bytes),
    close: () => {
      isOver = true;
      // What was written still leaves, and the server's end is not waited for.
      socket.destroySoon();
    },
  };
};
