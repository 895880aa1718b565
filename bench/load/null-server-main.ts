/** The server that only pretends, as a process: tells its port and ends with its parent. */
import { NullServer } from './null-server.ts';

const server = await NullServer.start();
process.send!(server.port);
process.on('disconnect', () => process.exit(0));
