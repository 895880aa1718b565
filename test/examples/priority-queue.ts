/** The most urgent first: `node dist/test/examples/priority-queue.js [host:port,…]` */
import { Client } from '../../engine/client/index.ts';
import { PriorityQueue } from '../../engine/recipes/index.ts';

const client = await Client.connect(process.argv[2] ?? '127.0.0.1:2181');
const alarms = new PriorityQueue(client, '/queues/alarms');
await alarms.put('disk is getting full', 500);
await alarms.put('fire', 0);
console.log(`${await alarms.take()}, then ${await alarms.take()}`);
await client.close();
