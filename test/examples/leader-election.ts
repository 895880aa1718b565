/** One leader: `node dist/test/examples/leader-election.js [host:port,…]` */
import { Client } from '../../engine/client/index.ts';
import { LeaderElection } from '../../engine/recipes/index.ts';

const client = await Client.connect(process.argv[2] ?? '127.0.0.1:2181');
const election = new LeaderElection(client, '/election', { id: 'host-1' });
const leadership = await election.campaign();
for await (const leader of election.observe()) {
  console.log(`the leader is ${leader?.id}, still in office: ${leadership.isHeld}`);
  break;
}
await leadership.resign();
await client.close();
