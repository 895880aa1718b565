/** Who is there: `node dist/test/examples/membership.js [host:port,…]` */
import { Client } from '../../engine/client/index.ts';
import { Membership } from '../../engine/recipes/index.ts';

const client = await Client.connect(process.argv[2] ?? '127.0.0.1:2181');
const workers = new Membership<{ zone: string }>(client, '/workers');
const seat = await workers.join('host-1', { zone: 'a' });
for await (const members of workers.watch()) {
  for (const { id, metadata } of members) console.log(`${id} in zone ${metadata?.zone}`);
  break;
}
await seat.leave();
await client.close();
