/** Where a service is: `node dist/test/examples/service-registry.js [host:port,…]` */
import { Client } from '../../engine/client/index.ts';
import { ServiceRegistry } from '../../engine/recipes/index.ts';

const client = await Client.connect(process.argv[2] ?? '127.0.0.1:2181');
const services = new ServiceRegistry<{ version: number }>(client, '/services');
const seat = await services.register({ name: 'search', address: '10.0.0.7', port: 8080, payload: { version: 2 } });
for (const { address, port, payload } of await services.instances('search'))
  console.log(`search at ${address}:${port}, version ${payload?.version}`);
await seat.leave();
await client.close();
