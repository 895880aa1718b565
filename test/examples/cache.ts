/** A mirror of a subtree: `node dist/test/examples/cache.js [host:port,…]` */
import { Client } from '../../engine/client/index.ts';
import { Cache } from '../../engine/recipes/index.ts';

const client = await Client.connect(process.argv[2] ?? '127.0.0.1:2181');
await client.create('/tree', 'trunk');
const mirror = await Cache.open(client, '/tree');
const events = mirror.events();
await client.create('/tree/branch', 'green');
for await (const { type, node } of events) {
  console.log(`${type} ${node.path}: ${mirror.get(node.path)?.data}`);
  break;
}
mirror.close();
await client.close();
