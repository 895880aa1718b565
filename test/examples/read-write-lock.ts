/** Many readers, or one writer: `node dist/test/examples/read-write-lock.js [host:port,…]` */
import { Client } from '../../engine/client/index.ts';
import { ReadWriteLock } from '../../engine/recipes/index.ts';

const client = await Client.connect(process.argv[2] ?? '127.0.0.1:2181');
const { read, write } = new ReadWriteLock(client, '/locks/catalogue');
const readers = await Promise.all([read.acquire(), read.acquire()]);
console.log(`a writer beside readers: ${await write.tryAcquire()}`);
await Promise.all(readers.map((held) => held.release()));
await write.run(() => console.log('writing alone'));
await client.close();
