/**
 * One connection that misbehaves: its bytes come whole, in pieces or in drips, its end is half closed or
 * abrupt, and it reads what comes back or does not.
 */
import { connect } from 'node:net';
import type { Prng } from '../../../engine/base/prng.ts';
import { pause } from '../../support/until.ts';

const dripMs = 5;
/** Left open so long at most after the last byte. */
const lingerMs = 60;

export type Ending = 'refused' | 'closed by the server' | 'left' | 'half closed';

/**
 * @param pieces what to send
 * @param answerBytes so much of an answer is awaited after the first piece
 */
export async function attack(prng: Prng, port: number, pieces: readonly Buffer[], answerBytes = 0): Promise<Ending> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let closed = false;
  let received = 0;
  let wake = (): void => {};
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    closed = true;
    wake();
  });
  const isDeaf = prng.chance(0.1);
  if (!isDeaf)
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
      wake();
    });
  socket.on('end', () => {
    closed = true;
    wake();
  });
  const until = async (holds: () => boolean, ms: number): Promise<void> => {
    const end = performance.now() + ms;
    while (!closed && !holds() && performance.now() < end)
      await Promise.race([pause(end - performance.now()), new Promise<void>((resolve) => (wake = resolve))]);
  };
  const drips = prng.chance(0.1);
  for (const [index, piece] of pieces.entries()) {
    if (closed) break;
    socket.write(piece);
    if (index === 0 && answerBytes > 0 && !isDeaf) await until(() => received >= answerBytes, 1000);
    if (drips) await pause(prng.below(dripMs));
  }
  const isHalf = !closed && prng.chance(0.3);
  if (isHalf) socket.end();
  await until(() => false, prng.below(lingerMs));
  const isRefused = received === 0;
  const ending = closed ? (isRefused ? 'refused' : 'closed by the server') : isHalf ? 'half closed' : 'left';
  // A socket that is half closed cannot be reset: Node keeps it for ever.
  if (!isHalf && !closed && prng.chance(0.5)) socket.resetAndDestroy();
  else socket.destroy();
  return ending;
}
