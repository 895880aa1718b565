/**
 * Writes down what a server answers:  node dist/test/golden/capture.js PORT > test/golden/replies.json
 *
 * `replies.json` was captured from a new standalone Apache ZooKeeper 3.8.0 (Debian's package) with
 * tickTime=500.
 */
import { converse, scenarioNames } from './scenarios/index.ts';

const transcripts: { [name: string]: readonly string[] } = {};
for (const name of scenarioNames) {
  process.stderr.write(`${name}\n`);
  transcripts[name] = await converse(name, Number(process.argv[2]));
}
process.stdout.write(`${JSON.stringify(transcripts, null, 2)}\n`);
