/** All wait until it is removed: `node dist/test/examples/barrier.js [host:port,…]` */
import { Client } from '../../engine/client/index.ts';
import { Barrier } from '../../engine/recipes/index.ts';

const client = await Client.connect(process.argv[2] ?? '127.0.0.1:2181');
const migration = new Barrier(client, '/barriers/migration');
await migration.set();
const waiting = migration.wait().then(() => console.log('going on'));
console.log('migrating');
await migration.remove();
await waiting;
await client.close();
