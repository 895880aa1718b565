/** Two in together, and out together: `node dist/test/examples/double-barrier.js [host:port,…]` */
import { Client } from '../../engine/client/index.ts';
import { DoubleBarrier } from '../../engine/recipes/index.ts';

const client = await Client.connect(process.argv[2] ?? '127.0.0.1:2181');
const work = async (name: string): Promise<void> => {
  const barrier = new DoubleBarrier(client, '/barriers/round', 2);
  await barrier.enter();
  console.log(`${name} works`);
  await barrier.leave();
};
await Promise.all([work('one'), work('two')]);
console.log('both are done');
await client.close();
