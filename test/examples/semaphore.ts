/** At most two at once: `node dist/test/examples/semaphore.js [host:port,…]` */
import { Client } from '../../engine/client/index.ts';
import { Semaphore } from '../../engine/recipes/index.ts';

const client = await Client.connect(process.argv[2] ?? '127.0.0.1:2181');
const exports = new Semaphore(client, '/limits/exports', 2);
await Promise.all(['a', 'b', 'c'].map((name) => exports.run(() => console.log(`exporting ${name}`))));
await client.close();
