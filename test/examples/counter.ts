/** Numbers that nobody else gets: `node dist/test/examples/counter.js [host:port,…]` */
import { Client } from '../../engine/client/index.ts';
import { Counter } from '../../engine/recipes/index.ts';

const client = await Client.connect(process.argv[2] ?? '127.0.0.1:2181');
const orders = new Counter(client, '/counters/orders');
console.log(`order ${await orders.add()}, order ${await orders.add()}`);
await client.close();
