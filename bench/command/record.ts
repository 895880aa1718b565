/**
 * `record FILE --listen PORT --hosts …`: stands between clients and servers and writes down what is asked.
 *
 *   clients ─► this port ─► a server        every request is a line of FILE; replies pass unseen
 */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { RequestReader } from '../load/request-reader.ts';
import { whole } from '../report/format.ts';
import { print } from './finish.ts';
import type { Options } from './options.ts';

export async function runRecord(options: Options): Promise<void> {
  const { hosts, listen, positionals } = options;
  const [file] = positionals;
  if (hosts === null || listen === null || file === undefined)
    throw new Error('record wants a file, --listen PORT for the clients and --hosts of the servers.');
  const out = createWriteStream(file);
  await once(out, 'open').catch((error: Error) => {
    throw new Error(`${file} cannot be written: ${error.message}.`);
  });
  const startedAt = performance.now();
  const clients = new Set<Socket>();
  let sessions = 0;
  let count = 0;
  const server = createServer({ noDelay: true }, (client) => {
    const { host, port } = hosts[sessions % hosts.length]!;
    const session = sessions++;
    const upstream = connect({ host, port, noDelay: true });
    const reader = new RequestReader((kind, path, bytes, flags) => {
      const at = Math.round((performance.now() - startedAt) * 10) / 10;
      out.write(`${JSON.stringify([at, session, kind, path, bytes, flags])}\n`);
      count++;
    });
    client.on('data', (chunk: Buffer) => {
      reader.push(chunk);
      upstream.write(chunk);
    });
    clients.add(client);
    client.once('close', () => clients.delete(client));
    join(upstream, client);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen, resolve);
  });
  print(`recording what comes to port ${listen} into ${file}; Ctrl-C ends it`);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
    if (options.seconds !== null) setTimeout(resolve, options.seconds * 1000);
  });
  server.close();
  // What they ask from now on would come behind the end of the file.
  for (const client of clients) client.destroy();
  await new Promise<void>((resolve) => out.end(() => resolve()));
  print(`${whole(count)} requests of ${whole(sessions)} connections in ${file}`);
}

function join(upstream: Socket, client: Socket): void {
  upstream.on('data', (chunk) => client.write(chunk));
  for (const [one, other] of [
    [upstream, client],
    [client, upstream],
  ] as const) {
    one.on('error', () => one.destroy());
    one.on('close', () => other.destroy());
  }
}
