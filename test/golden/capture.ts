/**
 * Writes down what a server answers:  node dist/test/golden/capture.js PORT > test/golden/replies.json
 *
 * `replies.json` was captured from a fresh standalone Apache ZooKeeper 3.8.0 (Debian's package).
 */
import { converse } from './steps.ts';

process.stdout.write(`${JSON.stringify(await converse(Number(process.argv[2])), null, 2)}\n`);
