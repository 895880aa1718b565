/** First in, first out: `node dist/test/examples/queue.js [host:port,…]` */
import { Client } from '../../engine/client/index.ts';
import { Queue } from '../../engine/recipes/index.ts';

const client = await Client.connect(process.argv[2] ?? '127.0.0.1:2181');
const jobs = new Queue(client, '/queues/jobs');
await jobs.put('first');
await jobs.put('second');
console.log(`${await jobs.take()}, then ${await jobs.take()}`);
await client.close();
