/** One at a time: `node dist/test/examples/lock.js [host:port,…]` */
import { Client } from '../../engine/client/index.ts';
import { Lock } from '../../engine/recipes/index.ts';

const client = await Client.connect(process.argv[2] ?? '127.0.0.1:2181');
const lock = new Lock(client, '/locks/report');
await lock.run(
  ({ token, lost }) => {
    // Whoever stores the report refuses tokens smaller than the largest it has seen.
    console.log(`writing with a fencing token: ${token > 0}, lost: ${lost.aborted}`);
  },
  { timeoutMs: 10_000 },
);
await client.close();
