/** A configuration that is always valid: `node dist/test/examples/config-store.js [host:port,…]` */
import { Client } from '../../engine/client/index.ts';
import { ConfigStore } from '../../engine/recipes/index.ts';

interface Limits {
  readonly rate: number;
}

function validate(value: unknown): Limits {
  const { rate } = value as Limits;
  if (!(rate > 0)) throw new TypeError('rate must be positive');
  return { rate };
}

const client = await Client.connect(process.argv[2] ?? '127.0.0.1:2181');
const limits = await ConfigStore.open<Limits>(client, '/config/limits', { validate, initial: { rate: 10 } });
await limits.update((value) => ({ ...value, rate: value.rate * 2 }));
for await (const { rate } of limits.changes()) {
  console.log(`rate ${rate}`);
  break;
}
limits.close();
await client.close();
