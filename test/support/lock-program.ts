/** A program that takes a lock, tells its token and keeps it until it is killed: argv SERVERS PATH SESSION-MS. */
import { Client } from '../../engine/client/index.ts';
import { Lock } from '../../engine/recipes/index.ts';

const [servers, path, sessionTimeoutMs] = process.argv.slice(2) as [string, string, string];
const client = await Client.connect(servers, { sessionTimeoutMs: Number(sessionTimeoutMs) });
const { token } = await new Lock(client, path).acquire();
process.on('disconnect', () => process.exit());
process.send!(token);
