/** Looks for a server that takes writes while the session is with one that does not: the word `isro` asks. */
import { Buffer } from 'node:buffer';
import type { Environment } from './environment.ts';
import type { Connector, ServerAddress, Transport } from './transport.ts';

const answerMsMax = 1000;

/** Asks one server; `done` hears whether it is in the ensemble, once. Returns a function that gives up. */
export function probe(
  connector: Connector,
  address: ServerAddress,
  environment: Environment,
  done: (isReadWrite: boolean) => void,
): () => void {
  let text = '';
  let transport: Transport | null = null;
  const end = (isReadWrite: boolean | null): void => {
    stopTimer();
    transport?.close();
    if (isReadWrite !== null) done(isReadWrite);
  };
  const stopTimer = environment.after(answerMsMax, () => end(false));
  transport = connector(address, {
    opened: () => transport!.write(Buffer.from('isro')),
    received: (bytes) => {
      text += bytes.toString('latin1');
      if (text.length >= 2) end(text.startsWith('rw'));
    },
    closed: () => end(false),
  });
  return () => end(null);
}
